import math
import time

import numpy as np
import pytest

from sluice.model import metrics
from sluice.model.intervals import MAX_ROWS, intervals

BUSINESS = {"value_per_true_positive": 10.0, "cost_per_contact": 1.0}


def calibrated(rng, rows):
    """Labels drawn with the very probabilities that are the scores."""
    p = rng.beta(1, 3, rows)
    return (rng.random(rows) < p).astype(np.int64), np.stack([1 - p, p], axis=1)


def test_each_metric_has_an_interval_around_it():
    rng = np.random.default_rng(0)
    y, p = calibrated(rng, 800)
    known = metrics.metrics_of("binary", BUSINESS)
    got = intervals(known, y, {"candidate": p}, classes=True)
    assert got == intervals(known, y, {"candidate": p}, classes=True)
    assert (got["resamples"], got["confidence"], got["rows"]) == (500, 0.95, 800)
    assert set(got["models"]["candidate"]) == set(known)
    for name, value in metrics.compute("binary", y, p, BUSINESS).items():
        low, high = got["models"]["candidate"][name]
        assert low < value < high, name
        assert (name in metrics.LOWER_IS_BETTER) <= (low >= 0)


def test_the_interval_of_a_mean_is_that_of_the_textbook():
    rng = np.random.default_rng(1)
    y, p = calibrated(rng, 2_000)
    accuracy = metrics.compute("binary", y, p)["accuracy"]
    low, high = intervals(metrics.METRICS["binary"], y, {"m": p}, classes=True, resamples=2_000)["models"]["m"][
        "accuracy"
    ]
    half = 1.96 * math.sqrt(accuracy * (1 - accuracy) / 2_000)
    assert (high - low) / 2 == pytest.approx(half, rel=0.06)


def test_an_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    known = {name: metrics.METRICS["binary"][name] for name in ("roc_auc", "brier", "recall", "mcc", "lift_at_10")}
    y, p = calibrated(rng, 400_000)
    truth = {name: metric(y, p) for name, metric in known.items()}
    held = dict.fromkeys(known, 0)
    runs = 150
    for run in range(runs):
        y, p = calibrated(rng, 400)
        got = intervals(known, y, {"m": p}, classes=True, seed=run, resamples=200)["models"]["m"]
        for name in known:
            held[name] += got[name][0] <= truth[name] <= got[name][1]
    # 95 % of 150 is 142.5; three standard deviations below it are 134
    assert {name: count for name, count in held.items() if count < 134} == {}


def test_a_rare_class_is_in_every_draw():
    rng = np.random.default_rng(3)
    y = np.array([1] * 3 + [0] * 200)
    p = rng.random(203)
    got = intervals(metrics.METRICS["binary"], y, {"m": np.stack([1 - p, p], axis=1)}, classes=True)
    assert "each class keeps its number of rows" in got["method"]
    assert "roc_auc" in got["models"]["m"]


def test_what_is_not_defined_has_no_interval():
    y, p = np.zeros(50, np.int64), np.full((50, 2), 0.5)
    got = intervals(metrics.METRICS["binary"], y, {"m": p}, classes=True)["models"]["m"]
    assert "roc_auc" not in got
    assert got["accuracy"] == [0.0, pytest.approx(0.071, abs=1e-3)], "0.5 is taken for positive: Wilson's of 0 of 50"


def test_many_rows_are_drawn_from_in_part_and_quickly():
    rng = np.random.default_rng(4)
    rows = 4 * MAX_ROWS
    y = rng.normal(size=rows)
    value = y + rng.normal(size=rows)
    began = time.process_time()
    got = intervals({"mae": metrics.METRICS["regression"]["mae"]}, y, {"m": value}, classes=False)
    assert time.process_time() - began < 10
    assert f"{MAX_ROWS:,} of {rows:,} rows" in got["method"]
    low, high = got["models"]["m"]["mae"]
    # of absolute normal errors: sd √(1 - 2/π)
    assert (high - low) / 2 == pytest.approx(1.96 * math.sqrt((1 - 2 / math.pi) / rows), rel=0.15)
