"""The quality alarm's bound: no alarm without a loss over a year of looks, and how soon a loss is certain."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pytest

from sluice.watch.certainty import ALPHA, favourable_bound, log_evidence, weights
from sluice.watch.quality_sketch import OnlineMetrics, Pair, QualitySketch, sketch_of

DAY = 86400.0
BINARY = OnlineMetrics("binary", {"value_per_true_positive": 10.0, "cost_per_contact": 1.5})
BUSINESS = {"value_per_true_positive": 10.0, "cost_per_contact": 1.5}
NUMBERS = OnlineMetrics("regression")


def day(generator: np.random.Generator, rows: int, skill: float = 1.5) -> list[Pair]:
    """A day of a calibrated model; `skill`: how far the probabilities are spread."""
    odds = generator.normal(-1, skill, rows)
    probability = 1 / (1 + np.exp(-odds))
    return [
        Pair(bool(y), bool(p >= 0.5), float(p))
        for y, p in zip(generator.random(rows) < probability, probability, strict=True)
    ]


def numbers(generator: np.random.Generator, rows: int, error: float = 1.0) -> list[Pair]:
    label = generator.normal(10, 3, rows)
    said = label + generator.standard_t(4, rows) * error
    return [Pair(float(y), None, float(p)) for y, p in zip(label, said, strict=True)]


def bound(name: str, days: list[QualitySketch], online: OnlineMetrics = BINARY, lower: bool = True) -> float:
    found = favourable_bound(
        name,
        online,
        days,
        weights(len(days), DAY, True),
        lower_limit=lower,
        min_labels=100,
        business=BUSINESS,
    )
    assert found is not None
    return found.bound


LOWER = ["accuracy", "precision", "recall", "f1", "value_per_decision", "roc_auc", "pr_auc", "balanced_accuracy", "mcc"]
UPPER = ["brier", "log_loss", "false_positive_rate", "ece"]


@pytest.mark.parametrize("name", [*LOWER, *UPPER])
def test_the_bound_is_the_better_side_and_closes_in_with_more_labels(name: str) -> None:
    generator = np.random.default_rng(1)
    truth = BINARY.value(name, sketch_of(day(generator, 60_000), "binary", 0.15))
    assert truth is not None
    days = [sketch_of(day(generator, 300), "binary", 0.15) for _ in range(20)]
    few, many = (bound(name, days[:size], lower=name in LOWER) for size in (2, 20))
    if name in LOWER:
        assert few >= many >= truth - 0.01
    else:
        assert few <= many <= truth + 0.01
    assert abs(many - truth) < max(0.15, 0.5 * truth)


@pytest.mark.parametrize("name", ["mae", "rmse", "mse", "r2", "mape", "pinball_90"])
def test_errors_of_numbers_likewise(name: str) -> None:
    generator = np.random.default_rng(2)
    lower = name == "r2"
    truth = NUMBERS.value(name, sketch_of(numbers(generator, 40_000), "regression"))
    assert truth is not None
    days = [sketch_of(numbers(generator, 300), "regression") for _ in range(10)]
    found = bound(name, days, NUMBERS, lower)
    assert found >= truth - 0.02 if lower else found <= truth * 1.02
    # three times the error from now on
    worse = [*days, *(sketch_of(numbers(generator, 300, 3.0), "regression") for _ in range(5))]
    later = bound(name, worse, NUMBERS, lower)
    assert later < truth if lower else later > truth


def test_one_damaged_label_proves_nothing() -> None:
    generator = np.random.default_rng(3)
    rows = numbers(generator, 300)
    limit = 1.2 * (NUMBERS.value("mae", sketch_of(rows, "regression")) or 0.0)
    damaged = [*rows[:-1], Pair(1e9, None, 10.0)]
    assert (NUMBERS.value("mae", sketch_of(damaged, "regression")) or 0.0) > 1e6
    assert bound("mae", [sketch_of(damaged, "regression")], NUMBERS, lower=False) < limit


def test_none_of_few_is_no_proof() -> None:
    """No hit among 20 positives: a normal interval of width 0 would say that the recall is 0 for certain."""
    rows = [Pair(True, False, 0.3)] * 20 + [Pair(False, False, 0.1)] * 100
    assert bound("recall", [sketch_of(rows, "binary")]) > 0.3


def confusion(hits: float, positives: float, right: float, negatives: float) -> QualitySketch:
    cells = {(True, True): hits, (True, False): positives - hits}
    cells |= {(False, False): right, (False, True): negatives - right}
    return QualitySketch({"decision": {key: [rows, 0, 0] for key, rows in cells.items()}})


@pytest.mark.parametrize("name", ["balanced_accuracy", "mcc"])
@pytest.mark.parametrize(("positives", "recall", "negatives", "right"), [(75, 1.0, 25, 0.2), (25, 0.05, 975, 0.999)])
def test_none_of_25_of_a_class_is_no_proof_of_never(
    name: str, positives: int, recall: float, negatives: int, right: float
) -> None:
    """The model is exactly as good as its limit; now and then none of the 25 rows of a class is right."""
    limit = BINARY.value(name, confusion(positives * recall, positives, negatives * right, negatives))
    assert limit is not None
    generator = np.random.default_rng(8)
    for _ in range(25):
        hits, kept = generator.binomial(positives, recall), generator.binomial(negatives, right)
        assert bound(name, [confusion(float(hits), positives, float(kept), negatives)]) > limit
    none = (float(positives), 0.0) if negatives == 25 else (0.0, float(negatives))
    assert bound(name, [confusion(none[0], positives, none[1], negatives)]) > limit
    # a loss is found all the same
    many = [confusion(positives * 10 * 0.3, positives * 10, negatives * 10 * 0.3, negatives * 10)]
    assert bound(name, many) < 0.6


def test_a_calibrated_model_is_not_called_uncalibrated_for_its_few_labels() -> None:
    """On few rows the ECE is far above 0 whatever the model, and on draws of them it is further above."""
    generator = np.random.default_rng(9)
    for _ in range(25):
        assert bound("ece", [sketch_of(day(generator, 150), "binary")], lower=False) < 0.03


def test_a_loss_that_begins_late_is_found_as_if_the_model_were_new() -> None:
    generator = np.random.default_rng(4)
    good = [sketch_of(day(generator, 400), "binary", 0.15) for _ in range(28)]
    limit = 0.95 * (BINARY.value("recall", sketch_of(day(generator, 40_000), "binary", 0.15)) or 0.0)
    assert bound("recall", good) > limit
    # nobody is found any more: two days of 28 are enough
    silent = [
        sketch_of([Pair(pair.label, False, pair.score) for pair in day(generator, 400)], "binary") for _ in range(2)
    ]
    assert bound("recall", [*good[2:], *silent]) < limit


def test_the_evidence_reaches_its_limit_where_the_bound_passes_the_limit() -> None:
    generator = np.random.default_rng(5)
    days = [sketch_of(day(generator, 300), "binary", 0.15) for _ in range(10)]
    weight = weights(10, DAY, True)
    for name in ("accuracy", "f1", "brier"):
        lower = name in LOWER
        at = bound(name, days, lower=lower)
        beyond, within = (at * factor for factor in ((1.02, 0.98) if lower else (0.98, 1.02)))
        found = [log_evidence(name, BINARY, days, weight, m, lower_limit=lower) for m in (beyond, within)]
        assert (found[0] or 0.0) > -math.log(ALPHA) > (found[1] or 0.0)


def test_few_labels_have_no_bound() -> None:
    rows = day(np.random.default_rng(6), 90)
    for name in ("accuracy", "roc_auc"):
        assert (
            favourable_bound(
                name, BINARY, [sketch_of(rows, "binary")], weights(1, DAY, True), lower_limit=True, min_labels=100
            )
            is None
        )


def shares(hits: int, rows: int) -> QualitySketch:
    return QualitySketch({"decision": {(True, True): [hits, 0, 0], (True, False): [rows - hits, 0, 0]}})


def first_alarm(generator: np.random.Generator, rates: np.ndarray, limit: float, labels: int) -> int | None:
    """The first of daily looks at an accuracy that goes into ALARM; each looks back 30 days."""
    days = [shares(int(generator.binomial(labels, rate)), labels) for rate in rates]
    for today in range(len(days)):
        since = max(0, today - 29)
        part = days[since : today + 1]
        found = log_evidence("accuracy", BINARY, part, weights(len(part), DAY, since == 0), limit, lower_limit=True)
        assert found is not None
        if found >= -math.log(ALPHA):
            return today
    return None


@pytest.mark.long
@pytest.mark.parametrize("limit", [0.7, 0.95])
@pytest.mark.parametrize("labels", [20, 100, 1000])
def test_a_model_at_its_limit_has_no_alarm_in_a_year_of_looks(limit: float, labels: int) -> None:
    generator = np.random.default_rng(labels)
    years = 20
    alarms = sum(first_alarm(generator, np.full(365, limit), limit, labels) is not None for _ in range(years))
    assert alarms <= 0.05 * years, f"{alarms} of {years} years"


@pytest.mark.long
@pytest.mark.parametrize(("labels", "loss", "days"), [(100, 0.1, 9), (100, 0.2, 4), (1000, 0.05, 3), (1000, 0.1, 1)])
def test_a_true_loss_is_found_soon(labels: int, loss: float, days: int) -> None:
    """From 2 points above the limit to `loss` below it, after 60 good days; the table is in docs/quality.md."""
    generator = np.random.default_rng(7)
    rates = np.full(100, 0.87)
    rates[60:] = 0.85 - loss
    found = [first_alarm(generator, rates, 0.85, labels) for _ in range(15)]
    assert all(each is not None and each >= 60 for each in found)
    assert median((each or 0) - 59 for each in found) <= days


@pytest.mark.long
@pytest.mark.parametrize("name", ["roc_auc", "pr_auc", "balanced_accuracy"])
def test_asymptotic_bounds_hold_over_a_month_of_looks(name: str) -> None:
    generator = np.random.default_rng(8)
    limit = BINARY.value(name, sketch_of(day(generator, 200_000), "binary"))
    assert limit is not None
    alarms = 0
    for _ in range(40):
        days = [sketch_of(day(generator, 100), "binary") for _ in range(30)]
        found = [
            favourable_bound(name, BINARY, days[:size], weights(size, DAY, True), lower_limit=True, min_labels=100)
            for size in range(3, 31, 3)
        ]
        alarms += any(each is not None and each.bound < limit for each in found)
    assert alarms <= 2, f"{alarms} of 40 months"
