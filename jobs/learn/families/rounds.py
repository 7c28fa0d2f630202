"""Families that add up rounds (boosting): how long they go on, and what they watch.

With a sample to watch there is room for ROOM rounds, whatever the hyperparameters say, and a fit stops when nothing was
gained for a while. A slow learner pauses longer: it has 2 / learning rate rounds (20 to 150), and a quarter of those
until the best.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from families.base import Sample, Task
from sluice.model.errors import ModelError

FEW = 300
"""With fewer rows to watch, a metric of ranks jumps from round to round: the loss is watched in its place."""
_STEP = 1.25
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


def watched_metric(task: Task, watch: Sample | None, metrics: Mapping[str, str], loss: str) -> str:
    """What a library calls the contract's metric, if it can watch it; else its name of the loss."""
    return loss if watch is not None and len(watch.y) < FEW else metrics.get(task.metric, loss)


def along(last: int) -> list[int]:
    """The numbers of rounds at which a fit of `last` rounds is looked at: each a quarter more than the one before."""
    found = {last}
    step = 1.0
    while step < last:
        found.add(round(step))
        step *= _STEP
    return sorted(found)


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
        """Whether to add no more after this many rounds; `value` is None where there is nothing to watch."""
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
