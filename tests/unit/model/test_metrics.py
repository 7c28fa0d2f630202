import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from sluice.model import metrics
from sluice.model.bootstrap import paired_difference, roc_auc_weighted
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


@given(BINARY)
def test_binary_metrics_are_those_of_scikit_learn(pairs):
    y, p = arrays(pairs)
    chosen = (p[:, 1] >= 0.5).astype(int)
    assert metrics.compute("binary", y, p) == pytest.approx(
        {
            "roc_auc": reference.roc_auc_score(y, p[:, 1]),
            "pr_auc": reference.average_precision_score(y, p[:, 1]),
            "log_loss": reference.log_loss(y, p),
            "brier": reference.brier_score_loss(y, p[:, 1]),
            "accuracy": reference.accuracy_score(y, chosen),
            "precision": reference.precision_score(y, chosen, zero_division=0),
            "recall": reference.recall_score(y, chosen),
            "f1": reference.f1_score(y, chosen, zero_division=0),
        },
        abs=1e-12,
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.tuples(*[st.integers(1, 9)] * 4)), min_size=2, max_size=40))
def test_multiclass_metrics_are_those_of_scikit_learn(pairs):
    y = np.array([k for k, _ in pairs])
    p = np.array([weights for _, weights in pairs], dtype=float)
    p /= p.sum(axis=1, keepdims=True)
    best = p.argmax(axis=1)
    assert metrics.compute("multiclass", y, p) == pytest.approx(
        {
            "accuracy": reference.accuracy_score(y, best),
            "macro_f1": reference.f1_score(y, best, average="macro", zero_division=0),
            "log_loss": reference.log_loss(y, p, labels=range(4)),
        },
        abs=1e-12,
    )


@given(st.lists(st.tuples(st.integers(-100, 100), st.floats(-100, 100)), min_size=2, max_size=40))
def test_regression_metrics_are_those_of_scikit_learn(pairs):
    y, v = np.array(pairs, dtype=float).T
    got = metrics.compute("regression", y, v)
    assert got["rmse"] == pytest.approx(reference.root_mean_squared_error(y, v))
    assert got["mae"] == pytest.approx(reference.mean_absolute_error(y, v))
    if len(set(y)) > 1:
        assert got["r2"] == pytest.approx(reference.r2_score(y, v))
    else:
        assert "r2" not in got


def test_what_one_class_cannot_define_is_left_out():
    assert "roc_auc" not in metrics.compute("binary", np.zeros(5, int), np.full((5, 2), 0.5))


def test_profit_contacts_whoever_pays_and_uplift_is_over_contacting_all():
    y = np.array([1, 0, 1, 0])
    p = np.array([0.9, 0.2, 0.3, 0.1])
    got = metrics.compute(
        "binary", y, np.stack([1 - p, p], axis=1), {"value_per_true_positive": 4.0, "cost_per_contact": 1.0}
    )
    # From p >= 0.25: two contacts, both right.
    assert (got["profit"], got["uplift"]) == (6.0, 2.0)
    assert "profit" not in metrics.compute("binary", y, np.stack([1 - p, p], axis=1), {"value_per_true_positive": 0.0})


@given(BINARY, st.randoms())
def test_weighted_auc_is_that_of_repeated_rows(pairs, chance):
    y, p = arrays(pairs)
    drawn = np.array([chance.randrange(len(y)) for _ in y])
    weights = np.bincount(drawn, minlength=len(y)).astype(float)[None, :]
    got = roc_auc_weighted(y, p[:, 1], weights)[0]
    assert got == pytest.approx(metrics.roc_auc(y[drawn], p[drawn, 1]), nan_ok=True)


@pytest.mark.parametrize("name", ["roc_auc", "log_loss"])
def test_paired_bootstrap_finds_a_difference_and_none_where_there_is_none(name):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 600)
    good = np.clip(0.3 * y + 0.35 + rng.normal(0, 0.1, 600), 0.01, 0.99)
    poor = np.clip(0.1 * y + 0.45 + rng.normal(0, 0.2, 600), 0.01, 0.99)
    a, b = (np.stack([1 - p, p], axis=1) for p in (good, poor))
    metric = metrics.METRICS["binary"][name]
    got = paired_difference(name, metric, y, a, b)
    assert got == paired_difference(name, metric, y, a, b)
    assert got["low"] < got["difference"] < got["high"]
    assert (got["low"] > 0) if name == "roc_auc" else (got["high"] < 0)
    same = paired_difference(name, metric, y, a, a)
    assert (same["difference"], same["low"], same["high"]) == (0.0, 0.0, 0.0)


def test_the_interval_is_none_where_resamples_do_not_define_the_metric():
    y = np.array([1, 0, 0])
    p = np.array([[0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    got = paired_difference("roc_auc", metrics.METRICS["binary"]["roc_auc"], y, p, p)
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
