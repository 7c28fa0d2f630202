"""What tells broken data from real drift where both look alike in one column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sluice.watch.triage.combinations import impossible
from sluice.watch.triage.comparison import Comparison, compare
from sluice.watch.triage.concept import Concept
from sluice.watch.triage.hypotheses.clock import contradicted
from sluice.watch.triage.hypotheses.columns import misplaced
from sluice.watch.triage.hypotheses.joins import loosened
from sluice.watch.triage.hypotheses.precision import coarser
from sluice.watch.triage.hypotheses.repeats import repeated
from sluice.watch.triage.hypotheses.spelling import respelled
from sluice.watch.triage.hypotheses.transformed import scale, segment_of, transformed
from sluice.watch.triage.judge import judge
from sluice.watch.triage.other_rows import moved
from sluice.watch.triage.profile import Profile
from sluice.watch.triage.standstill import all_move
from sluice.watch.triage.window import Reason, Window
from tests.unit.watch.triage.conftest import START, stream

EVERY = np.arange(1200)


@pytest.fixture(scope="module")
def known(reference: Window) -> Profile:
    return Profile(reference)


@pytest.fixture(scope="module")
def chosen() -> Callable[..., Window]:
    """`chosen(weight)`: rows of a long stream, each taken with a probability that follows from its values."""

    def choose(weight: Callable[[Window], np.ndarray]) -> Window:
        wide = stream(4000, 9, START + 4000 * 60.0)
        kept = np.random.default_rng(1).random(len(wide)) < np.clip(weight(wide), 0, 1)
        return replace(wide.take(kept), total=None, usual=None)

    return choose


def test_other_rows_move_all_columns_and_other_values_only_one(
    known: Profile, window: Window, put: Any, chosen: Any
) -> None:
    far = chosen(lambda each: each.columns["distance"] / 600)
    other_rows = moved(compare(known, far), "distance", np.arange(len(far)))
    assert other_rows is not None
    assert other_rows.rows is True
    assert abs(other_rows.ratio - 1) < 4 * other_rows.error
    longer = compare(known, put(distance=np.round(window.columns["distance"] * 1.5)))
    other_values = moved(longer, "distance", EVERY)
    assert other_values is not None
    assert other_values.rows is False
    assert moved(compare(known, put(share=window.columns["share"] ** 2)), "share", EVERY) is None, (
        "nothing depends on it"
    )


def test_a_mix_of_known_values_is_asked_about_if_the_columns_that_depend_on_it_stand_still(
    reference: Window, window: Window, put: Any, chosen: Any
) -> None:
    zone = window.columns["zone"].copy()
    zone[np.random.default_rng(3).random(len(zone)) < 0.25] = "abroad"
    verdict = judge(reference, put(zone=zone))
    assert verdict.answer in ("hold", "ask"), verdict.sentence
    abroad = chosen(lambda each: np.where(np.equal(each.columns["zone"], "abroad"), 1.0, 0.5))
    assert judge(reference, abroad).answer == "retrain"


def test_a_combination_that_never_was_names_the_column_to_blame(known: Profile, window: Window, put: Any) -> None:
    """No parcel of more than 400 km goes to the city; with names of zones in the reference's order, each is wrong."""
    following = {"city": "country", "country": "abroad", "abroad": "city"}
    band = np.where(
        window.columns["distance"] < 150, "near", np.where(window.columns["distance"] < 400, "middle", "far")
    )
    usual = known.window.columns["distance"]
    bands = np.where(usual < 150, "near", np.where(usual < 400, "middle", "far")).astype(object)
    base = known.window
    with_band = Profile(
        replace(base, columns={**base.columns, "band": bands}, types={**base.types, "band": "category"})
    )

    def of(zone: np.ndarray) -> Comparison:
        columns = {**window.columns, "band": band.astype(object), "zone": zone}
        return compare(with_band, replace(window, columns=columns, types={**window.types, "band": "category"}))

    assert impossible(of(window.columns["zone"])) == {}
    shifted = window.columns["zone"].copy()
    shifted[500:] = [following[each] for each in shifted[500:]]
    found = impossible(of(shifted))
    assert list(found) == ["zone"]
    assert np.array_equal(found["zone"], np.arange(500, 1200))


