"""The profile of a dataset: `{"format": 1, "datasets": [ids], "rows": n, "columns": {name: {...}}}`.
In S3 it also has the `contract_version` that the rows were judged by, `read_as` (how the file was read, in words), and
`spellings`: how the file writes true and false in each column of booleans.

Each column has `type`, `count` (values present) and `missing`; by type also
number, integer   `moments`, `quantiles` (see sluice.profile.quantiles), `counts`; integers `distinct`
category          `counts`, `distinct`
boolean           `counts` over "true" and "false"
timestamp         `min`, `max` (seconds since 1970, UTC)
text              `distinct`, `lengths` (moments of the number of characters); never a value

`distinct` is exact up to 32,767 values; above, its standard error is about 0.6 %. `moments` are `n`, `min`, `max`,
`mean` and `m2`, the sum of squared deviations, which is null where it overflows.
`counts` of more than MAX_COUNTED values are null.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.contract.models import Contract
from sluice.profile.numbers import MAX_COUNTED
from sluice.profile.profiler import ColumnProfile, Profiler

__all__ = ["MAX_COUNTED", "profile_column", "profile_parquet"]

_ROWS = 32_768
Profile = dict[str, Any]


def profile_parquet(files: Iterable[Path], contract: Contract, dataset_id: str) -> Profile:
    """The profile of accepted Parquet files of one contract; some thousand rows at a time are in memory."""
    whole: Profiler | None = None
    for path in files:
        part = _counted(path, contract)
        if whole is None:
            whole = part
        else:
            whole.merge(part)
    return (whole or Profiler(contract)).profile(dataset_id)


def _counted(path: Path, contract: Contract) -> Profiler:
    with pq.ParquetFile(path) as file:
        present = set(file.schema_arrow.names)
    # what is not in the file was accepted under an older contract
    columns = {name: column for name, column in contract.data.columns.items() if name in present}
    coded = [name for name, column in columns.items() if column.type == "category"]
    profiler = Profiler(contract)
    profiler.columns = {name: profiler.columns[name] for name in columns}
    # with pre_buffer, which is the default, all of the file would be in memory
    with pq.ParquetFile(path, read_dictionary=coded, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=_ROWS, columns=list(columns)):
            profiler.add(zip(batch.schema.names, batch.columns, strict=True), len(batch))
        profiler.rows = file.metadata.num_rows
    return profiler


def profile_column(values: pa.ChunkedArray, kind: str) -> dict[str, Any]:
    """The profile of one typed column."""
    column = ColumnProfile(kind)
    for chunk in values.chunks:
        column.add(chunk)
    return column.to_json()
