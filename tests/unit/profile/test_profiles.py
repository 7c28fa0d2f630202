"""The profile of a union is the merge of the profiles."""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.profile import sketches
from sluice.profile.profiles import merge, profile_column
from sluice.profile.report import render

NUMBERS = st.lists(st.none() | st.floats(-1e6, 1e6, allow_nan=False), max_size=60)


def profile(values: list[Any], kind: str = "number", name: str = "x") -> dict[str, Any]:
    types = {"number": pa.float64(), "category": pa.string(), "text": pa.string(), "integer": pa.int64()}
    column = profile_column(pa.chunked_array([values], types[kind]), kind)
    return {"format": 1, "datasets": ["d"], "rows": len(values), "columns": {name: column}}


def close(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, float):
        return b is not None and math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-3)
    return a == b


@settings(max_examples=60, deadline=None)
@given(NUMBERS, NUMBERS, NUMBERS)
def test_merging_numbers(a: list[Any], b: list[Any], c: list[Any]) -> None:
    one, two, three = profile(a), profile(b), profile(c)
    assert close(merge(one, two), profile(a + b))
    assert close(merge(merge(one, two), three), merge(one, merge(two, three)))
    assert close(merge(one, two), merge(two, one))
    json.dumps(merge(one, two), allow_nan=False)


@settings(max_examples=40, deadline=None)
@given(*[st.lists(st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=3), max_size=40)] * 2)
@pytest.mark.parametrize("kind", ["category", "text"])
def test_merging_texts(kind: str, a: list[Any], b: list[Any]) -> None:
    assert close(merge(profile(a, kind), profile(b, kind)), profile(a + b, kind))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), min_size=1, max_size=80), st.floats(0, 1))
def test_a_quantile_is_within_one_percent_of_its_value(values: list[float], q: float) -> None:
    sketch = profile(values)["columns"]["x"]["quantiles"]
    exact = sorted(values)[int(q * (len(values) - 1))]
    found = sketches.quantile(sketch, q)
    assert found is not None
    assert abs(found - exact) <= sketches.ALPHA * abs(exact) * (1 + 1e-6)


def test_the_largest_numbers_overflow_nothing() -> None:
    column = profile([1.7e308, 1.7e308, -1.7e308, 5e-324])["columns"]["x"]
    json.dumps(column, allow_nan=False)
    json.dumps(merge(profile([1.7e308]), profile([-1.7e308])), allow_nan=False)
    assert math.isfinite(sketches.quantile(column["quantiles"], 1.0) or math.inf)


@pytest.mark.parametrize("n", [10, 1_000, 50_000])
def test_distinct_values_within_four_standard_errors(n: int) -> None:
    assert sketches.distinct(sketches.hyperloglog(map(str, range(n)))) == pytest.approx(n, rel=4 * 0.023)


def test_too_many_values_are_not_counted_and_stay_so() -> None:
    many = profile([str(i) for i in range(300)], "category")
    assert many["columns"]["x"]["counts"] is None
    assert merge(many, profile(["a"], "category"))["columns"]["x"]["counts"] is None
    halves = [profile([f"{half}{i}" for i in range(200)], "category") for half in "ab"]
    assert merge(*halves)["columns"]["x"]["counts"] is None


def test_a_column_that_one_profile_lacks_is_missing_there_and_types_must_agree() -> None:
    both = merge(profile([1.0]), profile([2.0, 3.0], name="y"))
    assert (both["columns"]["x"]["missing"], both["columns"]["y"]["missing"]) == (2, 1)
    with pytest.raises(ValueError, match="'x' is number"):
        merge(profile([1.0]), profile(["a"], "text"))


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
    baseline = {"columns": {"x": {"type": "number", "edges": [0.0, 5.0, 9.0], "shares": [0.5, 0.5], "missing": 0.0}}}
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
