import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from sluice.model import metrics
from sluice.model.bootstrap import paired_difference
from sluice.model.reference import histogram, reference_profile, score_edges
from sluice.model.schema import Schema

# Scores on a coarse grid, so that ties are common.
BINARY = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=4, max_size=60).filter(
    lambda pairs: len({y for y, _ in pairs}) == 2
)


def arrays(pairs):
    y = np.array([int(y) for y, _ in pairs])
    p = np.array([s / 20 for _, s in pairs])
    return y, np.stack([1 - p, p], axis=1)


@settings(max_examples=40)
@given(BINARY)
def test_binary_metrics_are_those_of_scikit_learn(pairs):
    y, p = arrays(pairs)
    chosen = (p[:, 1] >= 0.5).astype(int)
    got = metrics.compute("binary", y, p)
    assert {name: got[name] for name in got if name not in ("ece", *metrics.LIFTS)} == pytest.approx(
        {
            "roc_auc": reference.roc_auc_score(y, p[:, 1]),
            "pr_auc": reference.average_precision_score(y, p[:, 1]),
            "log_loss": reference.log_loss(y, p),
            "brier": reference.brier_score_loss(y, p[:, 1]),
            "accuracy": reference.accuracy_score(y, chosen),
            "balanced_accuracy": reference.balanced_accuracy_score(y, chosen),
            "precision": reference.precision_score(y, chosen, zero_division=0),
            "recall": reference.recall_score(y, chosen),
            "f1": reference.f1_score(y, chosen, zero_division=0),
            "mcc": reference.matthews_corrcoef(y, chosen),
            "selection_rate": chosen.mean(),
            "false_positive_rate": chosen[y == 0].mean(),
        },
        abs=1e-12,
    )


def several(pairs):
    y = np.array([k for k, _ in pairs])
    p = np.array([weights for _, weights in pairs], dtype=float)
    return y, p / p.sum(axis=1, keepdims=True)


CLASSES = st.lists(st.tuples(st.integers(0, 3), st.tuples(*[st.integers(1, 9)] * 4)), min_size=2, max_size=40)


@settings(max_examples=40)
@given(CLASSES)
def test_multiclass_metrics_are_those_of_scikit_learn(pairs):
    y, p = several(pairs)
    best = p.argmax(axis=1)
    got = metrics.compute("multiclass", y, p)
    present = np.unique(y)
    one_hot = y[:, None] == present
    if len(present) > 1:
        assert got.pop("roc_auc") == pytest.approx(reference.roc_auc_score(one_hot, p[:, present], average="macro"))
        # of scikit-learn's function, the classes that do not occur are 0 and count
        each = [reference.average_precision_score(one_hot[:, i], p[:, k]) for i, k in enumerate(present)]
        assert got.pop("pr_auc") == pytest.approx(np.mean(each))
    assert "roc_auc" not in got
    ece = got.pop("ece")
    assert 0 <= ece <= 1

    def averaged(metric, average):
        return metric(y, best, average=average, zero_division=0)

    with pytest.warns() if set(best) - set(y) else contextlib.nullcontext():
        balanced = reference.balanced_accuracy_score(y, best)
    assert got == pytest.approx(
        {
            "accuracy": reference.accuracy_score(y, best),
            "balanced_accuracy": balanced,
            "macro_precision": averaged(reference.precision_score, "macro"),
            "macro_recall": averaged(reference.recall_score, "macro"),
            "macro_f1": averaged(reference.f1_score, "macro"),
            "micro_f1": averaged(reference.f1_score, "micro"),
            "weighted_precision": averaged(reference.precision_score, "weighted"),
            "weighted_recall": averaged(reference.recall_score, "weighted"),
            "weighted_f1": averaged(reference.f1_score, "weighted"),
            "log_loss": reference.log_loss(y, p, labels=range(4)),
            "brier": reference.brier_score_loss(y, p, labels=range(4), scale_by_half=True),
            "mcc": reference.matthews_corrcoef(y, best),
        },
        abs=1e-12,
    )


