"""The search keeps its budget: what cannot end is not begun, what is clearly worse ends early, and it says so."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

import auto
from auto import folds, search
from auto.fitting import Held
from auto.portfolio import Configuration
from auto.workers import Outcome
from families import available
from project_data import ProjectData
from tests.jobs.learning_data import make_data

ROWS = 600
CHANCE = np.random.default_rng(0)
TRUTH = CHANCE.normal(size=ROWS)


class Clock:
    """Stands for `time` in the search; fits move it on."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


class OneWorker:
    """Fits at once, by a table of (seconds of a fold, error) for each family; a fit takes its time."""

    def __init__(self, clock, families):
        self.clock, self.families, self.running, self.begun = clock, families, [], []

    def __len__(self):
        return 1

    @property
    def idle(self):
        return not self.running

    def start(self, job):
        self.begun.append(job)
        self.running.append(job)

    def wait(self, until):
        job = self.running[0]
        seconds, error = self.families[job.family]
        if self.clock.now + seconds * job.share > until:
            self.clock.now = until
            return []
        self.running.clear()
        self.clock.now += seconds * job.share
        held = FOLDS.folds[job.fold].held_out
        # the more, the better: so that proposals differ
        error = error * (1.0 + 0.01 * abs(np.log(job.hyperparameters.get("c", 1.0))))
        noise = np.random.default_rng(job.fold).normal(0, error, len(held))
        taken = seconds * job.share
        return [Outcome(job, Held(TRUTH[held] + noise, dict(job.hyperparameters), taken, taken, 0.01))]

    def end_running(self):
        jobs, self.running = self.running, []
        return jobs


FOLDS = folds.make(TRUTH, 100, classes=0, seed=0, by_time=False)


def searched(monkeypatch, families, known, budget=1000.0):
    clock = Clock()
    monkeypatch.setattr(search, "time", clock)
    monkeypatch.setattr(search, "portfolio", lambda *_, **__: [Configuration(name) for name in known])
    data = SimpleNamespace(
        contract={"problem": {"metric": "rmse"}},
        labels=SimpleNamespace(problem="regression"),
        schema=SimpleNamespace(types={"x": "number"}, features=("x",)),
        all_rows=([], TRUTH),
        task=SimpleNamespace(seed=0),
    )
    workers = OneWorker(clock, families)
    found = search.Search(data, FOLDS, workers, began=0.0, deadline=budget, columns=3)
    trials = found.run()
    assert all((trial.loss is None) == bool(trial.left_out) for trial in trials)
    return found, workers, clock


OVER = "the rest of the budget is for the final fit"


def test_the_search_ends_when_nothing_gets_better(monkeypatch):
    found, workers, _ = searched(monkeypatch, {"logistic_regression": (0.1, 0.5)}, ["logistic_regression"])
    assert found.ended == "40 trials in a row were not better"
    assert found.trials[0].origin == "portfolio"
    assert len(found.trials) >= 41
    assert {job.fold for job in workers.begun} == set(range(len(FOLDS)))


def test_the_budget_is_kept_with_time_for_the_fits_on_all_rows(monkeypatch):
    monkeypatch.setattr(search, "PATIENCE", 1000)
    found, _, clock = searched(monkeypatch, {"logistic_regression": (2.0, 0.5)}, ["logistic_regression"], 300.0)
    assert clock.now <= 300.0 - 2.0
    assert found.ended in ("no time for another trial before the final fit", OVER)
    assert len(found.finished()) >= 3


def test_a_trial_that_cannot_end_is_not_begun(monkeypatch):
    families = {"logistic_regression": (1.0, 0.5), "extra_trees": (30.0, 0.4)}
    known = ["logistic_regression", "extra_trees", "extra_trees"]
    found, workers, _ = searched(monkeypatch, families, known, 700.0)
    assert found.trials[1].loss is not None
    assert found.trials[2].left_out.startswith("needs about 480 s, ")
    assert not [job for job in workers.begun if job.trial == 2]


def test_what_is_clearly_worse_ends_after_a_fold_unless_it_is_the_first_of_its_family(monkeypatch):
    families = {"lightgbm": (0.1, 0.2), "logistic_regression": (0.1, 0.9)}
    known = ["lightgbm", "logistic_regression", "logistic_regression"]
    found, workers, _ = searched(monkeypatch, families, known)
    assert found.trials[1].loss is not None
    assert found.trials[2].left_out == "clearly worse on its first fold"
    assert [job.fold for job in workers.begun if job.trial == 2] == [0]


