"""Each hypothesis finds its fault, in a part of the window and in all of it, and names the column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sluice.watch.triage.comparison import Comparison
from sluice.watch.triage.hypotheses.precision import coarser
from sluice.watch.triage.judge import judge
from sluice.watch.triage.profile import Profile
from sluice.watch.triage.window import Reason, Window

LATER = 500
"""The row from which on a fault holds, in windows of 1,200."""


def later(values: np.ndarray, change: Callable[[np.ndarray], Any], first: int = LATER) -> np.ndarray:
    new = values.copy()
    new[first:] = change(values[first:])
    return new


def mapped(change: Callable[[str], str]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: np.array([change(value) for value in values], dtype=object)


FORMULAS: list[tuple[str, Callable[[np.ndarray], Any], Reason]] = [
    ("weight", lambda v: v * 1000, Reason.SCALE),
    ("weight", lambda v: v * 2.204623, Reason.SCALE),
    ("distance", lambda v: v / 1.609344, Reason.SCALE),
    ("share", lambda v: v * 100, Reason.SCALE),
    ("price", lambda v: -v, Reason.SIGN),
    ("price", lambda v: v + 25, Reason.OFFSET),
    ("distance", np.log1p, Reason.SCALE),
    ("distance", lambda v: np.full(len(v), 180.0), Reason.CONSTANT),
    ("weight", lambda v: np.full(len(v), np.nan), Reason.NULLS),
    ("distance", lambda v: np.minimum(v, 400), Reason.CLIPPED),
    ("price", np.rint, Reason.RESOLUTION),
    ("distance", lambda v: 9000.0 + np.arange(len(v)), Reason.FOREIGN),
    ("price", np.cumsum, Reason.FOREIGN),
    ("weight", lambda v: np.repeat(v[::30], 30)[: len(v)], Reason.CONSTANT),
]


@pytest.mark.parametrize(("name", "change", "reason"), FORMULAS)
def test_a_column_of_numbers_that_is_changed_by_a_rule(
    reference: Window, window: Window, put: Any, name: str, change: Any, reason: Reason
) -> None:
    verdict = judge(reference, put(**{name: later(window.columns[name], change)}))
    assert (verdict.answer, verdict.reason, verdict.columns) == ("hold", reason, (name,)), verdict.sentence
    assert name in verdict.sentence
    assert verdict.since is not None
    assert abs(verdict.since - window.arrived[LATER]) < 60 * 150  # type: ignore[index]


PARTS: list[tuple[str, Callable[[np.ndarray], Any], Reason]] = [
    ("weight", lambda v: v * 1000, Reason.MIXED_UNITS),
    ("distance", lambda v: -999.0, Reason.SENTINEL),
    ("items", lambda v: 9999.0, Reason.SENTINEL),
    ("price", lambda v: np.nan, Reason.NULLS),
    ("distance", lambda v: 300.0, Reason.DEFAULT),
    ("zone", lambda v: "N/A", Reason.SENTINEL),
]


@pytest.mark.parametrize(("name", "change", "reason"), PARTS)
def test_a_fault_in_every_third_row(
    reference: Window, window: Window, put: Any, name: str, change: Any, reason: Reason
) -> None:
    new = window.columns[name].copy()
    hit = np.random.default_rng(5).random(len(new)) < 0.35
    new[hit] = change(new[hit])
    verdict = judge(reference, put(**{name: new}))
    assert (verdict.answer, verdict.reason, verdict.columns) == ("hold", reason, (name,)), verdict.sentence


WORDS: list[tuple[str, Callable[[str], str], Reason]] = [
    ("carrier", str.upper, Reason.RENAMED),
    ("carrier", lambda v: f"2026:{v}", Reason.RENAMED),
    ("carrier", lambda v: f"'{v}'", Reason.ENCODING),
    ("carrier", lambda v: v.replace(" ", "%20").replace("&", "%26").replace("-", "%2D"), Reason.ENCODING),
    ("carrier", lambda v: v[:4], Reason.TRUNCATED),
    ("carrier", lambda v: {"Pigeon": "Blue Post"}.get(v, v), Reason.MERGED),
    ("carrier", lambda v: v if v == "Blue Post" else "Other", Reason.MERGED),
    ("zone", lambda v: {"city": "Z3", "country": "Z1", "abroad": "Z2"}[v], Reason.RENAMED),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "reason"), WORDS)
def test_categories_under_other_names(
    reference: Window, window: Window, put: Any, name: str, change: Any, reason: Reason
) -> None:
    verdict = judge(reference, put(**{name: later(window.columns[name], mapped(change))}))
    assert (verdict.answer, verdict.reason, verdict.columns) == ("hold", reason, (name,)), verdict.sentence


def test_a_flag_that_is_inverted(reference: Window, window: Window, put: Any) -> None:
    verdict = judge(reference, put(express=later(window.columns["express"], lambda v: 1 - v)))
    assert (verdict.answer, verdict.reason, verdict.columns) == ("hold", Reason.INVERTED, ("express",))


def test_columns_swapped_and_another_column_included(reference: Window, window: Window, put: Any) -> None:
    weight, price = window.columns["weight"], window.columns["price"]
    both = put(weight=later(weight, lambda v: price[LATER:]), price=later(price, lambda v: weight[LATER:]))
    verdict = judge(reference, both)
    assert (verdict.reason, set(verdict.columns)) == (Reason.SWAPPED, {"weight", "price"})
    total = judge(reference, put(distance=later(window.columns["distance"], lambda v: v + 100 * weight[LATER:])))
    assert total.answer in ("hold", "ask"), "a mixture of two columns is no real drift"


def test_a_join_by_the_wrong_key(reference: Window, window: Window, put: Any) -> None:
    order = np.random.default_rng(3).permutation(len(window))
    verdict = judge(reference, put(price=window.columns["price"][order]))
    assert (verdict.answer, verdict.reason, verdict.columns) == ("hold", Reason.JOIN, ("price",))


def test_rows_that_come_again(reference: Window, window: Window) -> None:
    places = np.arange(len(window))
    places[900:] = places[100:400]
    again = window.take(places)
    again = replace(again, arrived=window.arrived, columns={**again.columns, "sent": window.columns["sent"]})
    assert judge(reference, again).reason is Reason.REPEATED
    cache = np.where(places >= 700, 699, np.arange(len(window)))
    assert judge(reference, replace(window.take(cache), arrived=window.arrived)).reason is Reason.REPEATED


def test_a_part_of_the_feed_is_missing(reference: Window, window: Window) -> None:
    at = np.arange(len(window))
    silent = replace(window.take(~((window.client == "shop") & (at > 500))), total=None)
    verdict = judge(reference, silent)
    assert (verdict.answer, verdict.reason) == ("hold", Reason.FEED)
    assert "shop" in verdict.sentence
    half = judge(reference, replace(window.take(at % 2 == 0), total=None))
    assert (half.answer, half.reason) == ("hold", Reason.FEED)
    unknown = replace(window.take(at % 2 == 0), usual=None, total=None)
    assert judge(reference, unknown).answer == "nothing"
    assert any("usual number" in why for why in judge(reference, unknown).evidence["not_tested"])


def test_one_client_alone(reference: Window, window: Window, put: Any) -> None:
    desk = np.equal(window.client, "desk")
    weight = np.where(desk, window.columns["weight"] * 100, window.columns["weight"])
    verdict = judge(reference, put(weight=weight))
    assert (verdict.answer, verdict.reason, verdict.columns) == ("hold", Reason.ONE_SOURCE, ("weight",))
    assert "desk" in verdict.sentence
    nobody = replace(put(weight=weight), client=None, host=None)
    assert judge(reference, nobody).reason in (Reason.MIXED_UNITS, Reason.SCALE)


@pytest.mark.parametrize("away", [2 * 3600.0, -5 * 3600.0, -100 * 365.2425 * 86_400])
def test_a_clock_that_is_wrong(reference: Window, window: Window, put: Any, away: float) -> None:
    verdict = judge(reference, put(sent=later(window.columns["sent"], lambda v: v + away)))
    assert (verdict.answer, verdict.reason, verdict.columns) == ("hold", Reason.CLOCK, ("sent",))


def test_wrong_labels(reference: Window, window: Window) -> None:
    labels = window.labels
    assert labels is not None
    chance = np.random.default_rng(7)
    assert judge(reference, replace(window, labels=1 - labels)).reason is Reason.LABELS
    assert judge(reference, replace(window, labels=chance.permutation(labels))).reason is Reason.LABELS
    lost = np.where(chance.random(len(labels)) < 0.6, 0.0, labels)
    assert judge(reference, replace(window, labels=lost)).reason is Reason.LABELS
    absent = np.where(chance.random(len(labels)) < 0.6, np.nan, labels)
    assert judge(reference, replace(window, labels=absent)).reason is Reason.LABELS


def test_a_fault_of_few_rows_is_held_and_is_not_confirmed_by_one_window(
    window: Window, reference: Window, put: Any
) -> None:
    own = np.random.default_rng(5).uniform(1.5, 2.8, len(window))
    share = later(window.columns["share"], lambda v: np.round(v * own[-len(v) :], 3), len(window) - 130)
    verdict = judge(reference, put(share=share))
    assert (verdict.answer, verdict.columns, verdict.confirmed) == ("hold", ("share",), False)
    assert verdict.last == window.arrived[-1]


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_fault_of_many_rows_is_confirmed_by_one_window(
    share: float, window: Window, reference: Window, put: Any
) -> None:
    late = np.arange(len(window)) >= (1 - share) * len(window)
    verdict = judge(
        reference, put(distance=np.where(late, window.columns["distance"] * 1.6, window.columns["distance"]))
    )
    assert (verdict.answer, verdict.columns, verdict.confirmed) == ("hold", ("distance",), True)


def test_a_few_rows_that_are_sent_again_and_again_say_little_of_a_columns_digits(
    reference: Window, parcels: Callable[[int, int], Window], monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = parcels(612, 1)
    even = fresh.columns["items"] - fresh.columns["items"] % 2
    few = replace(fresh, columns={**fresh.columns, "items": even}).take(np.tile(np.arange(18), 34))
    again = replace(few, arrived=fresh.arrived)
    known = Profile(reference)
    assert not any(each.columns == ("items",) for each in coarser(Comparison(known, again)))
    monkeypatch.setattr(Comparison, "different_rows", lambda self, places: len(places))
    assert any(each.columns == ("items",) for each in coarser(Comparison(known, again))), "each copy was a look"


def test_a_frequent_value_that_is_written_otherwise_is_no_default(reference: Window, window: Window, put: Any) -> None:
    """10.1 km that become 9.9 stand where they stood; a default stands in for values of every size."""

    def often(values: np.ndarray, value: float, share: float, seed: int) -> np.ndarray:
        return np.where(np.random.default_rng(seed).random(len(values)) < share, value, values)

    before = replace(
        reference, columns={**reference.columns, "distance": often(reference.columns["distance"], 304.0, 0.15, 7)}
    )
    moved = judge(before, put(distance=often(window.columns["distance"], 300.0, 0.15, 8)))
    assert moved.reason != Reason.DEFAULT, moved.sentence
    kept = often(window.columns["distance"], 304.0, 0.15, 8)
    filled = judge(before, put(distance=often(kept, 300.0, 0.3, 9)))
    assert (filled.answer, filled.reason, filled.columns) == ("hold", Reason.DEFAULT, ("distance",)), filled.sentence
