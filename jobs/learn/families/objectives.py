"""What a fit of numbers minimises: the loss that the contract's metric is the mean of.

Squared errors are least at the mean, absolute ones at the median, and the pinball loss at a quantile (Koenker and
Bassett, "Regression quantiles", Econometrica 46, 1978). MAPE is an absolute error in which a row counts 1 / |y|: the
rows are weighted so (`ProjectData.weights`).
"""

from __future__ import annotations

import numpy as np

QUANTILES = {"mae": 0.5, "mape": 0.5, "pinball_10": 0.1, "pinball_90": 0.9}
"""Metric of a regression → the quantile that has its least loss. The other metrics are best at the mean."""


def quantile_of(problem: str, metric: str) -> float | None:
    """The quantile that is to be learned; None: the mean, or classes."""
    return QUANTILES.get(metric) if problem == "regression" else None


def row_errors(y: np.ndarray, answer: np.ndarray, quantile: float | None) -> np.ndarray:
    """The loss of each row, shape (rows,): the pinball loss, or the squared error where the mean is learned."""
    off = y - answer
    if quantile is None:
        return off**2
    return np.maximum(quantile * off, (quantile - 1.0) * off)


def relative_weights(y: np.ndarray) -> np.ndarray:
    """What an error of each row counts in a relative one: 1 / |y|, and 0 where y is 0 and none is defined."""
    weights: np.ndarray = np.divide(1.0, np.abs(y), out=np.zeros(len(y)), where=y != 0)
    return weights
