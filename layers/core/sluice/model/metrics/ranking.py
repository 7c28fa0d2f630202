"""Metrics of an order: ROC AUC, PR AUC, lift. y: 0 or 1 (rows,); score (rows,); weights (resamples, rows)."""

from __future__ import annotations

import numpy as np

from sluice.model.metrics.weighting import once, ratio


def roc_auc(y: np.ndarray, score: np.ndarray) -> float:
    """P(score of a positive > score of a negative), ties count half. NaN unless both classes occur."""
    return float(roc_auc_weighted(y, score, once(y))[0]) if len(y) else float("nan")


def roc_auc_weighted(y: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """ROC AUC under row multiplicities `weights`: one sort for all resamples. NaN if undefined."""
    hits, misses = _tied(y, score, weights)
    above = np.cumsum(hits, axis=1) - hits
    return ratio((misses * (above + hits / 2.0)).sum(axis=1), hits.sum(axis=1) * misses.sum(axis=1))


def pr_auc(y: np.ndarray, score: np.ndarray) -> float:
    """Average precision Σ (R_n - R_{n-1}) P_n over distinct thresholds. NaN without positives."""
    return float(pr_auc_weighted(y, score, once(y))[0]) if len(y) else float("nan")


def pr_auc_weighted(y: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    hits, misses = _tied(y, score, weights)
    found = np.cumsum(hits, axis=1)
    precision = ratio(found, found + np.cumsum(misses, axis=1), 0.0)
    return ratio((hits * precision).sum(axis=1), found[:, -1])


def lift_weighted(y: np.ndarray, score: np.ndarray, weights: np.ndarray, share: float) -> np.ndarray:
    """Positives among the `share` of rows with the greatest scores, over what as many rows at random would have.

    Rows whose tied score straddles the border count with the part of them that fits. NaN without positives.
    """
    hits, misses = _tied(y, score, weights)
    found, seen = np.cumsum(hits, axis=1), np.cumsum(hits + misses, axis=1)
    wanted = share * seen[:, -1:]
    at = np.minimum((seen < wanted).sum(axis=1, keepdims=True), seen.shape[1] - 1)
    inside = np.take_along_axis(hits, at, axis=1)
    size = inside + np.take_along_axis(misses, at, axis=1)
    left_out = ratio(np.take_along_axis(seen, at, axis=1) - wanted, size, 0.0)
    taken = np.take_along_axis(found, at, axis=1) - inside * left_out
    return ratio(taken[:, 0], share * found[:, -1])


def _tied(y: np.ndarray, score: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight of positives and of negatives in each group of tied scores, the greatest first: (resamples, groups).

    Rows that come in this order already are not sorted again, which is what takes the time.
    """
    if np.any(score[1:] > score[:-1]):
        order = np.argsort(-score, kind="stable")
        y, score, weights = y[order], score[order], weights[:, order]
    hits = weights * (y != 0)
    misses = weights - hits
    starts = np.flatnonzero(np.concatenate([[True], score[1:] != score[:-1]]))
    if len(starts) == len(score):
        return hits, misses
    return np.add.reduceat(hits, starts, axis=1), np.add.reduceat(misses, starts, axis=1)
