"""Weights where rows are few: one trial of each family, and equal weights unless the rows speak against them.

Of many trials that some hundred rows judge, the best one has won by luck, and so has the best mixture of them. The mean
of families that err differently needs no luck (docs/decisions/2026-11-30-families-share-few-rows.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from auto.trials import Trial, loss_of
from families.objectives import quantile_of

FEW_ROWS = 2_000
"""Up to this many rows, weights are found in this way."""
_EQUAL_ROWS = 8.0
"""As many rows as the assumption counts for that all weights are equal."""
_SMALLEST = 0.02
"""A trial with a smaller weight is not worth its time."""


def weighs(rows: int, problem: str, metric: str) -> bool:
    """Whether weights are found in this way, by log loss or squared errors."""
    return rows <= FEW_ROWS and quantile_of(problem, metric) is None


def best_of_each_family(trials: Sequence[Trial]) -> list[int]:
    """The places of the trials with the lowest loss of their families, the best one first."""
    found: dict[str, int] = {}
    for place in sorted(range(len(trials)), key=lambda place: loss_of(trials[place])):
        found.setdefault(trials[place].family, place)
    return list(found.values())


def weigh_families(
    problem: str, answers: Mapping[int, np.ndarray], y: np.ndarray, milliseconds: Mapping[int, float], budget_ms: float
) -> dict[int, float]:
    """Place → weight; the weights add up to 1. Members together take at most `budget_ms`, a single one more."""
    weights = _weights(problem, answers, y)
    kept: dict[int, np.ndarray] = {}
    taken = 0.0
    for place in sorted(weights, key=lambda place: -weights[place]):
        if not kept or (weights[place] >= _SMALLEST and taken + milliseconds[place] <= budget_ms):
            kept[place] = answers[place]
            taken += milliseconds[place]
    weights = {place: weight for place, weight in _weights(problem, kept, y).items() if weight >= _SMALLEST}
    whole = sum(weights.values())
    return {place: weight / whole for place, weight in weights.items()}


def _weights(problem: str, answers: Mapping[int, np.ndarray], y: np.ndarray) -> dict[int, float]:
    """The minimum of the mean loss of a row and the divergence (Kullback and Leibler) from equal weights.

    The loss is log loss; of numbers it is half the squared error over that of the best one, which is the same of a
    normal distribution.
    """
    matrix = np.stack([*answers.values()])
    many, rows = len(matrix), len(y)
    if problem == "regression":
        off = matrix - y
        # of exact answers the loss would be infinite
        spread = max(float((off**2).mean(axis=1).min()), 1e-6 * float(np.var(y)), float(np.finfo(float).tiny))
    else:
        right = matrix[:, np.arange(rows), y]

    def objective(logits: np.ndarray) -> tuple[float, np.ndarray]:
        log_weights = log_softmax(logits)
        weights = np.exp(log_weights)
        if problem == "regression":
            mixed = weights @ off
            loss, slopes = float((mixed**2).mean()) / (2 * spread), off @ mixed / (rows * spread)
        else:
            mixed = np.maximum(weights @ right, 1e-6)
            loss, slopes = -float(np.log(mixed).mean()), -(right / mixed).mean(axis=1)
        share = _EQUAL_ROWS / rows
        apart = log_weights + np.log(many)
        slopes = slopes + share * (apart + 1.0)
        return loss + share * float(weights @ apart), weights * (slopes - weights @ slopes)

    found = minimize(objective, np.zeros(many), jac=True, method="L-BFGS-B").x
    return dict(zip(answers, np.exp(log_softmax(found)).tolist(), strict=True))
