"""How far a profile of the generated file is from the exact figures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from sluice.profile.histogram import quantile

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def errors(profile: dict[str, Any], file: Path) -> dict[str, float]:
    """The greatest errors over the columns: of ranks (0 to 1), of distinct counts and of moments (both relative)."""
    table = pa_csv.read_csv(file)
    found = {"rank": 0.0, "distinct": 0.0, "moments": 0.0}
    for name, column in profile["columns"].items():
        values = table[name].drop_null()
        if "distinct" in column:
            exact = pc.count_distinct(values).as_py()
            found["distinct"] = max(found["distinct"], abs(column["distinct"] - exact) / exact)
        if "quantiles" in column:
            numbers = np.sort(values.to_numpy().astype(np.float64))
            found["rank"] = max(found["rank"], *(rank_error(column, numbers, q) for q in QUANTILES))
            found["moments"] = max(found["moments"], moment_error(column["moments"], numbers))
    return found


def rank_error(column: dict[str, Any], numbers: np.ndarray, q: float) -> float:
    """How far the share of values below the quantile is from q; 0 where equal values span it.

    A value between two neighbours has the rank of both, so one rank of slack is left.
    """
    value = _quantile(column, q)
    if value is None:
        return 1.0
    below, up_to = np.searchsorted(numbers, value, "left"), np.searchsorted(numbers, value, "right")
    rank = q * (len(numbers) - 1)
    return max(0.0, float(below) - rank - 1, rank - float(up_to)) / len(numbers)


def _quantile(column: dict[str, Any], q: float) -> float | None:
    """From the counts of the values where the profile has them, else from its histogram."""
    if not column.get("counts"):
        return quantile(column["quantiles"], q)
    counted = sorted((float(value), count) for value, count in column["counts"].items())
    rank, seen = q * (sum(count for _, count in counted) - 1), 0
    for value, count in counted:
        seen += count
        if seen > rank:
            return value
    return None


def moment_error(moments: dict[str, Any], numbers: np.ndarray) -> float:
    """The relative error of mean and of the sum of squared deviations, against sums without rounding."""
    mean = math.fsum(numbers) / len(numbers)
    m2 = math.fsum(np.square(numbers.astype(np.longdouble) - np.longdouble(mean)).tolist())
    return max(abs(moments["mean"] - mean) / (abs(mean) or 1.0), abs(moments["m2"] - m2) / (m2 or 1.0))
