"""Families that add up rounds (boosting): how long they go on, and what they watch.

With a sample to watch there is room for ROOM rounds, whatever the hyperparameters say, and a fit stops when nothing was
gained for a while. A slow learner pauses longer: it has 2 / learning rate rounds (20 to 150), and a quarter of those
until the best.
"""

from __future__ import annotations

import importlib
import time
from typing import Any, NamedTuple

from sluice.model.errors import ModelError

OUTPUTS = {"binary": "expit", "multiclass": "softmax", "regression": "identity"}
"""Problem type → the scorer's link."""
ROOM = 4000
_PATIENCE = 0.25


class Fitted(NamedTuple):
    """A booster of a library of its own, with its best `rounds`; `output` is the scorer's link."""

    booster: Any
    rounds: int
    outputs: int
    output: str


def patience(learning_rate: float) -> int:
    """For how many rounds at least nothing may be gained."""
    return int(min(max(2 / learning_rate, 20), 150))


class Watcher:
    """Follows the watched loss, round by round; `best` counts rounds, from 1."""

    def __init__(self, deadline: float, learning_rate: float, *, greater_is_better: bool) -> None:
        self._deadline = deadline
        self._patience = patience(learning_rate)
        self._sign = 1.0 if greater_is_better else -1.0
        self._top = float("-inf")
        self.best = 1

    def stop(self, rounds: int, value: float | None) -> bool:
        """Whether to add no more after so many rounds; `value` is None where there is nothing to watch."""
        if value is None:
            self.best = rounds
        elif self._sign * value > self._top:
            self._top, self.best = self._sign * value, rounds
        late = time.monotonic() >= self._deadline
        return late or rounds - self.best >= self._patience + _PATIENCE * self.best


def library(name: str, family: str) -> Any:
    """The module, imported when it is needed. Raises ModelError in one line where it is not installed."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:  # OSError: a shared library that does not load
        raise ModelError(f"family {family} needs the library {name}, which is not there: {error}") from None
