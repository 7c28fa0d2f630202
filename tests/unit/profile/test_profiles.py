"""Profiles of columns, and the report that shows them."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.model.values import category_text
from sluice.profile import histogram
from sluice.profile.profiles import profile_column
from sluice.profile.report import render
from sluice.records.baseline import Baseline, NumberColumn

# as intake leaves them: without white space around them
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=3).filter(lambda text: category_text(text) == text)
NUMBERS = st.lists(st.none() | st.floats(-1e6, 1e6, allow_nan=False), max_size=60)


def profile(values: list[Any], kind: str = "number", name: str = "x") -> dict[str, Any]:
    types = {"number": pa.float64(), "category": pa.string(), "text": pa.string(), "integer": pa.int64()}
    types |= {"boolean": pa.bool_(), "timestamp": pa.timestamp("us", tz="UTC")}
    column = profile_column(pa.chunked_array([values], types[kind]), kind)
    return {"format": 1, "datasets": ["d"], "rows": len(values), "columns": {name: column}}


@settings(max_examples=60, deadline=None)
@given(NUMBERS)
def test_the_moments_are_those_of_the_values_that_are_there(values: list[float | None]) -> None:
    column, present = profile(values)["columns"]["x"], [value for value in values if value is not None]
    moments = column["moments"]
    assert (column["count"], column["missing"], moments["n"]) == (len(present), values.count(None), len(present))
    json.dumps(column, allow_nan=False)
    if present:
        mean = math.fsum(present) / len(present)
        assert (moments["min"], moments["max"]) == (min(present), max(present))
        assert moments["mean"] == pytest.approx(mean, rel=1e-9, abs=1e-6)
        assert moments["m2"] == pytest.approx(math.fsum((v - mean) ** 2 for v in present), rel=1e-6, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | TEXTS, max_size=40))
@pytest.mark.parametrize("kind", ["category", "text"])
def test_distinct_values_are_counted_exactly(kind: str, values: list[str | None]) -> None:
    column, present = profile(values, kind)["columns"]["x"], [value for value in values if value is not None]
    assert column["distinct"] == len(set(present))
    if kind == "category":
        assert column["counts"] == {value: present.count(value) for value in present}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=80), st.floats(0, 1))
def test_a_quantile_of_few_values_is_exact(values: list[float], q: float) -> None:
    numbers = profile(values)["columns"]["x"]["quantiles"]
    assert histogram.quantile(numbers, q) == sorted(values)[int(q * (len(values) - 1))]


def test_the_bins_of_an_older_profile_are_read() -> None:
    bins = {"positive": {"100": 2, "-3": 1}, "negative": {"100": 3}, "zero": 4}
    found = histogram.buckets(bins)
    assert [n for _, n in found] == [3, 4, 1, 2]
    assert [value for value, _ in found] == pytest.approx([-7.3155, 0.0, 0.9324, 7.3155], rel=1e-3)
    assert histogram.quantile(bins, 0.5) == 0.0


def test_the_largest_numbers_overflow_nothing() -> None:
    column = profile([1.7e308, 1.7e308, -1.7e308, 5e-324])["columns"]["x"]
    json.dumps(column, allow_nan=False)
    assert math.isfinite(histogram.quantile(column["quantiles"], 1.0) or math.inf)


def test_too_many_values_are_not_counted_one_by_one() -> None:
    column = profile([str(i) for i in range(300)], "category")["columns"]["x"]
    assert (column["counts"], column["distinct"]) == (None, 300)
    assert "300 distinct" in render("shop", profile([str(i) for i in range(300)], "category"))


def test_hostile_names_and_values_stay_text() -> None:
    hostile = "<script>alert(1)</script>\"'&"
    seen = profile([hostile, hostile], "category", hostile)
    summary = {"quarantined_rows": 1, "reasons": [{"rule": hostile, "column": hostile, "rows": 1}]}
    page = render(hostile, seen, summary, {hostile: 0.5})
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6
    assert "http" not in page.replace("http-equiv", "")


def test_a_report_shows_categories_that_are_listed_or_shared() -> None:
    seen = profile(["often"] * 5 + ["rare one"] * 4, "category")
    assert "often" in render("shop", seen)
    assert "rare one" not in render("shop", seen)
    assert "and 1 more, 44.4% together" in render("shop", seen)
    assert "rare one" in render("shop", seen, listed=["x"])


@pytest.mark.parametrize("kind", ["number", "integer"])
def test_a_histogram_lies_over_its_baseline(kind: str) -> None:
    values = [float(i % 10) for i in range(200)] if kind == "number" else [i % 10 for i in range(200)]
    column = NumberColumn(type="number", edges=[0.0, 5.0, 9.0], shares=[0.5, 0.5], missing=0.0)
    baseline = Baseline(columns={"x": column}, rows=10)
    page = render("shop", profile(values, kind), None, {"x": 0.3}, 0.2, baseline)
    assert 'class="base"' in page
    assert "drift against the serving model" in page
    assert '<span class="tag bad">0.300</span>' in page
    assert 'class="base"' not in render("shop", profile(values, kind))


def test_one_far_value_does_not_flatten_a_histogram() -> None:
    page = render("shop", profile([*(float(i) for i in range(300)), 1e9]))
    assert page.count('class="bar"') > 15
    assert "all else in the outer bars" in page


def test_a_text_column_keeps_no_value() -> None:
    assert "secret" not in json.dumps(profile(["secret"] * 5, "text"))


@pytest.mark.parametrize("values", [[], [None], [0.0], [5.0, 5.0], [-1e308, 1e308]])
def test_the_report_renders_any_column(values: list[Any]) -> None:
    assert "</html>" in render("shop", profile(values))


def test_amounts_over_many_powers_of_ten_fill_their_histogram() -> None:
    """Without logarithms, 96 % of such amounts share the first bar."""
    amounts = [round(math.exp(-3 + 12 * i / 999), 4) for i in range(1_000)]
    page = render("shop", profile(amounts))
    assert "0.0498 … 8103, logarithmic scale" in page
    heights = [int(height) for height in re.findall(r'height="(\d+)" class="bar"', page)]
    assert len(heights) == 24
    assert min(heights) > 25


def test_few_whole_numbers_are_all_shown() -> None:
    page = render("shop", profile([0] * 900 + [1] * 95 + [2, 3, 4, 9], "integer"))
    assert "0 … 9<" in page
    assert "outer bars" not in page


def test_numbers_are_written_as_people_read_them() -> None:
    page = render("shop", profile([12_345.678, 98_765.4321] * 3))
    assert "12,346 … 98,765, mean 55,556" in page
    assert "e+0" not in page
    rare = render("shop", profile([True] * 2_999 + [False], "boolean"))
    assert ("&gt;99.9%" in rare, "&lt;0.1%" in rare, "100.0%" in rare) == (True, True, False)


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (["2026-01-01", "2026-03-01"], "2026-01-01 … 2026-03-01<"),
        (["2026-01-01T10:00:01Z", "2026-01-01T10:00:09Z"], "2026-01-01 10:00:01 … 2026-01-01 10:00:09 UTC"),
        (["2026-01-01T10:00:01Z", "2026-01-02T10:00:09Z"], "2026-01-01 10:00 … 2026-01-02 10:00 UTC"),
    ],
)
def test_times_have_the_digits_that_tell_them_apart(times: list[str], told: str) -> None:
    assert told in render(
        "shop", profile([datetime.fromisoformat(each).replace(tzinfo=UTC) for each in times], "timestamp")
    )
