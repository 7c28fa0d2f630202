"""How much of the target one column explains by itself.

Skill is the explained share of the deviance: 0 for the class shares or the mean, 1 for what is always right. Of classes
it is McFadden's R² = 1 - log loss / log loss of the shares (McFadden 1974), of numbers the usual R². Unlike accuracy it
means the same for rare classes, and unlike ROC AUC it does not crowd strong columns near 1.
"""

from __future__ import annotations

import numpy as np

from sluice.model.dominance.sampled import FOLDS, Sampled

PRIOR_ROWS = 5.0
"""A bin's answer is drawn towards the overall one as if by this many rows, or bins of few rows would be certain."""


def skill(sample: Sampled, answer: np.ndarray, held_out: np.ndarray) -> float:
    """The skill of `answer`, shaped as the target, on the `held_out` rows; 0 if the target does not vary there."""
    target, answer = sample.target[held_out], answer[held_out]
    if sample.is_number:
        total = float(np.sum((target - target.mean()) ** 2))
        return 1.0 - float(np.sum((target - answer) ** 2)) / total if total > 0 else 0.0
    shares = target.mean(axis=0)
    shares = shares[shares > 0]
    entropy = float(-np.sum(shares * np.log(shares)))
    told = np.clip(np.sum(target * answer, axis=1), 1e-6, 1.0)
    return 1.0 - float(-np.log(told).mean()) / entropy if entropy > 0 else 0.0


def alone(sample: Sampled, code: np.ndarray) -> np.ndarray:
    """What the bins of one column answer, shaped as the target, each fold by the others."""
    target = sample.target
    size = int(code.max()) + 1
    answer = np.empty_like(target)
    for fold in range(FOLDS):
        rest = sample.fold != fold
        overall = target[rest].mean(axis=0)
        sums = np.stack([np.bincount(code[rest], column, size) for column in target[rest].T], axis=1)
        rows = np.bincount(code[rest], minlength=size)[:, None]
        answer[~rest] = ((sums + PRIOR_ROWS * overall) / (rows + PRIOR_ROWS))[code[~rest]]
    return answer
