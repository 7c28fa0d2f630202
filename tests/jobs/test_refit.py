"""A trial is measured on rows that its model has not seen; what is exported has learned from them as well."""

import csv
import json

import numpy as np
import pytest
import trial

from families import FAMILIES
from project_data import ProjectData
from sluice.model.metrics import compute
from sluice.model.model import Model
from tests.jobs.learning_data import make_data


def read(folder, **training):
    path = folder / "contract" / "contract.json"
    contract = json.loads(path.read_text())
    contract["training"] = {**contract["training"], **training}
    path.write_text(json.dumps(contract))
    return ProjectData.read(folder / "contract", folder / "train", folder / "validation")


def run(data, family="logistic_regression", **given):
    return trial.run(data, FAMILIES[family], FAMILIES[family].hyperparameters(given), "r0")


def model_of(done):
    return Model(done.state, done.arrays)


@pytest.fixture(scope="module", params=("binary", "multiclass", "regression"))
def folder(request, tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("refit") / request.param, request.param, rows=150)


def test_the_metrics_are_of_a_model_that_has_not_seen_the_validation_rows(folder):
    kept, refitted = run(read(folder, refit=False)), run(read(folder, refit=True))
    data = read(folder)
    measured = compute(
        data.labels.problem, data.y_validation, model_of(kept).score(data.validation), data.contract["business"]
    )
    assert refitted.metrics == kept.metrics == pytest.approx(measured, rel=1e-9)
    assert refitted.metrics != pytest.approx(
        compute(data.labels.problem, data.y_validation, model_of(refitted).score(data.validation)), rel=1e-9
    )


def test_the_exported_model_has_learned_from_train_and_validation(folder):
    data = read(folder, refit=True)
    done = run(data)
    family = FAMILIES["logistic_regression"]
    rows, y = data.all_rows
    encoder, sample = data.prepared(family, rows, y)
    alone = family.fit(family.hyperparameters({}), data.task, sample)
    expected = family.answer(alone, data.task, data.sample(family, encoder, rows, y))
    assert np.abs(model_of(done).score(rows) - expected).max() < 1e-9
    training = done.state["training"]
    assert (training["rows"], training["fitted_on"]) == (300, ["train", "validation"])
    assert training["validation"]["metrics"] == done.metrics
    assert run(read(folder, refit=False)).state["training"]["rows"] == 150


def test_the_encoder_is_fitted_on_what_the_model_is_fitted_on(tmp_path):
    folder = make_data(tmp_path / "fresh", "binary", rows=150)
    path = folder / "validation" / "data.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows[:40]:
        row["channel"] = "radio"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

    def vocabulary(done):
        return next(part["vocabulary"] for part in done.state["encoder"]["parts"] if part["column"] == "channel")

    assert "radio" in vocabulary(run(read(folder, refit=True)))
    assert "radio" not in vocabulary(run(read(folder, refit=False)))


def test_rounds_that_validation_has_settled_are_those_of_the_refit(tmp_path, monkeypatch):
    family, seen = FAMILIES["gradient_boosting"], []
    monkeypatch.setattr(type(family), "settled", lambda self, fitted, given: {**given, "max-iter": 7})
    fit = type(family).fit

    def spied(self, hyperparameters, task, sample, watch=None):
        seen.append((hyperparameters["max-iter"], len(sample.y), None if watch is None else len(watch.y)))
        return fit(self, hyperparameters, task, sample, watch)

    monkeypatch.setattr(type(family), "fit", spied)
    done = run(read(make_data(tmp_path / "rounds", "binary", rows=100)), "gradient_boosting", **{"max-iter": "9"})
    assert seen == [(9, 100, 100), (7, 200, None)]
    assert done.state["training"]["settled"]["max-iter"] == 7
    assert done.state["training"]["hyperparameters"]["max-iter"] == 9
    assert len(done.arrays["roots"]) == 7


def test_balanced_classes_weigh_the_same_in_sum(tmp_path):
    folder = make_data(tmp_path / "weights", "multiclass", rows=150)
    assert read(folder).weights(read(folder).y) is None
    data = read(folder, class_weights="balanced")
    weight = data.weights(data.y)
    sums = [weight[data.y == k].sum() for k in range(3)]
    assert sums == pytest.approx([50.0] * 3)
    assert weight.mean() == pytest.approx(1.0)
    plain, balanced = run(read(folder, class_weights="none")), run(read(folder, class_weights="balanced"))
    rarest = int(np.argmin(np.bincount(data.y)))
    assert model_of(balanced).score(data.rows)[:, rarest].mean() > model_of(plain).score(data.rows)[:, rarest].mean()
    assert balanced.state["training"]["class_weights"] == "balanced"


def test_a_class_that_only_train_lacks_has_no_weight_to_give(tmp_path):
    data = read(make_data(tmp_path / "absent", "multiclass", rows=90), class_weights="balanced")
    only = data.y[data.y != 1]
    assert data.weights(only).sum() == pytest.approx(len(only))
