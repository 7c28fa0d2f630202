"""Bootstrap over the test rows: is one model better than another on the same rows, and how sure is a metric's value?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sluice.model.few_rows import all_alike, beyond_the_rows, interval_of_difference, interval_of_share
from sluice.model.metrics import Metric

RESAMPLES = 1000
ERROR_RESAMPLES = 400
MAX_ROWS, MAX_ERROR_ROWS = 50_000, 20_000
_DIFFERENT = 10
"""Scores of a model that gives each row its own."""
_CELLS = 2_500_000
"""Counts that are held at a time: 20 MB."""


def paired_difference(
    metric: Metric,
    y: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    confidence: float = 0.95,
    seed: int = 0,
    other: Metric | None = None,
) -> dict[str, Any]:
    """Metric of `a` minus metric of `b`, with a two-sided percentile interval over RESAMPLES resamples of the rows.

    The same rows are drawn for both, so what the models have in common cancels out. Deterministic for a seed.
    `other` measures `b` where the two models decide from different thresholds on.
    `low` and `high` are None when too few resamples define the metric (under 95 %). Of more than MAX_ROWS rows that
    many are resampled, and the interval is narrowed by the root of their share. Where resamples say too much, as of
    shares of rows, the interval is that of `sluice.model.few_rows`.
    """
    beside = other or metric
    difference = metric(y, a) - beside(y, b)
    same = beside is metric and _one_model(a, b)
    if np.isfinite(difference) and not same and (ends := interval_of_difference(metric, beside, y, a, b, confidence)):
        return _paired(difference, ends, confidence, "paired shares")
    few, ours, theirs = _sampled(MAX_ROWS, seed, y, a, b)
    values = _resampled(lambda w: metric.weighted(few, ours, w) - beside.weighted(few, theirs, w), few, RESAMPLES, seed)
    low = high = None
    if len(values) >= 0.95 * RESAMPLES and np.isfinite(difference):
        ends = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
        if len(few) < len(y):
            scale = len(y) / len(few) if metric.total else 1.0
            around = metric(few, ours) - beside(few, theirs)
            ends = difference + (ends - around) * scale * np.sqrt(len(few) / len(y))
        low, high = ends.tolist()
        if all_alike(values) and not same:
            further = beyond_the_rows(metric, y, confidence)
            width = metric.within.greatest - metric.within.least
            low, high = max(-width, low - (further or 0.0)), min(width, high + (further or 0.0))
    return _paired(difference, (low, high), confidence, "paired bootstrap")


def _one_model(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether all rows have the same scores to the last digit, and they are many: two models may say the same yes
    and no on some rows."""
    return np.array_equal(a, b) and len(np.unique(a)) > 2 * _DIFFERENT


def _paired(
    difference: float, ends: tuple[float | None, float | None], confidence: float, method: str
) -> dict[str, Any]:
    return {
        "difference": float(difference) if np.isfinite(difference) else None,
        "low": ends[0],
        "high": ends[1],
        "confidence": confidence,
        "method": method,
        "resamples": RESAMPLES if method == "paired bootstrap" else 0,
    }


def interval(
    metric: Metric, y: np.ndarray, scores: np.ndarray, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float] | None:
    """Two-sided percentile interval of a metric, moved so that the resamples' mean is the value; None if undefined.

    Where resamples say too much, as of shares of rows, that of `sluice.model.few_rows`.
    """
    if (ends := interval_of_share(metric, y, scores, confidence)) is not None:
        return ends
    values = _resampled(lambda weights: metric.weighted(y, scores, weights), y, RESAMPLES, seed)
    if len(values) < 0.95 * RESAMPLES:
        return None
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2]) - values.mean()
    value = metric(y, scores)
    if all_alike(values):
        further = beyond_the_rows(metric, y, confidence)
        if further is None:
            return None
        low, high = -further, further
    return max(metric.within.least, float(value + low)), min(metric.within.greatest, float(value + high))


def standard_error(metric: Metric, y: np.ndarray, scores: np.ndarray, seed: int = 0) -> float:
    """Standard deviation of a metric over ERROR_RESAMPLES resamples of the rows; NaN where too few define it.

    Of more than MAX_ERROR_ROWS rows that many are resampled, and the error is scaled by the root of their share.
    """
    few, ours = _sampled(MAX_ERROR_ROWS, seed, y, scores)
    values = _resampled(lambda weights: metric.weighted(few, ours, weights), few, ERROR_RESAMPLES, seed)
    if len(values) < 0.95 * ERROR_RESAMPLES:
        return float("nan")
    return float(values.std(ddof=1) * np.sqrt(len(few) / len(y)))


def _sampled(most: int, seed: int, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """The same `most` rows of each array; all of them if there are no more."""
    rows = len(arrays[0])
    if rows <= most:
        return arrays
    at = np.random.default_rng(seed).choice(rows, most, replace=False)
    return tuple(array[at] for array in arrays)


def _resampled(measured: Callable[[np.ndarray], np.ndarray], y: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The finite values over `count` resamples of the rows; `measured` takes weights (resamples, rows)."""
    generator, rows = np.random.default_rng(seed), len(y)
    step = max(1, min(count, _CELLS // max(1, rows)))
    found = []
    for start in range(0, count, step):
        size = min(step, count - start)
        drawn = generator.integers(0, rows, size=(size, rows)) + np.arange(size)[:, None] * rows
        weights = np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows).astype(np.float64)
        found.append(measured(weights))
    values = np.concatenate(found)
    return values[np.isfinite(values)]
