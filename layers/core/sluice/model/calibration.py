"""Calibration of a model's probabilities: a function of each answer that keeps the order of the rows.

platt         two classes: expit(slope · logit(p) + offset), slope > 0 (Platt, 1999, on logits)
temperature   more classes: p^slope, normalised (Guo et al., "On calibration of modern neural networks", ICML 2017,
              where slope = 1 / temperature): the greatest class stays the greatest
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sluice.model.errors import ArtifactError

KINDS = ("platt", "temperature")
EDGE = 1e-15
"""Probabilities nearer to 0 or 1 than this count as this near."""


@dataclass(frozen=True)
class Calibration:
    """Raises ArtifactError on a kind or numbers that keep no order."""

    kind: str
    slope: float
    offset: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ArtifactError(f"unknown calibration {self.kind!r}; known: {', '.join(KINDS)}")
        if not (0.0 < self.slope < math.inf and math.isfinite(self.offset)):
            raise ArtifactError(f"calibration {self.kind}: slope {self.slope} and offset {self.offset} keep no order")

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Probabilities (rows, classes) → the same shape."""
        if self.kind == "platt":
            # one by one, as `of_one`, so that a row's answer does not depend on the rows beside it
            positive = np.fromiter(map(self.of_one, scores[:, 1].tolist()), np.float64, len(scores))
            return np.column_stack([1.0 - positive, positive])
        raised = np.power(np.clip(scores, EDGE, 1.0), self.slope)
        answer: np.ndarray = raised / raised.sum(axis=1, keepdims=True)
        return answer

    def of_one(self, probability: float) -> float:
        """The same of one positive's probability."""
        p = min(max(probability, EDGE), 1.0 - EDGE)
        x = self.slope * math.log(p / (1.0 - p)) + self.offset
        return 1.0 / (1.0 + math.exp(-x)) if x > -709.0 else 0.0

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "slope": self.slope, "offset": self.offset}

    @classmethod
    def from_json(cls, state: Mapping[str, Any] | None) -> Calibration | None:
        """None for a model without one."""
        if state is None:
            return None
        return cls(str(state["kind"]), float(state["slope"]), float(state["offset"]))


def logits(probability: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), clipped at EDGE."""
    p = np.clip(probability, EDGE, 1.0 - EDGE)
    found: np.ndarray = np.log(p / (1.0 - p))
    return found
