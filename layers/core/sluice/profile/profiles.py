"""The profile of a dataset: `{"format": 1, "datasets": [ids], "rows": n, "columns": {name: {...}}}`.

Each column has `type`, `count` (values present) and `missing`; by type also
number, integer   `moments`, `quantiles`, `counts`; integers `distinct`
category          `counts`, `distinct`
boolean           `counts` over "true" and "false"
timestamp         `min`, `max` (seconds since 1970, UTC)
text              `distinct`, `lengths` (moments of the number of characters); never a value
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
from sluice.profile import sketches

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
            # a key is no category whose values are worth counting: each row has its own
            key = column.type == "category" and name in contract.data.key
            columns[name] = profile_column(values, "text" if key else column.type)
    return {"format": 1, "datasets": [dataset_id], "rows": rows, "columns": columns}


def profile_column(values: pa.ChunkedArray, kind: str) -> dict[str, Any]:
    """Sketches of one typed column."""
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
    unique = pc.unique(present)
    texts = [v if kind == "text" else category_text(v) for v in unique.to_pylist()]
    if kind != "text":
        profile["counts"] = _counts(present) if len(texts) <= sketches.MAX_COUNTED else None
    if kind in ("text", "category", "integer"):
        profile["distinct"] = sketches.hyperloglog(texts)
    return profile


def merge(a: Profile, b: Profile) -> Profile:
    """The profile of both together. Raises ValueError when a column has two types.

    A column that only one of them has counts as missing in the other.
    """
    columns = {}
    for name in sorted(a["columns"].keys() | b["columns"].keys()):
        one, two = a["columns"].get(name), b["columns"].get(name)
        if one is None or two is None:
            alone, absent = (one or two), (b if two is None else a)["rows"]
            assert alone is not None  # noqa: S101 (the name comes from one of them)
            columns[name] = {**alone, "missing": alone["missing"] + absent}
        else:
            columns[name] = _merge_column(name, one, two)
    return {
        "format": 1,
        "datasets": sorted({*a["datasets"], *b["datasets"]}),
        "rows": a["rows"] + b["rows"],
        "columns": columns,
    }


def _merge_column(name: str, a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    if a["type"] != b["type"]:
        raise ValueError(f"column {name!r} is {a['type']} in one profile and {b['type']} in the other")
    merged: dict[str, Any] = {
        "type": a["type"],
        "count": a["count"] + b["count"],
        "missing": a["missing"] + b["missing"],
    }
    for part, join in _JOINS.items():
        if part in a:
            merged[part] = join(a[part], b[part])
    return merged


def _end(choose: Any) -> Any:
    return lambda a, b: choose((v for v in (a, b) if v is not None), default=None)


_JOINS: dict[str, Any] = {
    "moments": sketches.merge_moments,
    "lengths": sketches.merge_moments,
    "quantiles": sketches.merge_quantiles,
    "counts": sketches.merge_counts,
    "distinct": sketches.merge_distinct,
    "min": _end(min),
    "max": _end(max),
}


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
        index = pc.ceil(pc.divide(pc.ln(values), math.log(sketches.GAMMA))).cast(pa.int64())
        found = {item["values"]: item["counts"] for item in pc.value_counts(index).to_pylist()}
        return {str(i): found[i] for i in sorted(found)}

    return {
        "positive": side(numbers.filter(pc.greater(numbers, 0.0))),
        "negative": side(pc.negate(numbers.filter(pc.less(numbers, 0.0)))),
        "zero": pc.sum(pc.equal(numbers, 0.0)).as_py() or 0,
    }
