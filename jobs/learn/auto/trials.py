"""A trial of the search: a configuration, what its folds gave, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from auto.fitting import Held
from families import FAMILIES

REFIT = 1.2
"""A fit on all rows, compared with one on a fold, for each of its rows: with the export."""
_WITHOUT_WATCH = 0.65
"""For boosting, multiplied with REFIT: the fit on all rows ends at the best round and watches no validation rows."""


@dataclass
class Trial:
    """`loss` guides the search, `score` is the contract's metric: of all rows that a fold holds out, or None.

    `preparing`: seconds in which a fold's rows are prepared for its family. `refit`: what a fit on all rows costs, in
    fits on a fold. `fits`: how many fits of it, each with another seed, are in the model.
    """

    number: int
    family: str
    hyperparameters: dict[str, Any]
    origin: str
    held: dict[int, Held] = field(default_factory=dict)
    loss: float | None = None
    score: float | None = None
    left_out: str = ""
    weight: float = 0.0
    fits: int = 0
    preparing: float = 0.0
    refit: float = REFIT
    waited: bool = False

    @property
    def ended(self) -> bool:
        """Whether it has a loss, or none because it was left out."""
        return self.loss is not None or bool(self.left_out)

    @property
    def seconds(self) -> float:
        return sum(held.seconds for held in self.held.values())

    @property
    def row_ms(self) -> float:
        """Milliseconds of the exported scorer for one row."""
        return max((held.row_ms for held in self.held.values() if held.row_ms is not None), default=0.0)

    @property
    def reading_ms(self) -> float:
        """Milliseconds of its encoder for one row."""
        return max((held.reading_ms for held in self.held.values()), default=0.0)

    @property
    def refit_seconds(self) -> float:
        if not self.held:
            return 0.0
        share = _WITHOUT_WATCH if FAMILIES[self.family].rounds else 1.0
        return self.refit * (share * self.seconds / len(self.held) + self.preparing)


def loss_of(trial: Trial) -> float:
    return float("inf") if trial.loss is None else trial.loss