def test_the_first_of_a_family_is_not_worth_much_of_the_budget_where_it_is_clearly_worse(monkeypatch):
    families = {"lightgbm": (0.1, 0.2), "extra_trees": (20.0, 0.9)}
    found, workers, _ = searched(monkeypatch, families, ["lightgbm", "extra_trees"])
    assert found.trials[1].left_out == "clearly worse on its first fold, and would take 320 s"
    assert len([job for job in workers.begun if job.trial == 1]) == 1


def test_a_costly_trial_waits_for_the_cheap_ones_and_goes_on_only_where_it_is_not_worse(monkeypatch):
    families = {"lightgbm": (10.0, 0.5), "xgboost": (8.0, 0.25), "logistic_regression": (0.1, 0.3)}
    known = ["baseline", "lightgbm", "lightgbm", "xgboost", "logistic_regression"]
    found, workers, _ = searched(monkeypatch, {**families, "baseline": (0.1, 0.9)}, known)
    order = [(job.trial, job.fold) for job in workers.begun]
    assert order.index((4, 15)) < order.index((3, 1))
    assert found.trials[3].loss is not None
    assert found.trials[1].left_out == "clearly worse on its first fold, and would take 160 s"
    # what its family costs is known before its first fold
    assert order.index((3, 15)) < order.index((2, 0))


def test_the_first_one_does_not_wait_up_to_a_third_of_the_budget(monkeypatch):
    families = {"lightgbm": (10.0, 0.2), "logistic_regression": (0.1, 0.5)}
    for budget, waits in ((500.0, False), (400.0, True)):
        _, workers, _ = searched(monkeypatch, families, ["lightgbm", "logistic_regression"], budget)
        order = [(job.trial, job.fold) for job in workers.begun]
        assert (order.index((1, 0)) < order.index((0, 15))) == waits


def test_time_is_kept_for_a_costly_trial_that_is_the_best_on_its_first_fold(monkeypatch):
    cheap = ["logistic_regression", "extra_trees", "random_forest", "spline_linear", "mlp"]
    families = {"lightgbm": (20.0, 0.2), **dict.fromkeys(cheap, (2.0, 0.5))}
    found, workers, _ = searched(monkeypatch, families, ["lightgbm", *cheap], 520.0)
    assert found.trials[0].loss is not None
    order = [(job.trial, job.fold) for job in workers.begun]
    assert order.index((1, 15)) < order.index((0, 1))
    assert order.index((0, 15)) < order.index((4, 1))
    without, _, _ = searched(monkeypatch, families, cheap, 520.0)
    assert set(cheap) <= {trial.family for trial in without.finished()}


def test_a_costly_trial_is_compared_with_another_one_that_waits(monkeypatch):
    families = {"lightgbm": (12.0, 0.2), "extra_trees": (9.0, 0.6), "logistic_regression": (0.1, 0.9)}
    found, workers, _ = searched(monkeypatch, families, ["lightgbm", "extra_trees", "logistic_regression"], 450.0)
    assert found.trials[0].loss is not None
    assert found.trials[1].left_out == "clearly worse on its first fold, and would take 144 s"
    assert [job.fold for job in workers.begun if job.trial == 1] == [0]


def test_a_probe_reckons_with_how_the_cost_of_a_family_grows(monkeypatch):
    monkeypatch.setattr(search, "PROBED_ROWS", 150)
    families = {"logistic_regression": (0.1, 0.5), "svm": (20.0, 0.4)}
    found, workers, _ = searched(monkeypatch, families, ["logistic_regression", "svm"], 700.0)
    rows = len(FOLDS.folds[0].train)
    # the stub's cost grows with the rows, so that the reckoning is too great
    assert found._probed["svm"] == pytest.approx(20.0 * (rows / 150) ** 1.5, rel=0.02)
    assert found._probed["logistic_regression"] == pytest.approx(0.1, rel=0.02)
    assert found.trials[1].left_out.startswith("needs about ")
    assert [job.share < 1 for job in workers.begun if job.trial == 1] == [True]


def test_what_runs_when_the_time_is_over_is_said(monkeypatch):
    found, _, clock = searched(monkeypatch, {"extra_trees": (90.0, 0.5)}, ["extra_trees"], 200.0)
    assert found.trials[0].left_out == "not ended within the budget"
    assert found.ended == OVER
    assert clock.now <= 200.0


