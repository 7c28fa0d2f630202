"""The preparation that a family chooses is measured on training rows, reported, and taken only where it is better."""

import json

import choosing
import numpy as np
import pytest

from families import FAMILIES, Task
from project_data import ProjectData
from sluice.model.schema import Schema
from sluice.records.encoding import Encoding
from tests.jobs.learning_data import make_data

SCHEMA = Schema({"a": "number", "b": "number", "c": "category"}, ("a", "b", "c"))
TASK = Task("binary", 2, "roc_auc")
LINEAR = FAMILIES["logistic_regression"]


def product(rows=900, seed=0):
    """The class is the sign of a product: a linear model sees it in the product alone."""
    chance = np.random.default_rng(seed)
    found = [{"a": a, "b": b, "c": "xyz"[i % 3]} for i, (a, b) in enumerate(chance.normal(size=(rows, 2)).tolist())]
    return found, np.array([row["a"] * row["b"] > 0 for row in found], dtype=np.int64)


def test_what_helps_on_every_third_is_chosen_and_its_gain_reported():
    rows, y = product()
    choice = choosing.choose(LINEAR, SCHEMA, {"preparation": "auto", "drop": []}, rows, y, TASK, None)
    assert choice.features == {"drop": [], "interactions": True}
    report = choice.report
    assert (report["chosen"], report["metric"], report["rows"]) == ("interactions", "roc_auc", 900)
    assert report["tried"]["interactions"]["gain"] > 0.3
    assert report["tried"]["interactions"]["better"] == 3
    assert report["standard"] < 0.6
    told = {"family": LINEAR.name, **json.loads(json.dumps(report))}
    notes = Encoding.model_validate({"preparations": [told]}).notes("binary")
    assert notes[0].startswith(
        "preparation for logistic regression: interactions; roc_auc against standard on 900 training rows: yeo_johnson "
    )


def test_a_metric_that_should_be_small_gains_by_falling():
    rows, _ = product()
    target = np.array([row["a"] * row["b"] for row in rows])
    choice = choosing.choose(LINEAR, SCHEMA, {}, rows, target, Task("regression", 0, "rmse"), None)
    assert choice.report["chosen"] == "interactions"
    assert choice.report["tried"]["interactions"]["gain"] > 0


@pytest.mark.parametrize(("features", "family", "names"), [
    ({}, "logistic_regression", {"yeo_johnson", "outliers", "interactions", "target", "ordinal"}),
    ({}, "random_forest", {"interactions", "target", "one_hot"}),
    ({"numbers": {"impute": "mean"}, "interactions": True}, "random_forest", {"target", "one_hot"}),
    ({"categories": {"encoding": "one_hot"}}, "random_forest", {"interactions"}),
])  # fmt: skip
def test_what_the_contract_has_chosen_stays(features, family, names):
    assert set(choosing.proposed(FAMILIES[family], SCHEMA, features)) == names


def test_too_few_rows_choose_nothing_and_say_so():
    rows, y = product(100)
    choice = choosing.choose(LINEAR, SCHEMA, {}, rows, y, TASK, None)
    assert (choice.features, choice.report["chosen"]) == ({}, "standard")
    assert Encoding.model_validate({"preparations": [{"family": "mlp", **choice.report}]}).notes("binary") == [
        "preparation for multi-layer perceptron: standard, since there were too few rows"
    ]
    alone = Schema({"b": "boolean"}, ("b",))
    choice = choosing.choose(LINEAR, alone, {}, [{"b": True}] * 200, np.arange(200) % 2, TASK, None)
    assert "no others to choose from" in choice.report["why_not"]


def test_a_job_chooses_once_and_the_artefact_reports_it(tmp_path, monkeypatch):
    folder = make_data(tmp_path / "auto", "binary", rows=200)
    path = folder / "contract" / "contract.json"
    contract = json.loads(path.read_text())
    contract["features"]["preparation"] = "auto"
    path.write_text(json.dumps(contract))
    data = ProjectData.read(folder / "contract", folder / "train", folder / "validation")
    calls = []
    choose = choosing.choose
    monkeypatch.setattr(choosing, "choose", lambda *args: calls.append(1) or choose(*args))
    for _ in range(2):
        encoder, _ = data.prepared(LINEAR, data.rows, data.y)
        assert encoder.left_out["preparations"][0]["tried"]
    assert len(calls) == 1
    assert encoder.left_out["preparations"][0]["family"] == "logistic_regression"
    baseline, _ = data.prepared(FAMILIES["baseline"], data.rows, data.y)
    assert "preparations" not in baseline.left_out
