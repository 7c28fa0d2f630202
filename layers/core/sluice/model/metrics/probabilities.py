"""Metrics of probabilities (rows, classes): log loss, Brier score, calibration error. y: class numbers (rows,)."""

from __future__ import annotations

import numpy as np

from sluice.model.metrics.weighting import mean, ratio

CALIBRATION_BINS = 10
_EPS = np.finfo(np.float64).eps


def log_loss_weighted(y: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean -log p of the true class, clipped by the machine epsilon."""
    return mean(-np.log(np.clip(probability[np.arange(len(y)), y], _EPS, 1 - _EPS)), weights)


def brier_weighted(y: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of Σ_k (p_k - [y = k])² / 2, which is (p - y)² for two classes; 0 to 1."""
    if probability.shape[1] == 2:
        return mean((probability[:, 1] - y) ** 2, weights)
    squares = (probability**2).sum(axis=1) - 2 * probability[np.arange(len(y)), y] + 1
    return mean(squares / 2, weights)


def calibration_error_weighted(truth: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Expected calibration error: mean over rows of |mean p - share that is true| in their bin of p.

    `truth` 0 or 1, `probability` of it (rows,); CALIBRATION_BINS bins of equal width (Guo et al. 2017). It is above 0
    even for a perfectly calibrated model: chance moves the share of a bin of n rows by about 0.8 √(p (1 - p) / n).
    """
    order = np.argsort(bins := calibration_bin(probability), kind="stable")
    _, starts = np.unique(bins[order], return_index=True)
    gaps = np.add.reduceat((weights * (probability - truth))[:, order], starts, axis=1)
    return ratio(np.abs(gaps).sum(axis=1), weights.sum(axis=1))


def calibration_bin(probability: np.ndarray) -> np.ndarray:
    return np.clip((probability * CALIBRATION_BINS).astype(np.int64), 0, CALIBRATION_BINS - 1)
