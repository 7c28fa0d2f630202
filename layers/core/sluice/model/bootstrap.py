"""Paired bootstrap: is one model better than another on the same rows, and how sure is that?"""

from __future__ import annotations

from typing import Any

import numpy as np

from sluice.model.metrics import Metric

RESAMPLES = 1000
_CHUNK = 100


def paired_difference(
    metric: Metric,
    y: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """Metric of `a` minus metric of `b`, with a two-sided percentile interval over RESAMPLES resamples of the rows.

    The same rows are drawn for both, so what the models have in common cancels out. Deterministic for a seed.
    `low` and `high` are None when too few resamples define the metric (under 95 %).
    """
    rows = len(y)
    generator = np.random.default_rng(seed)
    differences = []
    for start in range(0, RESAMPLES, _CHUNK):
        drawn = generator.integers(0, rows, size=(min(_CHUNK, RESAMPLES - start), rows))
        weights = np.stack([np.bincount(one, minlength=rows) for one in drawn]).astype(np.float64)
        differences.append(metric.weighted(y, a, weights) - metric.weighted(y, b, weights))
    values = np.concatenate(differences)
    values = values[np.isfinite(values)]
    low = high = None
    if len(values) >= 0.95 * RESAMPLES:
        low, high = (float(q) for q in np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2]))
    difference = metric(y, a) - metric(y, b)
    return {
        "difference": float(difference) if np.isfinite(difference) else None,
        "low": low,
        "high": high,
        "confidence": confidence,
        "method": "paired bootstrap",
        "resamples": RESAMPLES,
    }
