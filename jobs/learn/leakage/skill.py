"""How much of the target one column explains by itself, and how much is lost without it.

Skill is the explained share of the deviance: 0 for the class shares or the mean, 1 for what is always right. Of classes
it is McFadden's R² = 1 - log loss / log loss of the shares (McFadden 1974), of numbers the usual R². Unlike accuracy it
means the same for rare classes, and unlike ROC AUC it does not crowd strong columns near 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from leakage.sampled import FOLDS, Sampled

MANY_CLASSES = 6
"""From so many on one fold must do: a round grows a tree for each class."""
PRIOR_ROWS = 5.0
"""A bin's answer is drawn towards the overall one as if by this many rows, or bins of few rows would be certain."""
ROUNDS = 60
SMALL = 2_000
"""With fewer rows trees are smaller, or they would learn the noise and explain less than their best column does; and
every fold is held out in turn, since one alone would be too noisy."""


def skill(sample: Sampled, answer: np.ndarray, held_out: np.ndarray) -> float:
    """Of `answer`, shaped as the target, on the rows that `held_out` marks. 0 where the target does not vary there."""
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


def together(
    sample: Sampled, parts: dict[str, np.ndarray], without: set[str], seed: int, rounds: int = ROUNDS
) -> float:
    """Skill of boosted trees on all columns but `without`, on held-out rows."""
    kept = [part for name, part in parts.items() if name not in without and part.shape[1]]
    if not kept:
        return 0.0
    matrix = np.concatenate(kept, axis=1)
    held_out = np.zeros(sample.rows, dtype=bool)
    answer = np.zeros_like(sample.target)
    for fold in range(FOLDS if sample.rows < SMALL and sample.target.shape[1] < MANY_CLASSES else 1):
        out = sample.fold == fold
        answer[out] = _fitted(sample, matrix, ~out, out, seed, rounds)
        held_out |= out
    return skill(sample, answer, held_out)


def _fitted(
    sample: Sampled, matrix: np.ndarray, learn: np.ndarray, out: np.ndarray, seed: int, rounds: int
) -> np.ndarray:
    # imported here: evaluation uses this package's words without scikit-learn
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    settings: dict[str, Any] = {
        "max_leaf_nodes": 12 if sample.rows >= SMALL else 5,
        "l2_regularization": 1.0 if sample.rows >= SMALL else 5.0,
        "learning_rate": 0.12,
        "early_stopping": False,
        "random_state": seed,
    }
    if sample.is_number:
        model = HistGradientBoostingRegressor(max_iter=rounds, **settings)
        return model.fit(matrix[learn], sample.target[learn, 0]).predict(matrix[out])[:, None]
    classes = sample.target.shape[1]
    # a round grows a tree for each class
    model = HistGradientBoostingClassifier(max_iter=max(min(rounds, 15), rounds * 5 // max(classes, 5)), **settings)
    model.fit(matrix[learn], sample.target[learn].argmax(axis=1))
    answer = np.zeros((int(out.sum()), classes))
    answer[:, model.classes_] = model.predict_proba(matrix[out])
    return answer
