"""How much of the target all columns explain together, and how much is lost without some, by scikit-learn's trees."""

from __future__ import annotations

from typing import Any

import numpy as np

from sluice.model.dominance.sampled import FOLDS, SMALL, Sampled
from sluice.model.dominance.skill import skill

MANY_CLASSES = 6
"""From this many classes on, one fold must do: a round grows a tree for each class."""
ROUNDS = 60


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

    from families.gradient_boosting import without_empty_columns

    known = without_empty_columns(matrix[learn])
    settings: dict[str, Any] = {
        "max_leaf_nodes": 12 if sample.rows >= SMALL else 5,
        "l2_regularization": 1.0 if sample.rows >= SMALL else 5.0,
        "learning_rate": 0.12,
        "early_stopping": False,
        "random_state": seed,
    }
    if sample.is_number:
        model = HistGradientBoostingRegressor(max_iter=rounds, **settings)
        return model.fit(known, sample.target[learn, 0]).predict(matrix[out])[:, None]
    classes = sample.target.shape[1]
    # a round grows a tree for each class
    model = HistGradientBoostingClassifier(max_iter=max(min(rounds, 15), rounds * 5 // max(classes, 5)), **settings)
    model.fit(known, sample.target[learn].argmax(axis=1))
    answer = np.zeros((int(out.sum()), classes))
    answer[:, model.classes_] = model.predict_proba(matrix[out])
    return answer
