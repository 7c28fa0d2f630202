"""The support vector machine: probabilities, scales, and its limits; its parity is in test_train.py."""

import numpy as np
import pytest
import trial

from families import FAMILIES, Sample, Task, svm
from project_data import ProjectData
from sluice.model.errors import ArtifactError
from sluice.model.kernel_scorers import coupled, pairs_of
from sluice.model.scorers import build_scorer
from sluice.records.encoding import Encoding
from tests.jobs.learning_data import make_data

FAMILY = FAMILIES["svm"]
TASKS = {
    "binary": Task("binary", 2, "roc_auc"),
    "multiclass": Task("multiclass", 4, "log_loss"),
    "regression": Task("regression", 0, "rmse"),
}


def sample(problem, rows=600, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 5))
    signal = x[:, 0] * x[:, 1] + x[:, 2] + rng.normal(0, 0.5, rows)
    x[rng.random(x.shape) < 0.05] = np.nan
    cuts = {"binary": [0.7], "multiclass": [-1.0, 0.0, 1.0]}
    return Sample(x, np.digitize(signal, cuts[problem]) if problem in cuts else signal)


def log_loss(answer, y):
    return float(-np.log(np.maximum(answer[np.arange(len(y)), y], 1e-15)).mean())


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_coupling_finds_the_probabilities_whose_pairs_it_is_given(classes):
    truth = np.random.default_rng(classes).dirichlet(np.ones(classes), 50)
    first, second = pairs_of(classes)
    logits = np.log(truth[:, first] / truth[:, second])
    assert np.abs(coupled(logits / 3.0, 3.0, 0.0) - truth).max() < 1e-12
    assert np.isfinite(coupled(logits * 1e6, 3.0, 0.0)).all()


@pytest.mark.parametrize("problem", ["binary", "multiclass"])
def test_probabilities_are_calibrated_on_the_watched_rows_and_settle(problem):
    train, watch, fresh = (sample(problem, seed=seed) for seed in range(3))
    given, task = FAMILY.hyperparameters({"c": "1000"}), TASKS[problem]
    fitted = FAMILY.fit(given, task, train, watch)
    settled = FAMILY.settled(fitted, given)
    assert settled["slope"] < given["slope"]  # it has learned its rows by heart, and is too sure of the others
    assert (settled["offset"] != 0) == (problem == "binary")
    answer = FAMILY.answer(fitted, task, fresh)
    without = FAMILY.answer(FAMILY.fit(given, task, train), task, fresh)
    assert log_loss(answer, fresh.y) < 0.9 * log_loss(without, fresh.y)
    assert np.array_equal(FAMILY.answer(FAMILY.fit(settled, task, train), task, fresh), answer)


@pytest.mark.parametrize("problem", TASKS)
def test_it_learns_what_no_line_can(problem):
    train, fresh, task = sample(problem, 1500), sample(problem, seed=1), TASKS[problem]
    answers = []
    for family in (FAMILY, FAMILIES["logistic_regression"]):
        fitted = family.fit(family.hyperparameters({}), task, train, fresh)
        answers.append(family.answer(fitted, task, fresh))
    if problem == "regression":
        ours, theirs = (float(np.mean((answer - fresh.y) ** 2)) for answer in answers)
    else:
        ours, theirs = (log_loss(answer, fresh.y) for answer in answers)
    assert ours < 0.85 * theirs


def test_a_common_scale_keeps_what_a_column_of_small_numbers_is():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(0, 8, 800), *rng.normal(0, 0.1, (8, 800))])
    train = Sample(x, (np.sin(x[:, 0] / 3) > 0).astype(int))
    right = []
    for spread in ("common", "standard"):
        fitted = FAMILY.fit(FAMILY.hyperparameters({"spread": spread}), TASKS["binary"], train)
        fresh = rng.permutation(x[:, 0]), rng.normal(0, 0.1, (8, 800))
        at = np.column_stack([fresh[0], *fresh[1]])
        answer = FAMILY.answer(fitted, TASKS["binary"], Sample(at, train.y))
        right.append(float((answer.argmax(axis=1) == (np.sin(at[:, 0] / 3) > 0)).mean()))
    assert right[0] > 0.95 > right[1] + 0.05


def test_long_tails_are_log_scaled():
    rng = np.random.default_rng(0)
    x = np.column_stack([np.exp(rng.normal(0, 3, 500)), rng.normal(size=500)])
    assert svm.scaling(x, "standard")["log"].tolist() == [1, 0]
    assert svm.scaling(x, "common")["log"].tolist() == [0, 0]


@pytest.mark.parametrize("problem", TASKS)
def test_any_number_has_a_finite_answer(problem):
    fitted = FAMILY.fit(FAMILY.hyperparameters({}), TASKS[problem], sample(problem))
    scorer = build_scorer(*FAMILY.export(fitted))
    far = np.array([[1e300, -1e300, 0.0, 1e-300, np.nan], [np.nan] * 5])
    assert np.isfinite(scorer(far)).all()


def test_of_more_rows_than_it_takes_some_are_drawn_and_their_number_is_said(monkeypatch):
    monkeypatch.setattr(svm, "MAX_ROWS", 200)
    fitted = FAMILY.fit(FAMILY.hyperparameters({}), TASKS["binary"], sample("binary"))
    arrays, meta = FAMILY.export(fitted)
    assert len(arrays["vectors"]) <= meta["fitted_rows"] == 200
    monkeypatch.setattr(svm, "MAX_NUMBERS", 500)
    assert FAMILY.fit(FAMILY.hyperparameters({}), TASKS["binary"], sample("binary")).rows == 100


def test_the_evaluation_says_how_many_rows_it_learned_from(tmp_path, monkeypatch):
    folder = make_data(tmp_path / "data", "binary", rows=150)
    data = ProjectData.read(folder / "contract", folder / "train", folder / "validation")

    def notes():
        encoder = trial.run(data, FAMILY, FAMILY.hyperparameters({}), "r0").state["encoder"]
        return [
            note for note in Encoding.model_validate(encoder.get("report", {})).notes() if "drawn by chance" in note
        ]

    assert notes() == []
    monkeypatch.setattr(svm, "MAX_ROWS", 60)
    assert notes() == ["learned from 60 training rows, drawn by chance: the family takes no more"]


def test_arrays_that_do_not_fit_together_are_refused():
    arrays, meta = FAMILY.export(FAMILY.fit(FAMILY.hyperparameters({}), TASKS["multiclass"], sample("multiclass")))
    for name, wrong in (("vectors", arrays["vectors"][1:]), ("intercept", arrays["intercept"][1:])):
        with pytest.raises(ArtifactError, match="do not fit together"):
            build_scorer({**arrays, name: wrong}, meta)
