"""A profile that is counted in parts is the profile of the whole, and its sketches keep their promises."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.profile import distinct
from sluice.profile.distinct import KEPT, Distinct, hash_numbers, hash_texts
from sluice.profile.histogram import quantile
from sluice.profile.numbers import Moments
from sluice.profile.profiler import ColumnProfile
from sluice.profile.quantiles import SHOWN, Quantiles

VALUES: dict[str, tuple[pa.DataType, Any]] = {
    "number": (pa.float64(), st.floats(allow_nan=False, allow_infinity=False)),
    "integer": (pa.int64(), st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(-3, 3)),
    "category": (pa.string(), st.text(max_size=4)),
    "boolean": (pa.bool_(), st.booleans()),
    "timestamp": (pa.timestamp("us"), st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))),
    "text": (pa.string(), st.text(max_size=20)),
}


def counted(kind: str, values: list[Any], coded: bool = False) -> ColumnProfile:
    column = ColumnProfile(kind)
    array = pa.array(values, VALUES[kind][0])
    column.add(array.dictionary_encode() if coded else array)
    return column


def without_means(told: dict[str, Any]) -> dict[str, Any]:
    """What is exact: all but means and deviations."""
    kept = dict(told)
    for name in ("moments", "lengths"):
        if name in kept:
            kept[name] = {part: kept[name][part] for part in ("n", "min", "max")}
    return kept


@pytest.mark.parametrize("kind", VALUES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_split_and_merge_gives_the_same_counts(kind: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | VALUES[kind][1], max_size=40))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=4)))
    whole = counted(kind, values).to_json()
    merged, fed = ColumnProfile(kind), ColumnProfile(kind)
    for start, end in zip([0, *cuts], [*cuts, len(values)], strict=True):
        merged.merge(counted(kind, values[start:end], coded=kind in ("category", "text")))
        fed.add(pa.array(values[start:end], VALUES[kind][0]))
    for parts in (merged.to_json(), fed.to_json()):
        assert without_means(parts) == without_means(whole)
        if kind == "integer" and values and whole["moments"]["mean"] is not None:
            spread = whole["moments"]["max"] - whole["moments"]["min"]
            assert parts["moments"]["mean"] == pytest.approx(whole["moments"]["mean"], abs=1e-9 * spread + 1e-9)
            assert parts["moments"]["m2"] == pytest.approx(whole["moments"]["m2"], rel=1e-9)


def test_texts_of_one_category_are_counted_together() -> None:
    told = counted("category", ["a", " a", "a ", "b"]).to_json()
    assert told["counts"] == {"a": 3, "b": 1}
    assert told["distinct"] == 2


def test_moments_that_are_merged_are_exact_to_nine_digits() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(1e6, 3, 100_000)
    moments = Moments()
    for part in np.array_split(values, 37):
        moments.add(part)
    mean = math.fsum(values) / len(values)
    assert moments.mean == pytest.approx(mean, rel=1e-12)
    assert moments.m2 == pytest.approx(math.fsum((values - mean) ** 2), rel=1e-9)


@pytest.mark.parametrize("count", [0, 1, 1_000, KEPT - 1, 200_000])
def test_distinct_values_are_exact_while_they_are_few_and_within_two_percent_above(count: int) -> None:
    seen, parts = Distinct(), [Distinct(), Distinct()]
    for repeat in range(2):
        for start in range(0, count, 7_000):
            numbers = np.arange(start, min(count, start + 7_000)) * 13 - 5_000
            seen.add(hash_numbers(numbers))
            parts[repeat].add(hash_texts(pa.array([f"customer {number}" for number in numbers])))
    parts[0].merge(parts[1])
    for found in (seen, parts[0]):
        assert found.exact is (count < KEPT)
        assert found.count == (count if count < KEPT else pytest.approx(count, rel=0.02))


_AT_LIMITS = [
    "",
    "a" * 8,
    "a" * 16,
    "a" * 17,
    "\0",
    "\0" * 8,
    "a" * 4_096,
    "a" * 4_097,
    "a" * 5_000 + "b",
    "b" + "a" * 5_000,
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=30) | st.sampled_from(_AT_LIMITS), max_size=12))
def test_equal_texts_have_equal_hashes_and_others_do_not(texts: list[str]) -> None:
    array = pa.array(["before", *texts])[1:]  # a slice, whose buffers begin before it
    hashes = hash_texts(array).tolist()
    assert len(dict(zip(texts, hashes, strict=True))) == len(set(texts)) == len(set(hashes))
    assert all(hash_texts(pa.array([text]))[0] == found for text, found in zip(texts, hashes, strict=True))


def test_texts_are_hashed_in_pieces_as_they_are_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    array = pa.array(["before", *(f"customer {7**place % 1_000_003}" for place in range(100))])[1:]
    whole = hash_texts(array).tolist()
    monkeypatch.setattr(distinct, "_TOGETHER", 7)
    assert hash_texts(array).tolist() == whole


def test_a_long_text_takes_no_pass_for_each_of_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = 0
    whole = np.flatnonzero

    def counted(values: np.ndarray) -> np.ndarray:
        nonlocal passes
        passes += 1
        return whole(values)

    monkeypatch.setattr(np, "flatnonzero", counted)
    hash_texts(pa.array(["a" * 1_000_000, "b" * 20]))
    assert passes < 10


def _of_quantiles(kind: str, rng: np.random.Generator) -> np.ndarray:
    count = 400_000
    if kind == "narrow":  # far from zero: bins that grow with the value would have one for all of them
        return rng.normal(1e9, 1, count)
    if kind == "skewed":
        return np.exp(rng.normal(0, 3, count))
    if kind == "ties":
        return np.where(rng.random(count) < 0.6, 0.0, np.round(rng.normal(0, 1, count), 2))
    return np.sort(rng.random(count))  # each batch has values of its own


@pytest.mark.parametrize("kind", ["narrow", "skewed", "ties", "sorted"])
def test_a_rank_is_off_by_at_most_a_thousandth(kind: str) -> None:
    values = _of_quantiles(kind, np.random.default_rng(3))
    fed, merged = Quantiles(), Quantiles()
    for start in range(0, len(values), 3_000):  # 134 batches, as of half a gigabyte
        part = np.sort(values[start : start + 3_000])
        fed.add(part)
        one = Quantiles()
        one.add(part)
        merged.merge(one)
    ordered = np.sort(values)
    for told in (fed.to_json(), merged.to_json()):
        assert sum(told["counts"]) == len(values)
        assert len(told["values"]) <= SHOWN + 1
        for q in np.linspace(0, 1, 501):
            rank = q * (len(values) - 1)
            value = quantile(told, float(q)) or 0.0
            below, up_to = np.searchsorted(ordered, value, "left"), np.searchsorted(ordered, value, "right")
            assert max(0.0, below - rank, rank - up_to + 1) / len(values) <= 0.001
