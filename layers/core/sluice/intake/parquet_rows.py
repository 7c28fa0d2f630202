"""Parquet to batches of text, so that one set of rules judges every format. A number keeps its digits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sluice.errors import UnreadableFileError
from sluice.intake.arrow_cells import Cells, cells_as_text, is_text, read_cells, typed_cells
from sluice.intake.arrow_types import AS_TEXT, Plan, Planned
from sluice.intake.batches import ROWS_PER_BATCH, Batch, Batches, Broken, Notes
from sluice.intake.limits import Limits
from sluice.intake.nested import Leaf, leaf, leaf_fields
from sluice.intake.parts import Boundary, Part

File = Path | IO[bytes]
"""On the disk, or anything that can be read at any place."""
_ADVICE = {
    "pandas.period": "write it as text such as 2026-01, or as a timestamp",
    "pandas.interval": "write it as text, or its two ends as two columns",
}


def parquet_columns(path: File, flatten: bool = False) -> list[str]:
    """Names of the columns: of the outermost ones, or of those within them too. Raises UnreadableFileError."""
    return [field.name for _, field in _fields(_opened(path).schema_arrow, flatten)]


def without_plain_values(path: File, flatten: bool = False) -> dict[str, str]:
    """The columns that cannot be read, and why. Raises UnreadableFileError."""
    found = {field.name: _no_plain_values(field) for _, field in _fields(_opened(path).schema_arrow, flatten)}
    return {name: why for name, why in found.items() if why}


def check_size(path: File, limits: Limits) -> None:
    """Raises FileTooLargeError for what would unpack to too much, by the file's own footer; UnreadableFileError."""
    metadata = _opened(path).metadata
    groups = [metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)]
    limits.check_file(sum(groups), "unpacked, the Parquet file has")
    limits.check_group(max(groups, default=0))


def parquet_boundaries(path: File) -> Iterator[Boundary]:
    """Before and after each row group; bytes are unpacked ones."""
    metadata = _opened(path).metadata
    size = rows = 0
    yield 0, size, rows
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        size, rows = size + group.total_byte_size, rows + group.num_rows
        yield number + 1, size, rows


def read_parquet(
    path: File,
    wanted: list[str],
    notes: Notes | None = None,
    plan: Plan = AS_TEXT,
    part: Part | None = None,
    flatten: bool = False,
) -> Batches:
    """Batches with the `wanted` columns. `notes` counts NaN; `plan`: which columns may come as more than text.

    `part`: the row groups to read; all by default. `flatten`: columns within others have names such as `address.city`.

    Pages whose checksum is in the file are compared with it. Raises UnreadableFileError, which names each column whose
    type has no plain values, and quotes no value of a row.
    """
    row = part.before if part else 0
    try:
        file = _opened(path, coerce_int96_timestamp_unit="ns", page_checksum_verification=True)
        known = {field.name: (names, field) for names, field in _fields(file.schema_arrow, flatten)}
        if refused := [why for name in wanted if (why := _no_plain_values(known[name][1]))]:
            raise UnreadableFileError("; ".join(refused))
        native = {name: not _is_text(known[name][1].type) for name in wanted}
        groups = list(range(part.start, part.end) if part else range(file.num_row_groups))
        seconds = _int96_seconds(path, file, {name: known[name][0] for name in wanted}, groups)
        batches = file.iter_batches(batch_size=ROWS_PER_BATCH, columns=wanted, row_groups=groups)
        for record_batch, times in zip(batches, seconds, strict=False):
            count = len(record_batch)
            cells = {name: read_cells(_column(record_batch, known[name][0]), times.get(name)) for name in wanted}
            if notes is not None:
                notes.nan.update({name: found.nan for name, found in cells.items() if found.nan})
                notes.cut_times.update({name: found.cut for name, found in cells.items() if found.cut})
            numbers = pa.array(range(row + 1, row + count + 1), pa.int64())
            yield _batch(cells, numbers, native, plan)
            row += count
    except pa.ArrowMemoryError:
        raise
    except (pa.ArrowException, OSError) as error:
        if "CRC" in str(error):
            raise UnreadableFileError(
                f"the Parquet file is damaged: after row {row}, a page is not what its checksum says; upload it again"
            ) from None
        # Arrow's message may quote the value that it could not read
        kind = type(error).__name__
        raise UnreadableFileError(f"the Parquet file cannot be read after row {row}: {kind}; write it again") from None


def _fields(schema: pa.Schema, flatten: bool) -> list[Leaf]:
    return [each for field in schema for each in (leaf_fields(field) if flatten else [((field.name,), field)])]


