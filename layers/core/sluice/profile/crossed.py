"""Correlations that changed: a broken join leaves each column as it was, and takes their dependence away.

Correlations are compared in Fisher's z = artanh r, which has about the variance 1 ÷ (n - 3) (Fisher, Metron 1, 1921).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sluice.profile.binned import center_and_scale
from sluice.profile.chance import above
from sluice.profile.hour import on_grid
from sluice.records.baseline import Baseline, NumberColumn

SMALLEST = 0.2
"""Changes of a correlation below this are not reported, however certain they are."""
_FEWEST = 20
_ALMOST_ONE = 0.999


@dataclass(frozen=True)
class Changed:
    """The correlation of two columns, of the reference and of the window."""

    columns: tuple[str, str]
    expected: float
    seen: float


def changed_correlations(
    baseline: Baseline,
    rows: Sequence[Mapping[str, Any]],
    crossed: Sequence[Mapping[str, Any]],
    counted: int,
    false_alarm: float,
) -> list[Changed]:
    """Pairs whose correlation changed by more than chance, the greatest change first.

    `rows`: of the reference. `crossed`: the member of that name of each hour, of `counted` rows together.
    """
    told = [each for each in crossed if each["columns"]]
    if not told or counted < _FEWEST or len(rows) < _FEWEST:
        return []
    names: list[str] = told[0]["columns"]
    sums = np.array([each["sums"] for each in told], dtype=np.float64).sum(axis=0)
    products = np.array([each["products"] for each in told], dtype=np.float64).sum(axis=0)
    ours = _correlations(products, sums, counted)
    matrix = np.column_stack([_column(baseline, name, rows) for name in names])
    theirs = _correlations(matrix.T @ matrix, matrix.sum(axis=0), len(rows))
    pairs = len(names) * (len(names) - 1) // 2
    deviation = math.sqrt(1 / (counted - 3) + 1 / (len(rows) - 3))
    found = []
    for i, one in enumerate(names):
        for k in range(i + 1, len(names)):
            before, now = float(theirs[i, k]), float(ours[i, k])
            if math.isnan(before) or math.isnan(now) or abs(now - before) < SMALLEST:
                continue
            z = (math.atanh(now) - math.atanh(before)) / deviation
            if above(z * z, 1) < false_alarm / pairs:
                found.append(Changed((one, names[k]), before, now))
    return sorted(found, key=lambda each: -abs(each.seen - each.expected))


def _column(baseline: Baseline, name: str, rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    column = baseline.columns[name]
    if not isinstance(column, NumberColumn):
        return np.zeros(len(rows))
    numbers = [value if isinstance(value := row.get(name), int | float) else math.nan for row in rows]
    return on_grid(np.array(numbers, dtype=np.float64), *center_and_scale(column))


def _correlations(products: np.ndarray, sums: np.ndarray, rows: int) -> np.ndarray:
    """NaN of a column that does not vary; never quite 1, of which there is no artanh."""
    covariance = products / rows - np.outer(sums / rows, sums / rows)
    variance = np.diag(covariance)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = covariance / np.sqrt(np.outer(variance, variance))
    found[(variance <= 0), :] = np.nan
    found[:, (variance <= 0)] = np.nan
    return np.clip(found, -_ALMOST_ONE, _ALMOST_ONE)
