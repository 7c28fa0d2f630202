"""Parquet to batches of text, so that one set of rules judges every format. A number keeps its digits."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sluice.errors import UnreadableFileError
from sluice.intake.batches import ROWS_PER_BATCH, Batch, Batches, Broken
from sluice.intake.limits import Limits
from sluice.intake.rules import mapped
from sluice.model.values import number_text

# Digits as `number_text` writes them: no exponent, and no zero at the end of a fraction.
_PLAIN_DIGITS = r"^(\d+|-[1-9]\d*|-?\d+\.\d*[1-9])$"
_ADVICE = {
    "pandas.period": "write it as text such as 2026-01, or as a timestamp",
    "pandas.interval": "write it as text, or its two ends as two columns",
}


def parquet_columns(path: Path) -> list[str]:
    """Names of the top-level columns. Raises UnreadableFileError."""
    try:
        return list(pq.ParquetFile(path).schema_arrow.names)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFileError(f"the Parquet file is damaged or cut off: {_first_line(error)}") from None


def check_size(path: Path, limits: Limits) -> None:
    """Raises FileTooLargeError for what would unpack to too much, by the file's own footer; UnreadableFileError."""
    try:
        metadata = pq.ParquetFile(path).metadata
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFileError(f"the Parquet file is damaged or cut off: {_first_line(error)}") from None
    groups = [metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)]
    limits.check_file(sum(groups), "unpacked, the Parquet file has")
    limits.check_group(max(groups, default=0))


def read_parquet(path: Path, wanted: list[str]) -> Batches:
    """Batches with the `wanted` columns.

    Raises UnreadableFileError, which names each column whose type has no plain values, and quotes no value of a row.
    """
    row = 0
    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
        if refused := [why for name in wanted if (why := _no_plain_values(schema.field(name)))]:
            raise UnreadableFileError("; ".join(refused))
        native = {name: not _is_text(schema.field(name).type) for name in wanted}
        for record_batch in file.iter_batches(batch_size=ROWS_PER_BATCH, columns=wanted):
            count = len(record_batch)
            numbers = pa.array(range(row + 1, row + count + 1), pa.int64())
            yield _batch({name: record_batch.column(name) for name in wanted}, numbers, native)
            row += count
    except pa.ArrowMemoryError:
        raise
    except (pa.ArrowException, OSError) as error:
        # Arrow's message may quote the value that it could not read
        kind = type(error).__name__
        raise UnreadableFileError(f"the Parquet file cannot be read after row {row}: {kind}; write it again") from None


def _batch(columns: dict[str, pa.Array], rows: pa.Array, native: dict[str, bool]) -> Batch:
    """A row with an infinite number is broken, as it is in JSON: in a text column it would become a text."""
    broken: list[Broken] = []
    infinite = pa.repeat(pa.scalar(False), len(rows))
    for name, values in columns.items():
        if pa.types.is_floating(values.type):
            found = pc.fill_null(pc.is_inf(values.cast(pa.float64())), False)
            broken += [
                Broken(row, "parquet", f"{name!r} holds an infinite number", {name: "infinity"})
                for row in rows.filter(pc.and_not(found, infinite)).to_pylist()
            ]
            infinite = pc.or_(infinite, found)
    if broken:
        kept = pc.invert(infinite)
        columns, rows = {name: values.filter(kept) for name, values in columns.items()}, rows.filter(kept)
    return Batch({name: _text(values) for name, values in columns.items()}, rows, tuple(broken), native)


def _no_plain_values(field: pa.Field) -> str | None:
    """Why a column cannot be read as plain values; None if it can."""
    kind = field.type
    extension = (field.metadata or {}).get(b"ARROW:extension:name", b"").decode("utf-8", "replace")
    if isinstance(kind, pa.BaseExtensionType):
        extension = kind.extension_name
    if extension:
        advice = _ADVICE.get(extension, "write it as text or as a number")
        return f"column {field.name!r} is of the type {extension}; {advice}"
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_nested(kind):
        return f"column {field.name!r} is {kind}; one plain value a row is expected: write its parts as columns"
    readable = (
        _is_text(kind)
        or pa.types.is_null(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_date(kind)
        or pa.types.is_time(kind)
        or pa.types.is_timestamp(kind)
    )
    return None if readable else f"column {field.name!r} is {kind}; write it as text or as a number"


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _text(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if pa.types.is_floating(kind):
        if pa.types.is_float16(kind):
            values = values.cast(pa.float32())
        # pandas writes missing numbers as NaN
        return _digits(pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values).cast(pa.string()))
    if pa.types.is_decimal(kind):
        return _digits(values.cast(pa.string()))
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        values = values.cast(pa.timestamp("us", kind.tz), safe=False)
    if _is_text(kind):
        values = values.cast(pa.large_binary())  # casting back checks that it is UTF-8
    return values.cast(pa.string())


def _digits(text: pa.Array) -> pa.Array:
    """Arrow writes `4e+10`, `1E-7` and `12.00`: the same number in digits."""
    plain = pc.match_substring_regex(text, _PLAIN_DIGITS)
    if pc.all(plain, min_count=0).as_py():
        return text
    odd = pc.if_else(plain, pa.scalar(None, pa.string()), text)
    written = mapped(odd, lambda digits: number_text(Decimal(digits)), pa.string())
    return pc.if_else(pc.fill_null(plain, True), text, written)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
