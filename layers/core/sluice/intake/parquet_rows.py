"""Parquet to batches of text, so that one set of rules judges every format."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sluice.errors import UnreadableFileError
from sluice.intake.batches import ROWS_PER_BATCH, Batch, Batches
from sluice.intake.limits import Limits


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
    """Batches with the `wanted` columns. Raises UnreadableFileError, whose message quotes no value of a row."""
    row = 0
    try:
        file = pq.ParquetFile(path)
        for record_batch in file.iter_batches(batch_size=ROWS_PER_BATCH, columns=wanted):
            rows = len(record_batch)
            columns = {name: _text(name, record_batch.column(name)) for name in wanted}
            yield Batch(columns, pa.array(range(row + 1, row + rows + 1), pa.int64()))
            row += rows
    except pa.ArrowMemoryError:
        raise
    except (pa.ArrowException, OSError) as error:
        # Arrow's message may quote the value that it could not read
        kind = type(error).__name__
        raise UnreadableFileError(f"the Parquet file cannot be read after row {row}: {kind}; write it again") from None


def _text(name: str, values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.dictionary_decode()
        kind = values.type
    if pa.types.is_nested(kind):
        raise UnreadableFileError(f"column {name!r} is {kind}; one plain value a row is expected")
    if pa.types.is_floating(kind):
        if pa.types.is_float16(kind):
            values = values.cast(pa.float32())
        # pandas writes missing numbers as NaN
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        values = values.cast(pa.timestamp("us", kind.tz), safe=False)
    return values.cast(pa.string())


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
