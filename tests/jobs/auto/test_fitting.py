"""A worker's fits: held-out answers come from a model without those rows, and an export answers as its library."""

import time

import numpy as np
import pytest

from auto import folds
from auto.assemble import settled
from auto.fitting import Fitting, FoldFit, FullFit, Held, parity_rows
from auto.trials import Trial
from families import FAMILIES
from project_data import ProjectData
from sluice.model.encoder import Encoder
from sluice.model.errors import ModelError
from sluice.model.scorers import build_scorer
from tests.jobs.learning_data import make_data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = make_data(tmp_path_factory.mktemp("fitting") / "multiclass", "multiclass", rows=120)
    return ProjectData.read(folder / "contract", folder / "train", folder / "validation")


def split(data, held):
    rows = np.arange(len(data.all_rows[1]))
    return folds.Folds([folds.Fold(np.setdiff1d(rows, held), held)], "one")


def fold_fit(family, **more):
    hyperparameters = FAMILIES[family].hyperparameters({})
    return FoldFit(0, family, hyperparameters, 0, time.monotonic() + 60, **more)


def test_held_out_rows_are_answered_by_a_model_that_has_not_seen_them(data):
    held = np.arange(0, 240, 5)
    found = Fitting(data, split(data, held))(fold_fit("logistic_regression", timed=True))
    rows, y = data.all_rows
    others = [rows[i] for i in range(240) if i % 5]
    family = FAMILIES["logistic_regression"]
    encoder, sample = data.prepared(family, others, np.delete(y, held))
    fitted = family.fit(family.hyperparameters({}), data.task, sample)
    expected = family.answer(fitted, data.task, data.sample(family, encoder, [rows[i] for i in held], y[held]))
    assert np.abs(found.answer - expected).max() < 1e-9
    assert 0 < found.row_ms < 50
    assert found.processor <= found.seconds * 1.5


def test_a_probe_learns_from_a_part_of_the_rows(data):
    held = np.arange(0, 240, 5)
    fitting = Fitting(data, split(data, held))
    whole, probe = fitting(fold_fit("logistic_regression")), fitting(fold_fit("logistic_regression", share=0.25))
    assert np.abs(whole.answer - probe.answer).max() > 1e-3
    assert probe.row_ms is None


def test_a_class_that_is_in_no_training_row_is_one_trial_s_failure(data):
    _, y = data.all_rows
    with pytest.raises(ModelError, match="a class has no row outside of this fold"):
        Fitting(data, split(data, np.flatnonzero(y == 1)))(fold_fit("logistic_regression"))


def test_an_export_answers_as_its_library(data):
    made = Fitting(data, split(data, np.arange(10)))(
        FullFit(0, "gradient_boosting", FAMILIES["gradient_boosting"].hyperparameters({"max-iter": "8"}))
    )
    encoder = Encoder.from_json(made.encoder, made.encoder_arrays)
    answer = build_scorer(made.arrays, made.meta)(encoder.encode(parity_rows(data)))
    assert np.abs(answer - made.expected).max() < 1e-12


def test_settled_numbers_are_the_mean_of_the_folds():
    trial = Trial(0, "lightgbm", {"num-iterations": 200, "learning-rate": 0.1, "extra-trees": "false"}, "portfolio")
    for fold, rounds in enumerate((30, 50, 41)):
        own = {**trial.hyperparameters, "num-iterations": rounds}
        trial.held[fold] = Held(np.zeros(1), own, 1.0, 1.0, None)
    assert settled(trial) == {"num-iterations": 40, "learning-rate": 0.1, "extra-trees": "false"}
