"""Fits on all rows: every member once, and then with other seeds while time and milliseconds are left."""

import importlib

import numpy as np
import pytest

from auto.ensemble import MAX_MEMBERS
from auto.fitting import Held
from auto.trials import Trial
from auto.workers import Outcome
from families import FAMILIES, Sample, Task
from sluice.model.errors import ModelError
from sluice.model.npz import MAX_ARRAYS

assemble = importlib.import_module("auto.assemble")  # the package has a function of this name


class Clock:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


class Fit:
    def __init__(self, seconds):
        self.seconds = seconds


class OneWorker:
    """A fit takes the seconds of its family; None fails."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds, self.running, self.begun = clock, seconds, [], []

    @property
    def idle(self):
        return not self.running

    def start(self, job):
        self.begun.append((job.family, job.again))
        self.running.append(job)

    def wait(self, until):
        (job,) = self.running
        seconds = self.seconds[job.family]
        if seconds is not None and self.clock.now + seconds > until:
            self.clock.now = until
            return []
        self.running.clear()
        if seconds is None:
            return [Outcome(job, failure="no")]
        self.clock.now += seconds
        return [Outcome(job, Fit(seconds))]

    def end_running(self):
        jobs, self.running = self.running, []
        return jobs


def trial(number, family, row_ms=0.01):
    given = FAMILIES[family].hyperparameters({})
    return Trial(number, family, given, "portfolio", {0: Held(None, given, 1.0, 1.0, row_ms)})


def fitted(monkeypatch, families, seconds, planned=100.0, row_ms=0.01):
    clock = Clock()
    monkeypatch.setattr(assemble, "time", clock)
    workers, said = OneWorker(clock, seconds), []
    members = {place: trial(place, family, row_ms) for place, family in enumerate(families)}
    weights = {place: 1.0 / (2 + place) for place in members}
    found = assemble.refit(workers, members, weights, planned, planned + 10.0, said.append)
    assert clock.now <= planned + 10.0
    return {families[place]: len(fits) for place, fits in found.items()}, workers, members, said


def test_members_that_a_seed_changes_are_fitted_three_times(monkeypatch):
    counts, workers, *_ = fitted(monkeypatch, ["lightgbm", "mlp", "svm"], {"lightgbm": 1.0, "mlp": 2.0, "svm": 1.0})
    assert counts == {"lightgbm": 3, "mlp": 3, "svm": 1}
    assert [again for _, again in workers.begun[:3]] == [0, 0, 0]
    assert workers.begun[3:] == [("lightgbm", 1), ("mlp", 1), ("lightgbm", 2), ("mlp", 2)]


def test_a_single_model_stays_one(monkeypatch):
    counts, *_ = fitted(monkeypatch, ["lightgbm"], {"lightgbm": 1.0})
    assert counts == {"lightgbm": 1}


def test_other_seeds_keep_to_the_time_and_to_the_milliseconds_of_a_row(monkeypatch):
    seconds = {"lightgbm": 1.0, "mlp": 10.0}
    counts, _, members, said = fitted(monkeypatch, ["lightgbm", "mlp"], seconds, planned=14.0)
    assert counts == {"lightgbm": 3, "mlp": 1}
    assert not said
    assert not any(each.left_out for each in members.values())
    most = int(assemble.BUDGET_MS / 0.045)
    counts, *_ = fitted(monkeypatch, ["lightgbm", "mlp"], seconds, row_ms=0.045)
    assert 2 < sum(counts.values()) <= most


def test_what_did_not_end_or_failed_is_left_out_and_said(monkeypatch):
    counts, _, members, said = fitted(
        monkeypatch, ["lightgbm", "mlp", "svm"], {"lightgbm": 1.0, "mlp": None, "svm": 200.0}, planned=50.0
    )
    assert counts == {"lightgbm": 1}
    assert members[1].left_out == "its fit on all rows failed: no"
    assert members[2].left_out == "its fit on all rows did not end within the budget"
    assert len(said) == 2
    with pytest.raises(ModelError, match="no chosen model could be fitted"):
        fitted(monkeypatch, ["svm"], {"svm": 200.0})


def test_the_greatest_ensemble_has_no_more_arrays_than_an_artefact_may_have():
    sample = Sample(np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2)
    counts = []
    for name in ("mlp", "svm", "spline_linear", "lightgbm"):
        family, task = FAMILIES[name], Task("binary", 2, "roc_auc")
        counts.append(len(family.export(family.fit(family.hyperparameters({}), task, sample))[0]))
    encoders = 3 * 60  # a dozen arrays or two for each text column
    assert max(counts) * MAX_MEMBERS * assemble.SEEDS + encoders <= MAX_ARRAYS
