"""The learning curve's verdict follows from data whose truth is known."""

from __future__ import annotations

from typing import Any

import learning_curve
import numpy as np
import pytest

from families import FAMILIES, Sample, Task
from project_data import ProjectData
from tests.jobs.learning_data import make_data


def of(family: str, matrix: np.ndarray, y: np.ndarray, metric: str, **hyperparameters: Any) -> dict[str, Any]:
    """The curve of a family on the first 60 % of the rows, watching the others."""
    kind = FAMILIES[family]
    chosen = {**kind.hyperparameters({}), **hyperparameters}
    classes = 0 if y.dtype.kind == "f" else int(y.max()) + 1
    task = Task("regression" if not classes else "binary" if classes == 2 else "multiclass", classes, metric)
    cut = round(0.6 * len(y))
    sample, watch = Sample(matrix[:cut], y[:cut]), Sample(matrix[cut:], y[cut:])
    return learning_curve.drawn(kind, chosen, task, sample, watch, (kind.fit(chosen, task, sample, watch), 0.1))


def rows(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 6))


def test_a_line_for_a_parabola_is_under_fitting():
    x = rows(4000)
    y = ((x[:, 0] + x[:, 1] ** 2) > 1).astype(np.int64)
    found = of("logistic_regression", x, y, "roc_auc")
    assert found["findings"] == ["under-fitting"]
    assert [point["rows"] for point in found["points"]] == [240, 600, 1200, 2400]


def test_a_forest_of_whole_trees_on_noise_is_over_fitting():
    x = rows(3000)
    y = ((x[:, 0] + np.random.default_rng(1).normal(0, 3, 3000)) > 0).astype(np.int64)
    found = of("random_forest", x, y, "roc_auc", **{"min-samples-leaf": 1, "max-depth": 30})
    assert "over-fitting" in found["findings"]
    assert found["points"][-1]["train"] > 0.99
    assert "over-fitting: validation keeps" in found["verdict"]


@pytest.mark.parametrize("metric", ["rmse", "r2"])
def test_a_rich_truth_of_which_few_rows_are_known_wants_more_data(metric):
    x = rows(3000)
    y = np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + np.cos(2 * x[:, 3]) * x[:, 4]
    found = of("gradient_boosting", x, y, metric, **{"max-iter": 60, "learning-rate": 0.2})
    assert "more data would help" in found["findings"]
    better = [point["validation"] * (-1 if metric == "rmse" else 1) for point in found["points"]]
    assert better == sorted(better)


def test_what_is_learned_from_few_rows_already_is_not_said_to_want_more():
    x = rows(6000)
    y = 2.0 * x[:, 0] - x[:, 1] + np.random.default_rng(2).normal(0, 1, 6000)
    assert "more data would help" not in of("logistic_regression", x, y, "r2")["findings"]


def test_every_class_is_in_every_part():
    x = rows(3000)
    y = np.where(np.arange(3000) % 400 == 7, 2, (x[:, 0] > 0).astype(np.int64))
    found = of("logistic_regression", x, y, "log_loss")
    assert all(point["validation"] is not None for point in found["points"])


@pytest.mark.parametrize(
    ("rows_", "seconds", "metric", "why"),
    [
        (900, 0.1, "roc_auc", "too few training rows: 900 of the 1,000"),
        (3000, 60.0, "roc_auc", "51 s more"),
        (3000, 0.1, "profit", "a sum over rows"),
    ],
)
def test_what_is_left_out_says_why(rows_, seconds, metric, why):
    x = rows(rows_)
    sample = Sample(x, (x[:, 0] > 0).astype(np.int64))
    task = Task("binary", 2, metric)
    found = learning_curve.drawn(FAMILIES["logistic_regression"], {}, task, sample, sample, (None, seconds))
    assert list(found) == ["skipped"]
    assert why in found["skipped"]


