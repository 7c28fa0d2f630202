"""A sketch of labelled answers: every metric is the evaluation's within a known error, and sums are sums."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest

from sluice.contract.metric_limits import OF_ALL_CLASSES, ONLINE_METRICS
from sluice.model import metrics
from sluice.model.few_rows import wilson
from sluice.watch.quality_interval import interval
from sluice.watch.quality_sketch import GROWTH, STEP, OnlineMetrics, Pair, merged, sketch_of, tied_share

WORTH = {"value_per_true_positive": 10.0, "cost_per_contact": 1.5}
BREAK_EVEN = 0.15


def two_classes(seed: int, rows: int, base: float = 0.2, spread: float = 1.5) -> list[Pair]:
    """Calibrated or not, ties and certain answers among them; the threshold is 0.4."""
    generator = np.random.default_rng(seed)
    odds = generator.normal(math.log(base / (1 - base)), spread, rows)
    probability = 1 / (1 + np.exp(-odds))
    label = generator.random(rows) < probability ** generator.choice([0.7, 1.0, 1.4])
    # coarse scores, and 0 and 1 themselves
    probability = np.where(generator.random(rows) < 0.3, probability.round(2), probability)
    return [Pair(bool(y), bool(p >= 0.4), float(p)) for y, p in zip(label, probability, strict=True)]


def exact(pairs: list[Pair], problem: str = "binary") -> dict[str, float]:
    """The evaluation's metrics of the same rows."""
    if problem == "regression":
        return metrics.compute(
            problem, np.array([pair.label for pair in pairs]), np.array([pair.score for pair in pairs])
        )
    score = np.array([pair.score for pair in pairs])
    y = np.array([int(pair.label) for pair in pairs])
    return metrics.compute(problem, y, np.stack([1 - score, score], axis=1), WORTH, 0.4)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("rows", [60, 2000])
def test_two_classes_within_the_bounds(seed: int, rows: int) -> None:
    pairs = two_classes(seed, rows, base=0.02 if seed % 3 == 0 else 0.3)
    sketch = sketch_of(pairs, "binary", BREAK_EVEN)
    found, wanted = OnlineMetrics("binary", WORTH).values(sketch), exact(pairs)
    assert found.keys() == wanted.keys()
    tied = tied_share(sketch)
    assert tied < 0.03
    bounds = {
        "roc_auc": tied,
        "log_loss": STEP**2 / 8,
        "brier": STEP**2 / 8,
        "ece": 1e-9,
        # a positive in a bin moves the precision at its own rank at most by the share of the bin in the ranks above
        "pr_auc": 0.05,
        **dict.fromkeys(("lift_at_5", "lift_at_10", "lift_at_20"), 1.5),
    }
    # a bin's rows count as tied, which matters where a bin has many of the few positives
    bounds |= {"pr_auc": 0.05 if rows < 100 else 0.01}
    if rows < 100:
        bounds |= dict.fromkeys(("lift_at_5", "lift_at_10", "lift_at_20"), 4.0)
    else:
        bounds |= dict.fromkeys(("lift_at_5", "lift_at_10", "lift_at_20"), 0.5)
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=bounds.get(name, 1e-9)), name


@pytest.mark.parametrize("seed", range(8))
def test_numbers_within_the_bounds(seed: int) -> None:
    generator = random.Random(seed)
    pairs = []
    for _ in range(500):
        label = generator.choice([0.0, generator.gauss(0, 10), generator.lognormvariate(3, 2)])
        pairs.append(Pair(label, None, label * generator.uniform(0.5, 1.5) + generator.gauss(0, 1)))
    found = OnlineMetrics("regression").values(sketch_of(pairs, "regression"))
    wanted = exact(pairs, "regression")
    for name in ("mae", "pinball_10", "pinball_90"):
        assert found[name] == pytest.approx(wanted[name], rel=1e-6), name
    for name in ("mse", "rmse", "mape"):
        assert found[name] == pytest.approx(wanted[name], rel=GROWTH**2 - 1), name
    assert 1 - found["r2"] == pytest.approx(1 - wanted["r2"], rel=GROWTH**4 - 1)


def test_several_classes_are_the_confusion_matrix() -> None:
    generator = random.Random(3)
    classes = ["ads", "email", "search"]
    pairs = [
        Pair(label, label if generator.random() < 0.7 else generator.choice(classes), generator.uniform(0.34, 1))
        for label in generator.choices(classes, [5, 2, 1], k=900)
    ]
    found = OnlineMetrics("multiclass").values(sketch_of(pairs, "multiclass"))
    y = np.array([classes.index(pair.label) for pair in pairs])
    scores = np.full((len(pairs), 3), 0.0)
    for place, pair in enumerate(pairs):
        scores[place] = (1 - pair.score) / 2
        scores[place, classes.index(pair.said)] = max(pair.score, 0.34)
    wanted = metrics.compute("multiclass", y, scores)
    assert found.keys() == set(ONLINE_METRICS["multiclass"]) - OF_ALL_CLASSES
    for name in found.keys() - {"ece"}:
        assert found[name] == pytest.approx(wanted[name], abs=1e-12), name
    assert found["ece"] == pytest.approx(wanted["ece"], abs=1e-3)


def several(seed: int, rows: int) -> tuple[list[Pair], np.ndarray, np.ndarray]:
    """Answers with the probabilities of four classes, one of them rare; the labels (rows,), the scores (rows, 4)."""
    generator = np.random.default_rng(seed)
    odds = generator.normal(size=(rows, 4)) * 1.5 + np.array([1.0, 0.5, 0.0, -2.0])
    scores = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    y = np.array([generator.choice(4, p=row) for row in scores])
    names = "abcd"
    pairs = [
        Pair(names[label], names[row.argmax()], float(row.max()), dict(zip(names, row.tolist(), strict=True)))
        for label, row in zip(y, scores, strict=True)
    ]
    return pairs, y, scores