def test_without_any_ended_trial_the_one_with_the_most_folds_counts(monkeypatch):
    found, _, _ = searched(monkeypatch, {"extra_trees": (30.0, 0.5)}, ["extra_trees"], 200.0)
    assert found.finished() == []
    trial = found.trials[0]
    assert 1 <= len(trial.held) < len(FOLDS)
    kept = found.rescue()
    assert found.finished() == [trial]
    assert len(kept) == len(trial.held)
    assert kept.text == f"{len(kept)} of 8 random folds, 2 times, as the budget was over"
    places = kept.rows
    assert np.abs(found.answers(trial)[places] - TRUTH[places]).max() < 4
    nothing, _, _ = searched(monkeypatch, {"extra_trees": (500.0, 0.5)}, ["extra_trees"], 200.0)
    assert nothing.rescue() is None


def test_a_trial_that_was_cut_short_counts_if_all_ended_ones_are_clearly_worse(monkeypatch):
    families = {"lightgbm": (20.0, 0.2), "extra_trees": (20.0, 0.3), "logistic_regression": (0.1, 0.9)}
    known = ["logistic_regression", "lightgbm", "extra_trees"]
    found, _, _ = searched(monkeypatch, families, known, 90.0)
    weak, strong = found.trials[:2]
    assert weak in found.finished()
    assert strong.held
    assert strong not in found.finished()
    tried = len(found.finished())
    kept = found.rescue()
    assert kept.text == f"{len(kept)} of 8 random folds, 2 times, as the budget was over"
    assert found.best is strong
    assert strong.left_out == ""
    assert strong.loss < weak.loss
    assert len(found.finished()) == tried + 1
    assert all(np.isfinite(found.answers(each)[kept.rows]).all() for each in found.finished())


@pytest.mark.parametrize("error", [0.95, 1.5])
def test_a_trial_that_was_cut_short_does_not_count_where_an_ended_one_is_as_good(error, monkeypatch):
    families = {"lightgbm": (20.0, error), "logistic_regression": (0.1, 0.9)}
    found, _, _ = searched(monkeypatch, families, ["logistic_regression", "lightgbm"], 90.0)
    assert found.trials[1].held
    assert found.rescue() is None
    assert found.trials[1].left_out


def test_fits_of_milliseconds_do_not_say_how_busy_the_machine_is(monkeypatch):
    found, _, _ = searched(monkeypatch, {"logistic_regression": (0.1, 0.5)}, ["logistic_regression"])
    trial = found.trials[0]
    found.trials = [trial]
    for wall, processor, least, most in ((0.2, 0.02, 1.0, 1.2), (40.0, 4.0, 8.0, 10.0)):
        trial.held = {0: trial.held[0]._replace(seconds=wall, processor=processor)}
        assert least <= found._busy <= most


def test_a_family_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(search, "available", lambda name: name != "lightgbm")
    found, _, _ = searched(monkeypatch, {"logistic_regression": (0.1, 0.5)}, ["lightgbm", "logistic_regression"])
    assert found.absent == {"lightgbm"}
    assert found.trials[0].family == "logistic_regression"


@pytest.mark.parametrize("name", ["lightgbm", "logistic_regression", "no_such_family"])
def test_available_means_the_family_and_its_library(name, monkeypatch):
    assert available(name) == (name != "no_such_family")
    monkeypatch.setattr("importlib.util.find_spec", lambda library: None)
    assert available(name) == (name == "logistic_regression")


def test_without_any_trial_the_job_goes_on_for_as_long_again(tmp_path, monkeypatch, capsys):
    folder = make_data(tmp_path / "data", "binary", rows=150)
    data = ProjectData.read(folder / "contract", folder / "train", folder / "validation")
    data.training["tuning"] = {"max_minutes": 0.2}
    known = [Configuration("logistic_regression")]
    monkeypatch.setattr(search, "portfolio", lambda *_, **__: known)
    monkeypatch.setattr(search, "PATIENCE", 1)
    begun = []

    class Busy(search.Search):
        """The first of them comes to nothing."""

        def run(self):
            begun.append(self)
            return super().run() if len(begun) > 1 else []

    waits, refit = [], auto.refit

    def fits(*given):
        waits.append(given[4] - time.monotonic())
        return refit(*given)

    monkeypatch.setattr(auto, "Search", Busy)
    monkeypatch.setattr(auto, "refit", fits)
    done = auto.run(data, "r0", time.monotonic())
    assert len(begun) == 2
    assert done.assembled.state["training"]["trials"]
    # a budget of 12 s does not mean that a late model is waited for as shortly
    assert waits[0] >= auto.MAX_LATE
    assert "no trial ended within the budget; it goes on for as long again" in capsys.readouterr().out