def test_a_value_written_like_an_old_one_is_another_name_only_if_it_has_its_rows(
    known: Profile, window: Window
) -> None:
    codes = {"Blue Post": "1", "Fast-Line": "2", "Ox & Sons": "3", "Pigeon": "4"}

    def coded(each: Window, change: Callable[[np.ndarray], np.ndarray]) -> Window:
        carrier = change(np.array([codes[word] for word in each.columns["carrier"]], dtype=object))
        return replace(each, columns={**each.columns, "carrier": carrier})

    base = Profile(coded(known.window, lambda carrier: carrier))
    fresh = np.random.default_rng(5).random(len(window)) < 0.2
    new = compare(base, coded(window, lambda carrier: np.where(fresh, "21", carrier).astype(object)))
    assert list(respelled(new)) == []
    zero = compare(base, coded(window, lambda carrier: np.where(fresh, carrier + "0", carrier).astype(object)))
    assert [(each.reason, each.what) for each in respelled(zero)] == [(Reason.RENAMED, "has '0' added to its values")]


def test_other_is_a_catch_all_only_if_values_have_gone(known: Profile, window: Window, put: Any) -> None:
    carrier = window.columns["carrier"]
    rare = np.isin(carrier, ["Pigeon", "Ox & Sons"])
    merged = compare(known, put(carrier=np.where(rare, "Other", carrier).astype(object)))
    assert [each.reason for each in respelled(merged)] == [Reason.MERGED]
    fresh = np.random.default_rng(5).random(len(window)) < 0.2
    assert list(respelled(compare(known, put(carrier=np.where(fresh, "Other", carrier).astype(object))))) == []


def test_a_mixture_of_two_populations_is_not_mixed_units(known: Profile, window: Window, put: Any) -> None:
    """Its parameters, a factor and a share, fit; but no values recur, and no segment has them."""
    chance = np.random.default_rng(2)
    some = chance.random(len(window)) < 0.4
    cheaper = np.where(some, np.exp(chance.normal(1.4, 0.25, len(window))), window.columns["price"])
    found = transformed(compare(known, put(price=np.round(cheaper, 2))))
    assert Reason.MIXED_UNITS not in [each.reason for each in found]


def test_one_segment_in_another_currency_is_named(known: Profile, window: Window, put: Any) -> None:
    country = np.equal(window.columns["zone"], "country")
    price = np.where(country, window.columns["price"] * 2.3, window.columns["price"])
    comparison = compare(known, put(price=price))
    assert segment_of(comparison, "price", scale(2.3, "× 2.3"), 0.4, EVERY) == ", all that have zone 'country'"
    assert segment_of(comparison, "price", scale(3.0, "× 3"), 0.4, EVERY) == ""
    some = np.random.default_rng(1).permutation(country)
    nobody = compare(known, put(price=np.where(some, window.columns["price"] * 2.3, window.columns["price"])))
    assert segment_of(nobody, "price", scale(2.3, "× 2.3"), 0.4, EVERY) == ""


def test_common_rows_come_more_often_in_another_mix(reference: Window, window: Window) -> None:
    """Half of the requests are empty ones, which are alike; a window with more of them repeats nothing."""

    def with_empty(each: Window, share: float, seed: int) -> Window:
        empty = np.random.default_rng(seed).random(len(each)) < share
        usual = {"weight": 0.0, "price": 0.0, "items": 0.0, "distance": 0.0, "share": 0.0, "express": 0.0}
        columns = {name: np.where(empty, usual[name], each.columns[name]) for name in usual}
        return replace(each, columns={**each.columns, **columns})

    base = Profile(with_empty(reference, 0.1, 1))
    assert list(repeated(compare(base, with_empty(window, 0.4, 2)))) == []
    stale = with_empty(window, 0.1, 2)
    again = np.concatenate([np.arange(700), np.arange(500)])
    twice = replace(stale, columns={name: values[again] for name, values in stale.columns.items()})
    assert [each.reason for each in repeated(compare(base, twice))] == [Reason.REPEATED]


