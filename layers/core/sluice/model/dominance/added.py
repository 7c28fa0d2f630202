"""What columns explain if the answers of each are added up with a weight: least squares, or logistic regression.

Of classes, what is added is how far each column's answer moves the logarithm of a class's share, as in naive Bayes
(Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2009, 6.6.3); a weight of less than 1 takes back
what columns have in common.

Products are `einsum`, which keeps to one thread: on a busy machine the threads of `@` wait for each other for seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sluice.model.dominance.sampled import FOLDS, SMALL, Sampled
from sluice.model.dominance.skill import skill

STEPS = 8
"""Iterations of Newton's method."""
RIDGE = 1e-3
"""The ridge penalty, as a share of the columns' mean square; for classes it weighs as much as one row."""


def together(sample: Sampled, answers: Mapping[str, np.ndarray], names: Sequence[str]) -> float:
    """Skill on rows that were held out. `answers`: of each column alone, shaped as the target."""
    if not names:
        return 0.0
    target, answer, held_out = sample.target, np.zeros_like(sample.target), np.zeros(sample.rows, dtype=bool)
    each = np.stack([answers[name] for name in names], axis=2)  # (rows, classes, columns)
    base = target.mean(axis=0)
    if not sample.is_number:
        base = np.log(np.clip(base, 1e-6, 1.0))
        each = np.log(np.clip(each, 1e-6, 1.0)) - base[:, None]
    for fold in range(FOLDS if sample.rows < SMALL else 1):
        out = sample.fold == fold
        held_out |= out
        if sample.is_number:
            x, y = each[~out, 0], target[~out, 0]
            mean = x.mean(axis=0)
            weights = _least_squares(x - mean, y - y.mean())
            answer[out, 0] = y.mean() + np.einsum("rc,c->r", each[out, 0] - mean, weights)
        else:
            answer[out] = _shares(each[out], _logistic(each[~out], target[~out], base), base)
    return skill(sample, answer, held_out)


def _least_squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    square = np.einsum("rc,rd->cd", x, x)
    square[np.diag_indices_from(square)] += max(RIDGE * np.trace(square) / len(square), 1e-12)
    return np.asarray(np.linalg.solve(square, np.einsum("rc,r->c", x, y)))


def _logistic(x: np.ndarray, target: np.ndarray, base: np.ndarray) -> np.ndarray:
    """(columns,) weights of (rows, classes, columns)."""
    width = x.shape[2]
    weights = np.full(width, 1.0 / width)
    for _ in range(STEPS):
        share = _shares(x, weights, base)
        mean = np.einsum("rkc,rk->rc", x, share)
        square = np.einsum("rkc,rkd->cd", x * share[:, :, None], x) - np.einsum("rc,rd->cd", mean, mean)
        slope = np.einsum("rkc,rk->c", x, target - share) - weights
        step = np.linalg.solve(square + np.eye(width), slope)
        weights = weights + step
        if np.abs(step).max() < 1e-3:
            break
    return weights


def _shares(x: np.ndarray, weights: np.ndarray, base: np.ndarray) -> np.ndarray:
    score = np.einsum("rkc,c->rk", x, weights) + base
    share = np.exp(score - score.max(axis=1, keepdims=True))
    return np.asarray(share / share.sum(axis=1, keepdims=True))