def _column(batch: pa.RecordBatch, path: tuple[str, ...]) -> pa.Array:
    return leaf(batch.column(path[0]), path[1:])


def _opened(path: File, **options: Any) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path, **options)
        # the names of columns are decoded here
        file.schema_arrow.names  # noqa: B018
    except UnicodeDecodeError:
        raise UnreadableFileError("the name of a column of the Parquet file is not UTF-8; write it again") from None
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFileError(f"the Parquet file is damaged or cut off: {_first_line(error)}") from None
    return file


def _int96_seconds(
    path: File, file: pq.ParquetFile, paths: Mapping[str, tuple[str, ...]], groups: Sequence[int]
) -> Iterator[dict[str, pa.Array]]:
    """For each batch, the columns of 96-bit times in seconds, which hold all that 96 bits may mean."""
    leaves = [file.schema.column(place) for place in range(len(file.schema))]
    names = [leaf.path for leaf in leaves if leaf.physical_type == "INT96" and leaf.path in paths]
    if not names:
        while True:
            yield {}
    again = _opened(path, coerce_int96_timestamp_unit="s", page_checksum_verification=True)
    for batch in again.iter_batches(batch_size=ROWS_PER_BATCH, columns=names, row_groups=groups):
        yield {name: _column(batch, paths[name]) for name in names}


def _batch(cells: dict[str, Cells], rows: pa.Array, native: dict[str, bool], plan: Plan) -> Batch:
    """A row with a cell of which no value can be made is broken, since in a text column it would become a text."""
    damaged = {name: found for name, found in cells.items() if found.bad is not None}
    columns = {name: found.values for name, found in cells.items()}
    broken: list[Broken] = []
    if damaged:
        bad = reduce(pc.or_, (found.bad for found in damaged.values()))
        places = pc.indices_nonzero(bad)
        broken = list(_broken(columns, damaged, places, rows.take(places).to_pylist()))
        kept = pc.invert(bad)
        columns, rows = {name: values.filter(kept) for name, values in columns.items()}, rows.filter(kept)

    def raw(places: Sequence[int]) -> list[dict[str, Any]]:
        return _texts(columns, pa.array(places, pa.int64()))

    found = {name: _as_planned(values, plan.columns.get(name)) for name, values in columns.items()}
    return Batch(found, rows, tuple(broken), native, raw)


def _broken(
    columns: dict[str, pa.Array], damaged: dict[str, Cells], places: pa.Array, rows: list[int]
) -> Iterator[Broken]:
    texts = _texts(columns, places)
    for place, row, values in zip(places.to_pylist(), rows, texts, strict=True):
        at = {name: found for name, found in damaged.items() if found.bad is not None and found.bad[place].as_py()}
        values |= {name: found.shown(place) for name, found in at.items()}
        why = "; ".join(f"{name!r} holds {found.what}" for name, found in at.items())
        yield Broken(row, "parquet", why, values, next(iter(at)))


def _texts(columns: dict[str, pa.Array], places: pa.Array) -> list[dict[str, Any]]:
    taken = {name: cells_as_text(values.take(places)).to_pylist() for name, values in columns.items()}
    return [{name: values[i] for name, values in taken.items()} for i in range(len(places))]


def _as_planned(values: pa.Array, column: Planned | None) -> pa.Array:
    """The column's type where it means what its text would mean; else text."""
    typed = None if column is None or not column.candidates else typed_cells(values, column.candidates[0])
    return cells_as_text(values) if typed is None else typed


def _no_plain_values(field: pa.Field) -> str | None:
    """Why a column cannot be read as plain values; None if it can."""
    kind = field.type
    extension = (field.metadata or {}).get(b"ARROW:extension:name", b"").decode("utf-8", "replace")
    if isinstance(kind, pa.BaseExtensionType):
        extension = kind.extension_name
    if extension and not isinstance(kind, pa.UuidType):
        advice = _ADVICE.get(extension, "write it as text or as a number")
        return f"column {field.name!r} is of the type {extension}; {advice}"
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_struct(kind):
        return f"column {field.name!r} is {kind}; with data.file.flatten in the contract, its parts are columns"
    if pa.types.is_nested(kind):
        return f"column {field.name!r} is {kind}; one plain value a row is expected: write its parts as columns"
    readable = (
        _is_text(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_null(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_date(kind)
        or pa.types.is_time(kind)
        or pa.types.is_timestamp(kind)
        or isinstance(kind, pa.UuidType)
    )
    return None if readable else f"column {field.name!r} is {kind}; write it as text or as a number"


def _is_text(kind: pa.DataType) -> bool:
    """Impala and Hive write text as bytes without an annotation."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return is_text(kind)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
