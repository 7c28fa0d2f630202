"""Metrics of predicted numbers: y and value (rows,), weights (resamples, rows)."""

from __future__ import annotations

import numpy as np

from sluice.model.metrics.weighting import Weighted, mean, ratio


def mse_weighted(y: np.ndarray, value: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return mean((y - value) ** 2, weights)


def rmse_weighted(y: np.ndarray, value: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.sqrt(mse_weighted(y, value, weights))


def mae_weighted(y: np.ndarray, value: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return mean(np.abs(y - value), weights)


def mape_weighted(y: np.ndarray, value: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean |y - value| / |y| over the rows whose y is not 0; a share, not a percentage.

    Rows with y = 0 have no relative error: they are left out here, and the report counts them. NaN if all are 0.
    """
    kept = y != 0
    relative = np.divide(np.abs(y - value), np.abs(y), out=np.zeros(len(y)), where=kept)
    return ratio(weights @ relative, weights @ kept.astype(np.float64))


def r2_weighted(y: np.ndarray, value: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """1 - residual / total variation. NaN when y does not vary."""
    if (y == y[0]).all():
        return np.full(len(weights), np.nan)
    centred = y - y.mean()
    rows, first, second = weights.sum(axis=1), weights @ centred, weights @ centred**2
    total = second - ratio(first**2, rows)
    # a resample of one and the same y leaves nothing but rounding
    total[total <= 1e-12 * second] = 0.0
    return 1.0 - ratio(weights @ (y - value) ** 2, total)


def pinball_weighted(quantile: float) -> Weighted:
    """Mean pinball loss: an answer that is too low costs `quantile` a unit, one that is too high 1 - `quantile`."""

    def loss(y: np.ndarray, value: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return mean(np.maximum(quantile * (y - value), (quantile - 1) * (y - value)), weights)

    return loss