@given(st.lists(st.tuples(st.integers(-100, 100), st.floats(-100, 100)), min_size=2, max_size=40))
def test_regression_metrics_are_those_of_scikit_learn(pairs):
    y, v = np.array(pairs, dtype=float).T
    got = metrics.compute("regression", y, v)
    assert got["mse"] == pytest.approx(reference.mean_squared_error(y, v))
    assert got["rmse"] == pytest.approx(reference.root_mean_squared_error(y, v))
    assert got["mae"] == pytest.approx(reference.mean_absolute_error(y, v))
    assert got["pinball_10"] == pytest.approx(reference.mean_pinball_loss(y, v, alpha=0.1))
    assert got["pinball_90"] == pytest.approx(reference.mean_pinball_loss(y, v, alpha=0.9))
    if y.any():
        assert got["mape"] == pytest.approx(reference.mean_absolute_percentage_error(y[y != 0], v[y != 0]))
    else:
        assert "mape" not in got
    if len(set(y)) > 1:
        assert got["r2"] == pytest.approx(reference.r2_score(y, v))
    else:
        assert "r2" not in got


def test_what_one_class_cannot_define_is_left_out():
    got = metrics.compute("binary", np.zeros(5, int), np.full((5, 2), 0.5))
    assert not {"roc_auc", "pr_auc", "lift_at_10"} & set(got)
    assert "accuracy" in got


def test_calibration_error_is_the_mean_gap_of_ten_bins():
    p = np.array([0.05, 0.05, 0.95, 0.95, 1.0, 0.5])
    y = np.array([0, 1, 1, 1, 1, 1])
    # bins of 2, 3 and 1 rows: |0.1 - 1| + |2.9 - 3| + |0.5 - 1|
    assert metrics.compute("binary", y, np.stack([1 - p, p], axis=1))["ece"] == pytest.approx(1.5 / 6)


def test_lift_counts_tied_rows_in_part():
    p = np.array([0.9] + [0.5] * 4 + [0.1] * 5)
    y = np.array([1, 1, 0, 0, 0, 1, 0, 0, 0, 0])
    got = metrics.compute("binary", y, np.stack([1 - p, p], axis=1))
    assert got["lift_at_10"] == pytest.approx(1 / 0.3)
    # the second row of the 20 % is one of four tied ones with one positive
    assert got["lift_at_20"] == pytest.approx((1 + 1 / 4) / 2 / 0.3)
    assert got["lift_at_5"] == pytest.approx(1 / 0.3)


def test_profit_contacts_whoever_pays_and_uplift_is_over_contacting_all():
    y = np.array([1, 0, 1, 0])
    p = np.array([0.9, 0.2, 0.3, 0.1])
    got = metrics.compute(
        "binary", y, np.stack([1 - p, p], axis=1), {"value_per_true_positive": 4.0, "cost_per_contact": 1.0}
    )
    # From p >= 0.25: two contacts, both right.
    assert (got["profit"], got["uplift"], got["value_per_decision"]) == (6.0, 2.0, 1.5)
    assert "profit" not in metrics.compute("binary", y, np.stack([1 - p, p], axis=1), {"value_per_true_positive": 0.0})


def test_the_threshold_may_be_another():
    y, p = np.array([1, 1, 0, 0]), np.array([0.4, 0.6, 0.3, 0.1])
    scores = np.stack([1 - p, p], axis=1)
    assert metrics.compute("binary", y, scores)["recall"] == 0.5
    assert metrics.compute("binary", y, scores, threshold=0.35)["recall"] == 1.0


def drawn_again(known, y, scores, weights):
    """Each metric under the weights, and on the rows repeated as often as these say."""
    for name, metric in known.items():
        repeated = np.repeat(np.arange(len(y)), weights.astype(int))
        yield name, metric.weighted(y, scores, weights[None, :])[0], metric(y[repeated], scores[repeated])


