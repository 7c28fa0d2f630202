"""Few rows are few: intervals where each draw of a bootstrap would say the same."""

from __future__ import annotations

import numpy as np
import pytest

from sluice.model import metrics
from sluice.model.bootstrap import interval, paired_difference
from sluice.model.few_rows import difference_of_shares, unseen, wilson
from sluice.model.gaps import gap
from sluice.model.intervals import intervals

BINARY = metrics.METRICS["binary"]


def probabilities(yes: np.ndarray) -> np.ndarray:
    return np.stack([1 - yes, yes], axis=1).astype(float)


def halves(rows: int) -> np.ndarray:
    return np.repeat([0, 1], [rows // 2, rows - rows // 2])


@pytest.mark.parametrize("problem", ["binary", "multiclass"])
def test_a_share_counts_the_rows_that_its_metric_is_about(problem: str) -> None:
    rng = np.random.default_rng(3)
    classes = 2 if problem == "binary" else 4
    y, p = rng.integers(0, classes, 300), rng.dirichlet(np.ones(classes), 300)
    shares = {name: metric for name, metric in metrics.METRICS[problem].items() if metric.share is not None}
    assert set(shares) == (
        {"accuracy", "precision", "recall", "selection_rate", "false_positive_rate"}
        if problem == "binary"
        else {"accuracy", "micro_f1", "weighted_recall"}
    )
    for name, metric in shares.items():
        among, hits = metric.share(y, p)  # type: ignore[misc]
        assert metric(y, p) == pytest.approx((among & hits).sum() / among.sum()), name


@pytest.mark.parametrize(("rows", "least"), [(5, 0.566), (20, 0.839), (2_000, 0.998)])
def test_rows_that_are_all_right_do_not_prove_that_all_rows_are(rows: int, least: float) -> None:
    y = halves(rows)
    low, high = interval(BINARY["accuracy"], y, probabilities(y)) or (0, 0)
    assert (round(low, 3), high) == (least, 1.0)
    told = intervals(BINARY, y, {"m": probabilities(y)}, classes=True)["models"]["m"]
    assert told["accuracy"] == [low, high]
    if rows >= 20:
        # as many pairs of a positive and a negative row as the rarer class has rows
        area = interval(BINARY["roc_auc"], y, probabilities(y))
        assert area == (pytest.approx(1 - unseen(rows // 2, 0.95)), 1.0)
        assert told["roc_auc"] == pytest.approx(list(area))


def test_an_error_that_no_row_shows_has_no_interval() -> None:
    y = np.arange(40.0)
    known = metrics.METRICS["regression"]
    assert interval(known["rmse"], y, y) is None
    assert "rmse" not in intervals(known, y, {"m": y}, classes=False)["models"]["m"]


def test_two_models_that_agree_on_few_rows_may_differ_on_others() -> None:
    y = halves(30)
    wrong = y.copy()
    wrong[0] = 1
    for ours in (y, wrong):
        told = paired_difference(BINARY["accuracy"], y, probabilities(ours * 0.8), probabilities(ours * 0.7))
        assert told["difference"] == 0
        assert told["low"] < -0.08, "one row in twelve"
    area = paired_difference(BINARY["roc_auc"], y, probabilities(y * 0.8), probabilities(y * 0.7))
    assert area["low"] == pytest.approx(-unseen(15, 0.95))


def test_one_model_twice_differs_nowhere() -> None:
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, 60), probabilities(rng.random(60))
    for name in ("accuracy", "roc_auc", "log_loss"):
        told = paired_difference(BINARY[name], y, p, p.copy())
        assert (told["low"], told["high"]) == (0, 0), name


@pytest.mark.parametrize(("rows", "worse"), [(30, 0.1), (100, 0.05), (100, 0.02), (200, 0.02)])
def test_a_candidate_that_is_worse_by_the_margin_seldom_passes(rows: int, worse: float) -> None:
    """A percentile bootstrap lets 7 to 15 % of them pass."""
    rng = np.random.default_rng(0)
    passed = 0
    for _ in range(1_000):
        y = rng.integers(0, 2, rows)
        right = rng.random(rows) < 0.9
        lost = right & (rng.random(rows) < worse / 0.9)
        theirs, ours = np.where(right, y, 1 - y), np.where(right & ~lost, y, 1 - y)
        told = paired_difference(BINARY["accuracy"], y, probabilities(ours), probabilities(theirs))
        passed += told["low"] >= -worse
    assert passed <= 60


def test_the_difference_of_shares_is_that_of_the_literature() -> None:
    """Bonett and Price 2012: (1 + 1) / (n + 2) and (0 + 1) / (n + 2), and the variance of their difference."""
    low, high = difference_of_shares(1, 0, 300, 0.95)
    half = 1.959964 * ((3 / 302 - (1 / 302) ** 2) / 302) ** 0.5
    assert (low, high) == pytest.approx((1 / 302 - half, 1 / 302 + half))
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(5, 5, 0.99)[0] < wilson(5, 5)[0]


def test_groups_that_are_all_right_may_differ() -> None:
    y = np.tile(halves(40), 2)
    told = gap("recall", BINARY["recall"], y, probabilities(y), ["a", "b"], np.repeat([0, 1], 40), 0.95)
    assert told["difference"] == 0
    assert 0.2 < told["high"] < 0.3, "20 positives each"


def test_a_segment_without_a_standard_error_hides_no_other() -> None:
    """R² of a segment whose truth hardly varies is not defined on each draw."""
    rng = np.random.default_rng(1)
    y = np.concatenate([np.zeros(98), [1.0, 2.0], rng.normal(size=200)])
    noise = np.concatenate([np.full(100, 0.01), rng.normal(0, 0.1, 100), rng.normal(0, 2, 100)])
    names = ["still", "good", "bad"]
    told = gap("r2", metrics.METRICS["regression"]["r2"], y, y + noise, names, np.repeat([0, 1, 2], 100), 0.95)
    assert set(told["segments"]) == {"good", "bad"}
    assert told["too_small"] == {"values": 1, "rows": 100}
    assert told["low"] > 1


def test_nothing_to_find_is_no_failure_to_find() -> None:
    y, p = np.zeros(50, np.int64), probabilities(np.linspace(0, 0.4, 50))
    told = metrics.compute("binary", y, p)
    assert not {"recall", "f1", "roc_auc", "pr_auc"} & set(told)
    assert metrics.compute("binary", y, probabilities(np.full(50, 0.9)))["f1"] == 0, "all are taken for positive"