def test_the_curve_of_auto_is_that_of_the_trial_with_the_greatest_weight(tmp_path):
    folder = make_data(tmp_path / "binary", "binary", rows=1100)
    data = ProjectData.read(folder / "contract", folder / "train", folder / "validation")
    trial = {"hyperparameters": FAMILIES["logistic_regression"].hyperparameters({}), "seconds": 0.1}
    other = {"family": "random_forest", "weight": 0.4, "hyperparameters": {}, "seconds": 0.1}
    found = learning_curve.of_leader(data, [other, {**trial, "family": "logistic_regression", "weight": 0.6}])
    assert found["family"] == "logistic_regression"
    assert [point["rows"] for point in found["points"]] == [110, 275, 550, 1100]
    slow = {**trial, "family": "logistic_regression", "weight": 1.0, "seconds": 300.0}
    assert "took 300 s" in learning_curve.of_leader(data, [slow])["skipped"]


def test_a_fit_that_fails_on_a_part_is_a_reason_and_no_crash():
    x = rows(3000)
    sample = Sample(x, (x[:, 0] > 0).astype(np.int64))
    task = Task("binary", 2, "roc_auc")
    found = learning_curve.drawn(FAMILIES["logistic_regression"], {"no": 1}, task, sample, sample, (None, 0.1))
    assert "a fit on a part of the rows failed: an unexpected KeyError" in found["skipped"]


def test_chance_alone_seldom_asks_for_more_data():
    wrong = 0
    for seed in range(25):
        chance = np.random.default_rng(seed)
        x = chance.normal(size=(2000, 3))
        y = (x[:, 0] + chance.normal(0, 1, 2000) > 0).astype(np.int64)
        # the truth is linear and simple: 600 rows know it as well as 1,200 do, but for chance
        wrong += "more data would help" in of("logistic_regression", x, y, "roc_auc")["findings"]
    assert wrong <= 1


def curve(train: float, validation: float, constant: float, metric: str, others: int = 0) -> dict[str, Any]:
    points = [{"rows": 1000, "train": train, "validation": validation}]
    gain = {"difference": 0.0, "low": -0.001, "high": 0.001}
    return learning_curve.verdict(points, constant, gain, metric, others)


@pytest.mark.parametrize(
    ("train", "validation", "constant", "metric"),
    [
        (1.0, 1.0, 0.5, "roc_auc"),
        (1.0, 0.995, 0.6, "accuracy"),
        (0.0, 0.01, 5.0, "rmse"),
        (0.999, 0.99, -0.001, "r2"),
        (0.001, 0.002, 0.6, "log_loss"),
    ],
)
def test_a_model_that_is_nearly_perfect_has_nothing_left_to_learn(train, validation, constant, metric):
    assert curve(train, validation, constant, metric)["findings"] == ["nothing left"]


def test_what_no_other_family_does_better_is_not_under_fitting():
    assert curve(0.85, 0.849, 0.5, "roc_auc")["findings"] == ["under-fitting"]
    found = curve(0.85, 0.849, 0.5, "roc_auc", others=4)
    assert found["findings"] == ["balanced"]
    assert "none of 4 other families" in found["verdict"]


def test_a_perfect_model_of_a_rule_in_one_column_is_not_under_fitting():
    x = rows(2000)
    found = of("random_forest", x, (x[:, 0] > 0).astype(np.int64), "roc_auc")
    assert found["findings"] == ["nothing left"]
    assert "roc_auc is" in found["verdict"]


def test_validation_above_training_is_not_a_share_beyond_all():
    """It said "validation keeps 850%" of rows with heavy tails, whose errors differ by part."""
    points = [{"rows": 100, "train": 120.0, "validation": 170.0}, {"rows": 200, "train": 191.0, "validation": 168.0}]
    gain = {"difference": 0.1, "low": -1.0, "high": 1.0}
    told = learning_curve.verdict(points, 194.0, gain, "rmse", 7)["verdict"]
    assert told.startswith("balanced: validation rows score no worse than the training rows, and none of 7 other")
    assert "%" not in told