def test_other_values_than_the_usual_one_are_looked_at_by_themselves(reference: Window, window: Window) -> None:
    """Nine of ten are 0: the ranks of all values hardly move when the others grow."""

    def tips(each: Window, seed: int, factor: float) -> Window:
        chance = np.random.default_rng(seed)
        given = np.where(chance.random(len(each)) < 0.1, np.round(np.exp(chance.normal(3, 0.5, len(each))), 2), 0.0)
        return replace(each, columns={**each.columns, "tip": given * factor}, types={**each.types, "tip": "number"})

    base = Profile(tips(reference, 1, 1.0))
    assert "tip" not in compare(base, tips(window, 2, 1.0)).changed
    grown = compare(base, tips(window, 2, 2.0)).changed["tip"]
    assert grown.size > 0.3


def test_middles_of_uneven_classes(known: Profile, window: Window, put: Any) -> None:
    """Of a column whose values recur, so that the middles are usual values."""
    edges = np.quantile(known.window.columns["distance"], [0.2, 0.4, 0.6, 0.8])
    middles = np.array([90.0, 180.0, 260.0, 370.0, 600.0])
    classes = middles[np.searchsorted(edges, window.columns["distance"])]
    found = {each.columns: each for each in coarser(compare(known, put(distance=classes)))}
    assert found["distance",].reason is Reason.RESOLUTION
    assert found["distance",].certain


def test_a_chain_of_columns_is_certain(known: Profile, window: Window, put: Any) -> None:
    names = ["weight", "price", "distance", "share", "items"]
    moved_on = {name: window.columns[before] for name, before in zip(names, [names[-1], *names[:-1]], strict=True)}
    (found,) = misplaced(compare(known, put(**moved_on)))
    assert found.reason is Reason.SHIFTED
    assert found.certain


def test_a_dependence_that_is_weaker_among_other_rows_is_no_broken_join(
    known: Profile, window: Window, put: Any
) -> None:
    carrier = np.random.default_rng(7).permutation(window.columns["carrier"])
    (alone,) = loosened(compare(known, put(carrier=carrier)))
    assert alone.certain
    others = {name: window.columns[name] * 3 for name in ("weight", "price", "items", "share")}
    assert all(not each.certain for each in loosened(compare(known, put(carrier=carrier, **others))))


def test_fewer_positive_rows_are_known_by_all_rows(known: Profile, chosen: Any) -> None:
    fewer = chosen(lambda each: np.where(each.labels > 0, 0.4, 1.0))
    concept = Concept.of(compare(known, fewer))
    assert concept is not None
    assert concept.fewer_positive_rows()
    lost = stream(2400, 9, START + 4000 * 60.0)
    lost = replace(lost, labels=lost.labels * (np.random.default_rng(1).random(len(lost)) < 0.4))  # type: ignore[operator]
    concept = Concept.of(compare(known, lost))
    assert concept is not None
    assert not concept.fewer_positive_rows()


def test_all_columns_move_together(known: Profile, window: Window, chosen: Any) -> None:
    assert not all_move(compare(known, window))
    assert all_move(compare(known, chosen(lambda each: 0.45 + 0.05 * each.columns["weight"])))


def test_a_category_that_no_longer_says_what_the_clock_says(reference: Window) -> None:
    def with_part(each: Window, change: Callable[[np.ndarray], Any] = lambda part: part) -> Window:
        assert each.arrived is not None
        part = np.array([f"part {int(hour)}" for hour in each.arrived // 3600 % 24], dtype=object)
        return replace(each, columns={**each.columns, "part": change(part)}, types={**each.types, "part": "category"})

    base, now = Profile(with_part(reference)), stream(1200, 5, START + 6000 * 60.0)
    assert list(contradicted(compare(base, with_part(now)))) == []
    mixed = np.random.default_rng(1).permutation(len(now))
    assert list(contradicted(compare(base, with_part(now, lambda part: part[mixed])))) == [], "rows in any order"
    one = with_part(now, lambda part: np.where(np.arange(len(part)) % 3 == 0, "part 7", part).astype(object))
    assert [each.reason for each in contradicted(compare(base, one))] == [Reason.DEFAULT]
    later = with_part(now, lambda part: np.array([f"part {(int(each[5:]) + 1) % 24}" for each in part], dtype=object))
    assert [each.reason for each in contradicted(compare(base, later))] == [Reason.RENAMED]
