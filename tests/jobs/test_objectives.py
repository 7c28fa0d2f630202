"""A regression learns what its metric is best at: the median, a quantile, or the mean."""

from __future__ import annotations

import numpy as np
import pytest

from auto.few_rows import weighs
from auto.guide import RowLosses
from families import FAMILIES
from families.base import Sample, Task
from families.objectives import QUANTILES
from project_data import ProjectData
from sluice.model.metrics import METRICS
from sluice.model.scorers import build_scorer

FAST = {
    "lightgbm": {"learning-rate": "0.2", "min-data-in-leaf": "60"},
    "xgboost": {"learning-rate": "0.2", "max-leaves": "8"},
    "catboost": {"learning-rate": "0.3", "depth": "3"},
    "gradient_boosting": {"learning-rate": "0.2", "min-samples-leaf": "60"},
}


def skewed(rows: int, seed: int) -> Sample:
    """Values whose mean, median and quantiles are far apart."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3))
    return Sample(x, np.exp(x[:, 0] + rng.normal(0, 1.2, rows)))


def fitted(name: str, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Answers to fresh rows, by the library and by the exported scorer."""
    family, task = FAMILIES[name], Task("regression", 0, metric)
    train, watch, fresh = skewed(1500, 0), skewed(600, 1), skewed(1500, 2)
    if metric == "mape":
        train, watch = (each._replace(weight=1.0 / each.y) for each in (train, watch))
    model = family.fit(family.hyperparameters(FAST.get(name, {})), task, train, watch)
    return family.answer(model, task, fresh), build_scorer(*family.export(model))(fresh.matrix)


@pytest.mark.parametrize("metric", ["mae", "pinball_10", "pinball_90"])
@pytest.mark.parametrize("family", [*FAST, "baseline"])
def test_the_metric_s_share_of_the_rows_is_below_the_answer(family, metric):
    answer, exported = fitted(family, metric)
    assert np.mean(skewed(1500, 2).y < answer) == pytest.approx(QUANTILES[metric], abs=0.06)
    assert exported == pytest.approx(answer, rel=1e-6)


@pytest.mark.parametrize("family", [*FAST, "baseline"])
def test_mean_median_and_relative_errors_ask_for_different_answers(family):
    of = {metric: fitted(family, metric)[0] for metric in ("rmse", "mae", "mape")}
    assert of["rmse"].mean() > 1.2 * of["mae"].mean() > 1.5 * of["mape"].mean()
    fresh = skewed(1500, 2)
    for metric, best in of.items():
        losses = {other: METRICS["regression"][metric](fresh.y, answer) for other, answer in of.items()}
        assert min(losses, key=lambda other: losses[other]) == metric, losses
        assert np.isfinite(best).all()


@pytest.mark.parametrize(("metric", "factor"), [("mse", 1), ("mae", 2), ("mape", 2), ("pinball_10", 1)])
def test_the_loss_of_a_row_is_what_the_metric_is_the_mean_of(metric, factor):
    rng = np.random.default_rng(0)
    y, answer = rng.normal(size=(2, 200))
    losses = RowLosses("regression", metric)
    assert factor * losses(y, answer).mean() == pytest.approx(METRICS["regression"][metric](y, answer))
    y[0] = 0.0
    assert np.isfinite(losses(y, answer)).all()


def test_relative_errors_weigh_rows_and_leave_out_those_of_0():
    contract = {
        "problem": {"type": "regression", "target": "y", "metric": "mape"},
        "data": {"columns": {"y": {"type": "number"}}},
    }
    rows = [{"y": value} for value in (1.0, -2.0, 0.0, 4.0)]
    data = ProjectData._of(contract, None, rows, rows)
    weight = data.weights(data.y)
    assert weight == pytest.approx(np.array([1.0, 0.5, 0.0, 0.25]) / 0.4375)
    assert data.weights(np.zeros(3)) is None
    other = {**contract, "problem": {**contract["problem"], "metric": "mae"}}
    assert ProjectData._of(other, None, rows, rows).weights(data.y) is None


def test_weights_by_squared_errors_are_for_means_alone():
    assert weighs(500, "regression", "rmse")
    assert weighs(500, "binary", "roc_auc")
    assert not weighs(500, "regression", "mae")
    assert not weighs(5_000, "binary", "roc_auc")
