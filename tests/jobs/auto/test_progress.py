"""While the search goes on, the job says how far it is."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from auto import progress, searched
from auto.progress import Progress
from auto.trials import Trial
from sluice.model.metrics import metrics_of
from sluice.model.search_progress import read

Y = np.array([0, 1, 0, 1, 1, 0])
ROWS = np.arange(6)


def trial(number: int, loss: float | None = None, left_out: str = "", origin: str = "portfolio") -> Trial:
    return Trial(number, "lightgbm", {}, origin, loss=loss, left_out=left_out)


def search(*trials: Trial, waiting: int = 0) -> Any:
    ended = [each for each in trials if each.loss is not None]
    answers = np.column_stack([1 - (0.2 + 0.6 * Y), 0.2 + 0.6 * Y])
    return SimpleNamespace(
        trials=list(trials),
        best=min(ended, key=lambda each: each.loss or 0.0, default=None),
        answers=lambda _: answers,
        finished=lambda: ended,
        portfolio=iter(range(waiting)),
    )


def test_progress_counts_ended_trials_and_has_the_best_in_the_contract_s_metric():
    found = search(trial(0, 0.4), trial(1, left_out="clearly worse"), trial(2))
    told = Progress(found, "roc_auc", metrics_of("binary", None)["roc_auc"], Y, ROWS, time.monotonic() + 60).now()
    assert (told.ended, told.begun, told.metric, told.best) == (2, 3, "roc_auc", 1.0)
    assert 59 <= told.left <= 60


def test_it_is_said_while_the_search_goes_on_and_no_longer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(progress, "SECONDS", 0.01)
    monkeypatch.setattr(progress, "SHARE", 0.0)
    said: list[str] = []
    metric = metrics_of("binary", None)["roc_auc"]
    with Progress(search(trial(0)), "roc_auc", metric, Y, ROWS, time.monotonic() + 60).told_by(said.append):
        end = time.monotonic() + 10
        while not said and time.monotonic() < end:
            time.sleep(0.01)
    assert said
    assert read(said[0]) is not None
    count = len(said)
    time.sleep(0.05)
    assert len(said) == count


def test_the_portfolio_s_part_that_had_no_time_is_counted():
    found = search(
        trial(0, 0.4),
        trial(1, left_out="clearly worse on its first fold"),
        trial(2, left_out="needs about 48 s, 9 s are left"),
        trial(3, left_out="not ended within the budget"),
        trial(4, left_out="needs about 8 s, 3 s are left", origin="search"),
        waiting=2,
    )
    found.ended = "the budget was used up"
    assert searched(found, 120.0, 117.26) == {
        "trials": 5, "scored": 1, "portfolio": 6, "judged": 2, "budget_seconds": 120.0, "seconds": 117.3,
        "ended": "the budget was used up",
    }  # fmt: skip
