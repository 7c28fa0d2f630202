"""What a model answered in a window: scores on the baseline's bins, classes, and how sure it was of what it said.

`chances` has, for each of CHANCE_BINS equal bins of the probability and each decision, the number of answers and the
sum of their probabilities in units of 2^-UNIT_BITS. Quality without labels is estimated from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sluice.contract import Contract
from sluice.model.values import category_text, finite, is_positive
from sluice.records.baseline import Baseline

CHANCE_BINS = 100
UNIT_BITS = 30
MAX_CLASSES = 1_000
Json = dict[str, Any]


class Answered:
    """Counts answers to rows. `unread`: rows whose answer has no prediction that can be read."""

    def __init__(self, contract: Contract, baseline: Baseline | None) -> None:
        reference = baseline.scores if baseline else None
        self._edges = np.array(reference.edges if reference else [], dtype=np.float64)
        self._scores = np.zeros(max(0, len(self._edges) - 1), dtype=np.int64)
        self._classes: Counter[str] = Counter()
        self._counted = contract.problem.type != "regression"
        self._problem, self._positive = contract.problem.type, contract.problem.positive
        target = contract.problem.target
        self._kind = contract.data.columns[target].type if target else "category"
        self._decided: dict[Any, bool | None] = {}
        self._chances = np.zeros((2, CHANCE_BINS, 2), dtype=np.int64)
        self.scored = self.unread = 0

    def add(self, answers: Sequence[Mapping[str, Any]], rows: int) -> None:
        """Counts the answers to these rows; there are as many as rows, or none if they cannot be read."""
        said = [answer.get("prediction") for answer in answers]
        self.unread += rows - sum(isinstance(each, str | bool | int | float) for each in said)
        raw = [answer.get("probability", answer.get("score", answer.get("prediction"))) for answer in answers]
        scores = np.array([np.nan if (s := finite(each)) is None else s for each in raw], dtype=np.float64)
        some = ~np.isnan(scores)
        self.scored += int(some.sum())
        if len(self._scores):
            places = np.searchsorted(self._edges, scores[some], side="right") - 1
            self._scores += np.bincount(np.clip(places, 0, len(self._scores) - 1), minlength=len(self._scores))
        if self._counted:
            for (_, value), n in Counter((type(each), each) for each in said if _is_class(each)).items():
                name = category_text(value)
                if name in self._classes or len(self._classes) < MAX_CLASSES:
                    self._classes[name] += n
        if self._problem in ("binary", "multiclass"):
            self._chance(said, scores)

    def _chance(self, said: Sequence[Any], scores: np.ndarray) -> None:
        """Counts the probabilities of the positive class by decision; with more than two classes, of the chosen one."""
        decided = [self._decision(each) for each in said]
        sure = np.array([each is not None for each in decided], dtype=bool) & (scores >= 0) & (scores <= 1)
        sides = np.array([bool(each) for each in decided], dtype=np.int64)[sure]
        chances = scores[sure]
        places = sides * CHANCE_BINS + np.minimum((chances * CHANCE_BINS).astype(np.int64), CHANCE_BINS - 1)
        units = np.rint(np.ldexp(chances, UNIT_BITS))
        # sums of whole numbers below 2^53 are exact in any order
        for part, weights in ((0, None), (1, units)):
            counted = np.bincount(places, weights=weights, minlength=2 * CHANCE_BINS)
            self._chances[:, :, part] += counted.astype(np.int64).reshape(2, CHANCE_BINS)

    def _decision(self, said: Any) -> bool | None:
        if self._problem == "multiclass":
            return True if _is_class(said) else None
        if not _is_class(said):
            return None
        place = (type(said), said)
        if place not in self._decided:
            if len(self._decided) > MAX_CLASSES:
                self._decided.clear()
            try:
                self._decided[place] = is_positive(said, self._positive, self._kind)
            except ValueError:
                self._decided[place] = None
        return self._decided[place]

    def to_json(self) -> Json:
        cells = [
            [side, place, *self._chances[side, place].tolist()]
            for side, place in np.argwhere(self._chances[:, :, 0]).tolist()
        ]
        return {
            "scored": self.scored,
            "unread": self.unread,
            "scores": self._scores.tolist(),
            "classes": dict(sorted(self._classes.items())),
            "chances": cells,
        }

    def resume(self, counted: Json) -> None:
        """Goes on from what `to_json` gave. Raises ValueError, KeyError or TypeError for anything else."""
        scores = np.array(counted["scores"], dtype=np.int64)
        if scores.shape != self._scores.shape:
            raise ValueError("was counted on other bins")
        # which classes are beyond the most that are counted depends on the order of the rows
        if len(counted["classes"]) >= MAX_CLASSES:
            raise ValueError("there are too many classes to go on")
        self._scores, self._classes = scores, Counter(counted["classes"])
        self.scored, self.unread = counted["scored"], counted["unread"]
        for side, place, *cell in counted["chances"]:
            self._chances[side, place] = cell


def _is_class(value: Any) -> bool:
    return isinstance(value, str | bool | int) or (isinstance(value, float) and finite(value) is not None)
