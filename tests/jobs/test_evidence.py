"""Explanation, robustness, fairness and drawings, on rows whose truth is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from jobs.learn import drawings, explanation
from jobs.learn.fairness import fairness
from sluice.model import metrics
from sluice.model.schema import Schema

RNG = np.random.default_rng(0)
COLUMNS = {"a": {"type": "number"}, "b": {"type": "number"}, "c": {"type": "category"}}
SCHEMA = Schema.from_contract({"problem": {}, "data": {"columns": COLUMNS}})


def by_a(rows):
    """A model that reads the column a and nothing else; 0.5 where it is missing."""
    p = np.array([0.5 if row["a"] is None else 1 / (1 + np.exp(-4 * row["a"])) for row in rows])
    return np.stack([1 - p, p], axis=1)


@pytest.fixture(scope="module")
def data():
    rows = [{"a": float(x), "b": float(x), "c": "xy"[i % 2]} for i, x in enumerate(RNG.normal(size=800))]
    y = (RNG.random(800) < by_a(rows)[:, 1]).astype(np.int64)
    return rows, y


@pytest.mark.parametrize("name", ["roc_auc", "log_loss"])
def test_importance_is_the_loss_of_the_column_that_is_read(data, name):
    rows, y = data
    metric = metrics.METRICS["binary"][name]
    found = explanation.importance(by_a, rows, y, SCHEMA.features, name, metric)
    mean, low, high = found["columns"]["a"]
    assert 0.2 < low <= mean <= high
    assert found["columns"]["b"] == found["columns"]["c"] == [0.0, 0.0, 0.0]
    assert (found["repeats"], found["not_measured"]) == (explanation.REPEATS, [])


def test_columns_that_the_time_does_not_suffice_for_are_named(data):
    rows, y = data
    found = explanation.importance(by_a, rows, y, SCHEMA.features, "roc_auc", metrics.METRICS["binary"]["roc_auc"], 0.0)
    assert found["columns"] == {}
    assert found["not_measured"] == ["a", "b", "c"]


def test_more_damage_costs_more(data):
    rows, y = data
    found = explanation.robustness(by_a, rows, y, SCHEMA, "roc_auc", metrics.METRICS["binary"]["roc_auc"])
    ranked = [found["undamaged"], *found["missing"].values()]
    assert ranked == sorted(ranked, reverse=True)
    assert ranked[0] - ranked[-1] > 0.02
    assert 0 < abs(found["undamaged"] - found["noise"]["0.1"]) < 0.02
    assert rows[0]["a"] is not None, "the rows themselves are left as they are"


def test_the_sample_is_bounded_and_always_the_same():
    rows, y = [{"a": float(i)} for i in range(5_000)], np.arange(5_000)
    few, truth = explanation.sample(rows, y)
    assert len(few) == explanation.ROWS
    assert [row["a"] for row in few] == truth.tolist()
    assert explanation.sample(rows, y)[0] == few


def test_fairness_of_two_groups():
    # group m: 6 of 8 positives and 2 of 8 negatives are chosen; group f: 2 of 4 and 0 of 12
    cells = {
        "m": [(1, 1)] * 6 + [(1, 0)] * 2 + [(0, 1)] * 2 + [(0, 0)] * 6,
        "f": [(1, 1)] * 2 + [(1, 0)] * 2 + [(0, 0)] * 12,
    }
    pairs = [pair for group in cells.values() for pair in group]
    y = np.array([truth for truth, _ in pairs])
    p = np.array([0.9 if chosen else 0.2 for _, chosen in pairs])
    groups = {"sex": {"m": np.arange(16), "f": np.arange(16, 32)}, "alone": {"x": np.arange(32)}}
    found = fairness("binary", y, np.stack([1 - p, p], axis=1), groups)
    assert set(found) == {"sex"}
    m, f = (found["sex"]["groups"][value] for value in ("m", "f"))
    assert (m["rows"], m["selection_rate"], m["recall"], m["false_positive_rate"], m["error_rate"]) == (
        16,
        0.5,
        0.75,
        0.25,
        0.25,
    )
    assert (f["selection_rate"], f["recall"], f["false_positive_rate"]) == (0.125, 0.5, 0.0)
    gaps = {name: gap["value"] for name, gap in found["sex"]["gaps"].items()}
    assert gaps["demographic_parity_difference"] == 0.375
    assert gaps["equalized_odds_difference"] == 0.25
    assert gaps["error_rate_difference"] == 0.125
    interval = found["sex"]["gaps"]["demographic_parity_difference"]
    assert 0 <= interval["low"] < 0.375 < interval["high"]
    json.dumps(found, allow_nan=False)


def test_a_group_without_positives_has_no_recall_and_is_left_out_of_its_gap():
    y = np.array([1, 0, 1, 0, 0, 0])
    p = np.array([0.9, 0.1, 0.2, 0.1, 0.1, 0.9])
    groups = {"c": {"x": np.array([0, 1]), "y": np.array([2, 3]), "z": np.array([4, 5])}}
    found = fairness("binary", y, np.stack([1 - p, p], axis=1), groups)["c"]
    assert found["groups"]["z"]["recall"] is None
    assert found["gaps"]["equalized_odds_difference"]["value"] == 1.0
    # none of one: that says little
    y_group = found["groups"]["y"]
    assert (y_group["recall"], y_group["recall_low"]) == (0.0, 0.0)
    assert y_group["recall_high"] > 0.5


def test_an_even_model_has_gaps_that_reach_down_to_nothing():
    """Of 100 even models, at most a few have an interval that excludes 0."""
    rng = np.random.default_rng(5)
    excluded = 0
    for run in range(100):
        p = rng.beta(2, 3, 900)
        y = (rng.random(900) < p).astype(np.int64)
        groups = {"g": {str(k): np.arange(k * 300, (k + 1) * 300) for k in range(3)}}
        gap = fairness("binary", y, np.stack([1 - p, p], axis=1), groups, seed=run)["g"]["gaps"]
        excluded += gap["demographic_parity_difference"]["low"] > 0.02
    assert excluded <= 10


@pytest.mark.parametrize("problem", ["multiclass", "regression"])
def test_fairness_of_other_problems(problem):
    y = RNG.integers(0, 3, 200)
    scores = (
        np.eye(3)[np.where(np.arange(200) < 100, y, (y + 1) % 3)]
        if problem == "multiclass"
        else y + (np.arange(200) >= 100)
    )
    found = fairness(problem, y, scores, {"c": {"good": np.arange(100), "bad": np.arange(100, 200)}})["c"]
    name = "error_rate" if problem == "multiclass" else "mean_error"
    assert (found["groups"]["good"][name], found["groups"]["bad"][name]) == (0.0, 1.0)
    assert found["gaps"][f"{name}_difference"]["value"] == 1.0


def test_curves_are_thinned_but_keep_ends_and_area():
    y = RNG.integers(0, 2, 20_000)
    score = RNG.normal(y, 1.0)
    p = np.stack([-score, score], axis=1)
    drawn = drawings.Ranked(y, p[:, 1])
    xs, ys = drawn.roc()
    assert len(xs) <= drawings.POINTS
    assert (xs[0], ys[0], xs[-1], ys[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert float(np.trapezoid(ys, xs)) == pytest.approx(metrics.roc_auc(y, p[:, 1]), abs=0.002)
    money = drawn.profit({"value_per_true_positive": 3.0, "cost_per_contact": 1.0})
    assert money[1][-1] == pytest.approx(3 * y.sum() - len(y), rel=1e-4)


def test_wilson_interval_is_that_of_the_literature():
    # Newcombe 1998, table I: 81 of 263 and 15 of 148
    assert drawings.wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert drawings.wilson(15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)


def test_rare_classes_share_a_line_of_the_confusion_matrix():
    y = np.concatenate([np.repeat(np.arange(30), 5), np.zeros(100, np.int64)])
    found = drawings.confusion([f"k{i}" for i in range(30)], y, np.roll(y, 1))
    assert len(found["classes"]) == len(found["counts"]) == drawings.SHOWN_CLASSES
    assert (found["classes"][-1], found["others"]) == ("11 others", 11)
    assert np.sum(found["counts"]) == len(y)


def test_no_value_of_a_row_is_in_the_drawings_of_numbers():
    y = RNG.normal(1e6, 12_345.678, 500)
    scores = {"candidate": y + RNG.normal(0, 10, 500)}
    text = json.dumps(drawings.drawings("regression", [], y, scores, None))
    assert not [value for value in y if f"{value}" in text]
    summary = drawings.residual_summary(y, scores["candidate"])
    assert summary["q25"] < summary["median"] < summary["q75"]


def test_anomaly_scores_are_drawn_with_and_without_labels():
    score = RNG.random(300)
    scores = {"candidate": np.stack([1 - score, score], axis=1)}
    bare = drawings.unlabelled(np.full(300, np.nan), scores)
    assert set(bare) == {"scores"}
    assert sum(bare["scores"]["counts"]["all rows"]) == 300
    truth = np.where(np.arange(300) < 100, (score > 0.7).astype(float), np.nan)
    drawn = drawings.unlabelled(truth, scores)
    assert "calibration" not in drawn
    assert np.sum(drawn["confusion"]["counts"]) == 100
    assert drawn["roc"]["candidate"][1][-1] == 1.0
