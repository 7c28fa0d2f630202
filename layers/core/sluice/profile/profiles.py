"""The profile of a dataset: `{"format": 1, "datasets": [ids], "rows": n, "columns": {name: {...}}}`.

Each column has `type`, `count` (values present) and `missing`; by type also
number, integer   `moments`, `quantiles` (a histogram, see sluice.profile.histogram), `counts`; integers `distinct`
category          `counts`, `distinct`
boolean           `counts` over "true" and "false"
timestamp         `min`, `max` (seconds since 1970, UTC)
text              `distinct`, `lengths` (moments of the number of characters); never a value

`moments` are `n`, `min`, `max`, `mean` and `m2`, the sum of squared deviations, which is null where it overflows.
`counts` of more than MAX_COUNTED values are null.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sluice.contract.models import Contract
from sluice.model.values import category_text, finite
from sluice.profile.histogram import GAMMA

MAX_COUNTED = 256

Profile = dict[str, Any]


def profile_parquet(path: Path, contract: Contract, dataset_id: str) -> Profile:
    """The profile of an accepted Parquet file; one column at a time is in memory."""
    with pq.ParquetFile(path) as file:
        rows = file.metadata.num_rows
        present = set(file.schema_arrow.names)
        columns = {}
        for name, column in contract.data.columns.items():
            if name not in present:
                # accepted under an older contract
                continue
            values = file.read(columns=[name]).column(0)
            # a key is not a category whose values are worth counting: each row has its own
            key = column.type == "category" and name in contract.data.key
            columns[name] = profile_column(values, "text" if key else column.type)
    return {"format": 1, "datasets": [dataset_id], "rows": rows, "columns": columns}


def profile_column(values: pa.ChunkedArray, kind: str) -> dict[str, Any]:
    """The profile of one typed column."""
    present = values.drop_null()
    profile: dict[str, Any] = {"type": kind, "count": len(present), "missing": values.null_count}
    if kind in ("number", "integer"):
        numbers = present.cast(pa.float64(), safe=False)
        profile |= {"moments": _moments(numbers), "quantiles": _quantiles(numbers)}
    if kind == "timestamp":
        seconds = present.cast(pa.timestamp("us")).cast(pa.int64())
        ends = pc.min_max(seconds).as_py()
        return profile | {end: None if ends[end] is None else ends[end] / 1e6 for end in ("min", "max")}
    if kind == "text":
        profile["lengths"] = _moments(pc.utf8_length(present).cast(pa.float64()))
    distinct = pc.count_distinct(present).as_py()
    if kind != "text":
        profile["counts"] = _counts(present) if distinct <= MAX_COUNTED else None
    if kind in ("text", "category", "integer"):
        profile["distinct"] = distinct
    return profile


def _counts(values: pa.ChunkedArray) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in pc.value_counts(values).to_pylist():
        value = item["values"]
        key = category_text(value)
        found[key] = found.get(key, 0) + item["counts"]
    return dict(sorted(found.items()))


def _moments(numbers: pa.ChunkedArray) -> dict[str, Any]:
    n = len(numbers)
    if not n:
        return {"n": 0, "min": None, "max": None, "mean": None, "m2": None}
    ends = pc.min_max(numbers).as_py()
    # divided first, because the sum of the largest numbers would overflow
    mean = pc.sum(pc.divide(numbers, float(n))).as_py()
    deviations = pc.subtract(numbers, mean)
    m2 = finite(pc.sum(pc.multiply(deviations, deviations)).as_py())
    return {"n": n, **ends, "mean": mean, "m2": m2}


def _quantiles(numbers: pa.ChunkedArray) -> dict[str, Any]:
    def side(values: pa.ChunkedArray) -> dict[str, int]:
        index = pc.ceil(pc.divide(pc.ln(values), math.log(GAMMA))).cast(pa.int64())
        found = {item["values"]: item["counts"] for item in pc.value_counts(index).to_pylist()}
        return {str(i): found[i] for i in sorted(found)}

    return {
        "positive": side(numbers.filter(pc.greater(numbers, 0.0))),
        "negative": side(pc.negate(numbers.filter(pc.less(numbers, 0.0)))),
        "zero": pc.sum(pc.equal(numbers, 0.0)).as_py() or 0,
    }
