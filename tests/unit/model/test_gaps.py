"""Segments of a column, and the bounds of a metric's gap between them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from sluice.model import gaps
from sluice.model.bootstrap import interval, standard_error
from sluice.model.metrics import METRICS
from sluice.model.schema import Schema
from sluice.model.slices import by_slice, left_out, segments

BINARY = METRICS["binary"]
TYPES = {"gender": "category", "member": "boolean", "age": "number", "children": "integer", "at": "timestamp"}
SCHEMA = Schema(TYPES, ("member",))


def rows(count: int = 400) -> list[dict[str, Any]]:
    start = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    return [
        {
            "gender": None if i % 50 == 49 else ("f", "m")[i % 2],
            "member": i % 3 == 0,
            "age": 18.0 + i % 60,
            "children": float(i % 4),
            "at": start + 3_600.0 * i,
        }
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("column", "names"),
    [
        ("gender", ["f", "m"]),
        ("member", ["false", "true"]),
        ("age", ["18 to 32", "33 to 46", "47 to 61", "62 to 77"]),
        ("children", ["0", "1", "2", "3"]),
        (
            "at",
            [
                "2026-01-01 to 2026-01-05",
                "2026-01-05 to 2026-01-09",
                "2026-01-09 to 2026-01-13",
                "2026-01-13 to 2026-01-17",
            ],
        ),
    ],
)
def test_segments_have_names_that_people_read(column: str, names: list[str]) -> None:
    """Of columns that the model does not use as well."""
    found, places = segments(SCHEMA, rows(), column, 4)
    assert found == names
    missing = 8 if column == "gender" else 0
    assert np.count_nonzero(places < 0) == missing
    counts = np.bincount(places[places >= 0])
    assert counts.sum() == 400 - missing
    if column in ("age", "at"):
        assert counts.min() > 80


def test_ranges_within_a_day_are_told_apart() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    names, _ = segments(SCHEMA, [{"at": start + i} for i in range(100)], "at", 2)
    assert names == ["2026-01-01T00:00:00Z to 2026-01-01T00:00:49Z", "2026-01-01T00:00:50Z to 2026-01-01T00:01:39Z"]


@pytest.mark.parametrize("values", [[None] * 50, [7.0] * 50])
def test_a_column_of_one_value_or_none_has_no_second_segment(values: list[float | None]) -> None:
    names, places = segments(SCHEMA, [{"age": value} for value in values], "age", 4)
    assert names == ([] if values[0] is None else ["7"])
    assert set(places.tolist()) == ({-1} if values[0] is None else {0})


def test_metrics_of_a_dropped_column_are_there_if_a_gate_asks() -> None:
    y = np.arange(400) % 2
    scores = np.column_stack([np.full(400, 0.5), np.full(400, 0.5)])
    assert set(by_slice(SCHEMA, "binary", rows(), y, scores)) == {"member"}
    found = by_slice(SCHEMA, "binary", rows(), y, scores, {"gender": 4, "age": 4})
    assert set(found) == {"member", "gender", "age"}
    assert found["gender"]["f"]["rows"] == 200
    assert left_out(SCHEMA, rows(40), {"gender": 4})["gender"] == {"values": 2, "rows": 40}


@pytest.mark.parametrize(
    ("groups", "confidence", "quantile"), [(2, 0.95, 2.772), (3, 0.95, 3.314), (10, 0.95, 4.474), (5, 0.99, 4.603)]
)
def test_the_quantiles_are_those_of_the_tables(groups: int, confidence: float, quantile: float) -> None:
    """Studentized range, infinitely many degrees of freedom."""
    assert gaps.range_quantile(groups, confidence) == pytest.approx(quantile, abs=0.001)


def test_the_standard_error_of_a_share_is_the_binomial_one() -> None:
    y = np.ones(400, dtype=np.int64)
    right = np.arange(400) < 320
    scores = np.column_stack([~right, right]).astype(float)
    assert standard_error(BINARY["recall"], y, scores) == pytest.approx(math.sqrt(0.8 * 0.2 / 400), rel=0.1)
    low, high = interval(BINARY["recall"], y, scores, 0.95) or (0.0, 0.0)
    assert (low, high) == pytest.approx((0.8 - 1.96 * 0.02, 0.8 + 1.96 * 0.02), abs=0.005)


def test_the_error_of_many_rows_is_scaled() -> None:
    right = np.arange(90_000) % 5 > 0
    scores = np.column_stack([~right, right]).astype(float)
    error = standard_error(BINARY["accuracy"], np.ones(90_000, dtype=np.int64), scores)
    assert error == pytest.approx(math.sqrt(0.8 * 0.2 / 90_000), rel=0.1)


def test_a_metric_that_is_not_defined_has_no_interval() -> None:
    scores = np.column_stack([np.zeros(50), np.ones(50)])
    assert interval(BINARY["roc_auc"], np.ones(50, dtype=np.int64), scores) is None
    assert math.isnan(standard_error(BINARY["roc_auc"], np.ones(50, dtype=np.int64), scores))


def case(recalls: dict[str, float], positives: int, seed: int = 0) -> dict[str, Any]:
    """The gap of recalls that are exactly these, with as many negatives as positives."""
    keys, y, right = [], [], []
    for name, recall in recalls.items():
        keys += [name] * (2 * positives)
        y += [1] * positives + [0] * positives
        right += [i < round(recall * positives) for i in range(positives)] + [False] * positives
    found = np.array(right, dtype=float)
    scores = np.column_stack([1 - found, found])
    schema = Schema({"c": "category"}, ("c",))
    names, places = segments(schema, [{"c": key} for key in keys], "c", 4)
    return gaps.gap("recall", BINARY["recall"], np.array(y), scores, names, places, 0.95)


def test_bounds_of_a_gap() -> None:
    entry = case({"a": 0.9, "b": 0.6, "c": 0.85}, 200)
    error = {name: segment["error"] for name, segment in entry["segments"].items()}
    assert (entry["apart"], entry["widest"]) == (["a", "b"], ["a", "b"])
    margin = gaps.range_quantile(3, 0.95) / math.sqrt(2) * math.hypot(error["a"], error["b"])
    assert (entry["low"], entry["high"]) == pytest.approx((0.3 - margin, 0.3 + margin))
    assert error["a"] > math.sqrt(0.9 * 0.1 / 200), "at least what an even model would have"
    assert entry["segments"]["a"] == {"rows": 400, "relevant": 200, "value": 0.9, "error": error["a"]}


def test_a_segment_whose_rows_are_all_right_is_not_certain() -> None:
    entry = case({"a": 1.0, "b": 0.8}, 20)
    assert entry["low"] == 0.0
    assert entry["segments"]["a"]["error"] > 0.05


def test_segments_with_too_few_positives_are_counted() -> None:
    entry = case({"a": 0.8, "b": 0.8}, 9)
    assert entry["too_small"] == {"values": 2, "rows": 36}
    assert (entry["low"], entry["high"], entry["segments"]) == (None, None, {})


def test_one_gate_one_entry() -> None:
    y = np.arange(400) % 2
    scores = np.column_stack([1 - y, y]).astype(float)
    gates = [
        {"metric": "recall", "slice": "gender", "max_gap": 0.1, "bins": 4, "confidence": 0.9},
        {"metric": "roc_auc", "min": 0.5},
        {"metric": "accuracy", "slice": "age", "max_gap": 0.1, "bins": 2, "confidence": 0.95},
    ]
    found = gaps.gaps(gates, SCHEMA, rows(), y, scores, BINARY)
    assert [(each["slice"], each["metric"], each["bins"], each["confidence"]) for each in found] == [
        ("gender", "recall", 4, 0.9),
        ("age", "accuracy", 2, 0.95),
    ]
    assert set(found[1]["segments"]) == {"18 to 46", "47 to 77"}
    # all odd rows are m: f has no positive
    assert found[0]["too_small"] == {"values": 1, "rows": 200}
    assert found[0]["missing"] == 8
