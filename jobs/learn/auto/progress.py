"""Prints every few seconds how far the search is, while it goes on: nobody waits for minutes without a sign."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import numpy as np

from auto.search import Search
from auto.trials import Trial
from sluice.model.metrics import Metric
from sluice.model.search_progress import SearchProgress

SECONDS = 5.0
SHARE = 0.01
"""The share of the budget between two reports, if that is longer: a search of hours must not fill the log."""


class Progress:
    """A thread beside the search, which only reads it. `rows`: those that the folds hold out; `y`: of all rows."""

    def __init__(
        self, search: Search, name: str, metric: Metric, y: np.ndarray, rows: np.ndarray, deadline: float
    ) -> None:
        self._search, self._deadline = search, deadline
        self._name, self._metric, self._y, self._rows = name, metric, y, rows
        self._every = max(SECONDS, SHARE * (deadline - time.monotonic()))
        self._best: tuple[Trial, float] | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def now(self) -> SearchProgress:
        trials = list(self._search.trials)
        best = self._search.best
        if best is not None and (self._best is None or self._best[0] is not best):
            answers = self._search.answers(best)[self._rows]
            self._best = best, float(self._metric(self._y[self._rows], answers))
        ended = sum(trial.ended for trial in trials)
        left = max(0, round(self._deadline - time.monotonic()))
        return SearchProgress(ended, len(trials), self._name, self._best[1] if self._best else None, left)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def told_by(self, say: Callable[[str], None]) -> Self:
        """Begins to say it."""

        def tell() -> None:
            while not self._over.wait(self._every):
                say(self.now().line())

        self._thread = threading.Thread(target=tell, name="progress", daemon=True)
        self._thread.start()
        return self
