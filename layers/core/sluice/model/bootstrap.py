"""Bootstrap over the test rows: is one model better than another on the same rows, and how sure is a metric's value?"""

from __future__ import annotations

from typing import Any

import numpy as np

from sluice.model.metrics import Metric

RESAMPLES = 1000
ERROR_RESAMPLES = 400
MAX_ROWS = 20_000
_CHUNK = 100
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
    `low` and `high` are None when too few resamples define the metric (under 95 %).
    """
    rows = len(y)
    generator = np.random.default_rng(seed)
    differences = []
    for start in range(0, RESAMPLES, _CHUNK):
        drawn = generator.integers(0, rows, size=(min(_CHUNK, RESAMPLES - start), rows))
        weights = np.stack([np.bincount(one, minlength=rows) for one in drawn]).astype(np.float64)
        differences.append(metric.weighted(y, a, weights) - (other or metric).weighted(y, b, weights))
    values = np.concatenate(differences)
    values = values[np.isfinite(values)]
    low = high = None
    if len(values) >= 0.95 * RESAMPLES:
        low, high = (float(q) for q in np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2]))
    difference = metric(y, a) - (other or metric)(y, b)
    return {
        "difference": float(difference) if np.isfinite(difference) else None,
        "low": low,
        "high": high,
        "confidence": confidence,
        "method": "paired bootstrap",
        "resamples": RESAMPLES,
    }


def interval(
    metric: Metric, y: np.ndarray, scores: np.ndarray, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float] | None:
    """Two-sided percentile interval of a metric, moved so that the resamples' mean is the value; None if undefined."""
    values = _resampled(metric, y, scores, RESAMPLES, seed)
    if len(values) < 0.95 * RESAMPLES:
        return None
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2]) - values.mean()
    value = metric(y, scores)
    return float(value + low), float(value + high)


def standard_error(metric: Metric, y: np.ndarray, scores: np.ndarray, seed: int = 0) -> float:
    """Standard deviation of a metric over ERROR_RESAMPLES resamples of the rows; NaN where too few define it.

    Of more than MAX_ROWS rows that many are resampled, and the error is scaled by the root of their share.
    """
    rows = len(y)
    if rows > MAX_ROWS:
        at = np.random.default_rng(seed).choice(rows, MAX_ROWS, replace=False)
        y, scores = y[at], scores[at]
    values = _resampled(metric, y, scores, ERROR_RESAMPLES, seed)
    if len(values) < 0.95 * ERROR_RESAMPLES:
        return float("nan")
    return float(values.std(ddof=1) * np.sqrt(len(y) / rows))


def _resampled(metric: Metric, y: np.ndarray, scores: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The metric's finite values over `count` resamples."""
    generator, rows = np.random.default_rng(seed), len(y)
    step = max(1, min(count, _CELLS // max(1, rows)))
    found = []
    for start in range(0, count, step):
        size = min(step, count - start)
        drawn = generator.integers(0, rows, size=(size, rows)) + np.arange(size)[:, None] * rows
        weights = np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows).astype(np.float64)
        found.append(metric.weighted(y, scores, weights))
    values = np.concatenate(found)
    return values[np.isfinite(values)]