@pytest.mark.parametrize("seed", range(6))
def test_several_classes_with_all_their_probabilities(seed: int) -> None:
    pairs, y, scores = several(seed, 1500)
    online = OnlineMetrics("multiclass", probabilities=True)
    sketch = merged([sketch_of(pairs[:700], "multiclass"), sketch_of(pairs[700:], "multiclass")])
    found, wanted = online.values(sketch), metrics.compute("multiclass", y, scores)
    assert found.keys() == wanted.keys() == set(ONLINE_METRICS["multiclass"])
    assert sketch.rows == online.labels_of("roc_auc", sketch) == len(pairs)
    bounds = {"log_loss": 1e-9, "brier": 1e-9, "roc_auc": 0.005, "pr_auc": 0.01, "ece": 1e-3}
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=bounds.get(name, 1e-9)), name


@pytest.mark.parametrize("name", ["roc_auc", "log_loss", "brier"])
def test_intervals_of_several_classes_hold_what_is_measured_on_many_rows(name: str) -> None:
    """Resampled counts do not know their rows, so the interval of a ROC AUC is as wide as dependence may make it."""
    online = OnlineMetrics("multiclass", probabilities=True)
    whole, y, scores = several(9, 12_000)
    truth = metrics.compute("multiclass", y, scores)[name]
    held = 0
    for seed in range(40):
        sketch = sketch_of(random.Random(seed).sample(whole, 400), "multiclass")
        low, high = interval(name, online, sketch) or (1.0, 0.0)
        held += low <= truth <= high
    assert held >= 34, "of 40 intervals at 95 %, fewer are one in 1,000 sessions"


def test_a_class_that_the_model_does_not_know_has_no_probability() -> None:
    online = OnlineMetrics("multiclass", probabilities=True)
    known = Pair("a", "a", 0.75, {"a": 0.75, "b": 0.25})
    sketch = sketch_of([known, Pair("new", "a", 0.75, {"a": 0.75, "b": 0.25})], "multiclass")
    assert online.value("log_loss", sketch) == pytest.approx((-math.log(0.75) - math.log(np.finfo(float).eps)) / 2)
    assert online.value("brier", sketch) == pytest.approx((0.0625 + (0.625 + 1) / 2) / 2)


def test_a_day_is_the_sum_of_its_hours_in_any_order() -> None:
    pairs = two_classes(5, 600)
    hours = [sketch_of(pairs[start : start + 100], "binary") for start in range(0, 600, 100)]
    sums = [merged(order).plain() for order in itertools.islice(itertools.permutations(hours), 40)]
    assert all(each == sums[0] for each in sums)
    shuffled = random.Random(1).sample(pairs, len(pairs))
    assert sketch_of(shuffled, "binary").plain() == sketch_of(pairs, "binary").plain()
    online = OnlineMetrics("binary")
    assert online.values(merged(hours)) == pytest.approx(online.values(sketch_of(pairs, "binary")), rel=1e-12)


@pytest.mark.parametrize("name", ["recall", "roc_auc", "brier"])
def test_an_interval_holds_what_is_measured_on_many_rows(name: str) -> None:
    online = OnlineMetrics("binary")
    whole = two_classes(1, 40_000)
    truth = online.value(name, sketch_of(whole, "binary"))
    held = 0
    for seed in range(60):
        part = random.Random(seed).sample(whole, 300)
        low, high = interval(name, online, sketch_of(part, "binary")) or (1.0, 0.0)
        held += low <= (truth or 0.0) <= high
    assert held >= 51, "of 60 intervals at 95 %, fewer are one in 1,000 sessions"


def test_shares_of_none_have_an_interval_too() -> None:
    assert wilson(0, 50)[0] == 0.0
    assert 0.05 < wilson(0, 50)[1] < 0.1
    online = OnlineMetrics("binary")
    assert interval("recall", online, sketch_of([Pair(False, False, 0.1)] * 5, "binary")) is None
    assert online.value("roc_auc", sketch_of([Pair(False, False, 0.1)] * 5, "binary")) is None
    assert online.values(sketch_of([], "binary")) == {}


@pytest.mark.parametrize("name", ["roc_auc", "pr_auc", "f1", "balanced_accuracy", "mcc", "ece", "recall"])
def test_few_rows_that_are_all_right_leave_room(name: str) -> None:
    online = OnlineMetrics("binary")
    few, many = (
        interval(
            name,
            online,
            sketch_of([Pair(n % 2 == 0, n % 2 == 0, 0.9 if n % 2 == 0 else 0.1) for n in range(rows)], "binary"),
        )
        for rows in (20, 2000)
    )
    assert few is not None
    assert many is not None
    assert few[1] - few[0] > 0.1 > 10 * (many[1] - many[0])


def test_one_error_says_nothing_about_the_spread_of_errors() -> None:
    sketch = sketch_of([Pair(3.0, None, 2.0)], "regression")
    assert interval("mae", OnlineMetrics("regression"), sketch) is None


def test_only_labels_that_a_metric_can_use_count_for_it() -> None:
    online = OnlineMetrics("binary")
    sketch = sketch_of([Pair(n % 2 == 0, n % 3 == 0, 0.4 if n < 4 else None) for n in range(200)], "binary")
    assert [online.labels_of(name, sketch) for name in ("roc_auc", "brier", "accuracy")] == [4, 4, 200]