@given(BINARY, st.randoms())
def test_weighted_binary_metrics_are_those_of_repeated_rows(pairs, chance):
    y, p = arrays(pairs)
    weights = np.bincount([chance.randrange(len(y)) for _ in y], minlength=len(y)).astype(float)
    business = {"value_per_true_positive": 4.0, "cost_per_contact": 1.0}
    for name, got, expected in drawn_again(metrics.metrics_of("binary", business), y, p, weights):
        assert got == pytest.approx(expected, nan_ok=True, abs=1e-9), name


@given(CLASSES, st.randoms())
def test_weighted_multiclass_metrics_are_those_of_repeated_rows(pairs, chance):
    y, p = several(pairs)
    weights = np.bincount([chance.randrange(len(y)) for _ in y], minlength=len(y)).astype(float)
    for name, got, expected in drawn_again(metrics.METRICS["multiclass"], y, p, weights):
        if name not in ("roc_auc", "pr_auc") or set(y[weights > 0]) == set(y):
            assert got == pytest.approx(expected, nan_ok=True, abs=1e-9), name


@given(st.lists(st.tuples(st.integers(-9, 9), st.floats(-100, 100)), min_size=2, max_size=40), st.randoms())
def test_weighted_regression_metrics_are_those_of_repeated_rows(pairs, chance):
    y, v = np.array(pairs, dtype=float).T
    weights = np.bincount([chance.randrange(len(y)) for _ in y], minlength=len(y)).astype(float)
    for name, got, expected in drawn_again(metrics.METRICS["regression"], y, v, weights):
        assert got == pytest.approx(expected, nan_ok=True, rel=1e-6, abs=1e-9), name


@pytest.mark.parametrize("name", ["roc_auc", "log_loss", "mcc"])
def test_paired_bootstrap_finds_a_difference_and_none_where_there_is_none(name):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 600)
    good = np.clip(0.3 * y + 0.35 + rng.normal(0, 0.1, 600), 0.01, 0.99)
    poor = np.clip(0.1 * y + 0.45 + rng.normal(0, 0.2, 600), 0.01, 0.99)
    a, b = (np.stack([1 - p, p], axis=1) for p in (good, poor))
    metric = metrics.METRICS["binary"][name]
    got = paired_difference(metric, y, a, b)
    assert got == paired_difference(metric, y, a, b)
    assert got["low"] < got["difference"] < got["high"]
    assert (got["high"] < 0) if name == "log_loss" else (got["low"] > 0)
    same = paired_difference(metric, y, a, a)
    assert (same["difference"], same["low"], same["high"]) == (0.0, 0.0, 0.0)


def test_the_interval_is_none_where_resamples_do_not_define_the_metric():
    y = np.array([1, 0, 0])
    p = np.array([[0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    got = paired_difference(metrics.METRICS["binary"]["roc_auc"], y, p, p)
    assert (got["low"], got["high"]) == (None, None)


def test_reference_profile():
    columns = {"n": {"type": "number"}, "c": {"type": "category"}, "e": {"type": "number"}, "k": {"type": "integer"}}
    schema = Schema.from_contract({"problem": {}, "data": {"columns": columns}})
    rows = [{"n": float(i), "c": "ab"[i % 2], "k": 5.0} for i in range(100)] + [{"n": None, "c": None, "k": 5.0}] * 25
    got = reference_profile(schema, rows, np.linspace(0, 1, 125))
    assert got["rows"] == 125
    assert got["columns"]["n"]["missing"] == pytest.approx(0.2)
    assert len(got["columns"]["n"]["shares"]) == 10
    assert sum(got["columns"]["n"]["shares"]) == pytest.approx(1)
    assert got["columns"]["c"] == {"type": "category", "shares": {"a": 0.5, "b": 0.5}, "missing": pytest.approx(0.2)}
    assert got["columns"]["e"] == {"type": "number", "edges": [], "shares": [], "missing": 1.0}
    assert got["columns"]["k"]["edges"] == [5.0, 5.0]
    assert len(got["scores"]["shares"]) == 20
    assert histogram(np.array([-9.0, 0.5, 99.0]), np.array([0.0, 1.0, 2.0]))["shares"] == pytest.approx([2 / 3, 1 / 3])
    assert score_edges(np.array([3.0, 3.0]))[0] == 3.0
