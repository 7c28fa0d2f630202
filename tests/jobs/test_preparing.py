"""Texts on their way to the families: sparse for linear ones, as scores that do not know the row for the others."""

import numpy as np
import preparing
import pytest

from families import FAMILIES, Task
from parity import check
from sluice.model.model import Model
from sluice.model.schema import Schema

SCHEMA = Schema({"t": "text", "n": "number", "y": "category"}, ("t", "n"))
TASKS = {
    "binary": Task("binary", 2, "roc_auc"),
    "multiclass": Task("multiclass", 3, "macro_f1"),
    "regression": Task("regression", 0, "rmse"),
}
WORDS = ("kettle", "laptop", "trousers")


def data(problem, rows=240, seed=0):
    """Titles that say the class by one word among others, which are unlike from row to row."""
    chance = np.random.default_rng(seed)
    k = chance.integers(0, 2 if problem == "binary" else 3, rows)
    found = [
        {"t": None if chance.random() < 0.03 else f"a {WORDS[c]} {chance.integers(0, 50)}", "n": float(chance.normal())}
        for c in k
    ]
    return found, k + chance.normal(0, 0.1, rows) if problem == "regression" else k


def learned(family, problem):
    rows, y = data(problem)
    task = TASKS[problem]
    encoder, sample = preparing.prepared(FAMILIES[family], SCHEMA, {}, rows, y, task)
    fitted = FAMILIES[family].fit(FAMILIES[family].hyperparameters({}), task, sample)
    arrays, scorer = FAMILIES[family].export(fitted)
    classes = [] if problem == "regression" else list("abc"[: task.classes])
    state = {
        "family": family,
        "run_id": "r",
        "problem": {},
        "labels": {"problem": problem, "target": "y", "classes": classes},
        "encoder": encoder.to_json(),
        "scorer": scorer,
    }
    return encoder, sample, fitted, Model(state, {**arrays, **encoder.arrays()})


@pytest.mark.parametrize("problem", TASKS)
@pytest.mark.parametrize("family", ["logistic_regression", "random_forest"])
def test_what_a_text_says_is_learned_and_exported(family, problem):
    encoder, sample, fitted, model = learned(family, problem)
    fresh, y = data(problem, seed=1)
    assert check(model, FAMILIES[family], fitted, TASKS[problem], fresh) <= FAMILIES[family].tolerance
    given = [row["t"] is not None for row in fresh]
    answer = model.score(fresh)[given]
    if problem == "regression":
        assert np.abs(answer - y[given]).mean() < 0.2
    else:
        assert (answer.argmax(axis=1) == y[given]).mean() > 0.98
    assert (sample.words is not None) == (family == "logistic_regression")
    assert encoder.width == sample.matrix.shape[1]
    one = np.concatenate([model.score([row]) for row in fresh[:20]])
    assert np.abs(one - model.score(fresh[:20])).max() < 1e-12


def test_training_rows_have_scores_of_models_that_have_not_seen_them():
    y = np.random.default_rng(5).integers(0, 2, 240)  # nothing can be learned, but every row can be remembered
    rows = [{"t": f"w{i // 2} x{i // 3} y{i // 5} z{i // 7}", "n": 0.0} for i in range(240)]
    encoder, sample = preparing.prepared(FAMILIES["random_forest"], SCHEMA, {}, rows, y, TASKS["binary"])
    assert ((encoder.encode(rows)[:, -1] > 0) == y).mean() > 0.8
    assert ((sample.matrix[:, -1] > 0) == y).mean() < 0.65
    assert encoder.names[-1].startswith("text:score")
    assert sample.matrix[:, :-1].tobytes() == encoder.encode(rows)[:, :-1].tobytes()


def test_the_baseline_has_no_scores_and_many_classes_have_none():
    rows, y = data("binary")
    encoder, sample = preparing.prepared(FAMILIES["baseline"], SCHEMA, {}, rows, y, TASKS["binary"])
    assert sample.words is None
    assert not any("score" in name for name in encoder.names)
    many = Task("multiclass", preparing.MAX_SCORED_CLASSES + 1, "macro_f1")
    encoder, _ = preparing.prepared(FAMILIES["random_forest"], SCHEMA, {}, rows, y, many)
    assert not any("score" in name for name in encoder.names)
