"""A reference whose rows have no times: it does not say which rows follow each other, nor for how long values last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sluice.watch.triage.comparison import compare
from sluice.watch.triage.hypotheses.repeats import repeated
from sluice.watch.triage.hypotheses.values import counters, sticking
from sluice.watch.triage.judge import judge
from sluice.watch.triage.neighbours import lasting
from sluice.watch.triage.profile import Profile
from sluice.watch.triage.window import Reason, Window

HOUR, WEEK = 3600.0, 168
TYPES = {
    "hour": "integer", "weekday": "integer", "free": "boolean", "holiday": "boolean", "sky": "category",
    "warm": "number", "damp": "number", "wind": "number",
}  # fmt: skip


def hours(seed: int, first: int, rows: int) -> Window:
    """Hours of a year with its weather, in sequence, from hour `first` on; the label follows hour and warmth."""
    chance = np.random.default_rng(seed)
    at = np.arange(first, first + rows)
    weekday = at // 24 % 7

    def weather(lasts: float) -> np.ndarray:
        steps = chance.normal(0, 1, rows + 200)
        found = np.zeros(rows + 200)
        for k in range(1, rows + 200):
            found[k] = (1 - 1 / lasts) * found[k - 1] + np.sqrt(2 / lasts) * steps[k]
        return found[200:]

    front = weather(30.0)
    warm = 12 - 9 * np.cos(2 * np.pi * at / 8766) - 4 * np.cos(2 * np.pi * at / 24) + 3 * front
    damp = np.clip(60 + 12 * weather(20.0) - 6 * front, 5, 100)
    holiday = (at // 24 % 61 == 17).astype(float)
    free = ((weekday >= 5) | (holiday == 1)).astype(float)
    busy = 0.5 * (free == 0) * np.isin(at % 24, (7, 8, 16, 17)) + 0.03 * (warm - 12) + chance.normal(0.2, 0.3, rows)
    sky = np.where(damp > 80, "rain", np.where(damp > 62, "cloud", "clear")).astype(object)
    columns = {
        "hour": (at % 24).astype(float), "weekday": weekday.astype(float), "free": free, "holiday": holiday,
        "sky": sky, "warm": np.round(warm, 1), "damp": np.round(damp), "wind": np.round(chance.gamma(2, 5, rows)),
    }  # fmt: skip
    now = 1.7e9 + HOUR * at
    labels = (busy > 0.35).astype(float)
    return Window(columns, TYPES, now, labels=labels, labelled=now + 60, problem="binary", now=float(now[-1]))


def in_any_order(window: Window, seed: int = 0) -> Window:
    """A fifth of the rows, as an evaluation keeps them of training rows without times."""
    rows = np.random.default_rng(seed).permutation(len(window))[: len(window) // 5]
    return replace(window.take(rows), arrived=None, labelled=None, total=None)


@pytest.fixture(scope="module")
def unordered() -> Window:
    return in_any_order(hours(0, 0, 52 * WEEK))


@pytest.fixture(scope="module")
def four_weeks() -> Window:
    return hours(5, 64 * WEEK, 4 * WEEK)


def with_values(window: Window, name: str, values: np.ndarray) -> Window:
    return replace(window, columns={**window.columns, name: values})


@pytest.mark.parametrize("weeks", [1, 4])
def test_ordinary_weeks_are_not_taken_for_broken(unordered: Window, weeks: int) -> None:
    """Whichever weeks of the next year come. After two months of winter, a person is asked about summer at most."""
    winter = in_any_order(hours(0, 0, 8 * WEEK))
    for seed in range(10):
        window = hours(10 + seed, (53 + 5 * seed) * WEEK, weeks * WEEK)
        assert judge(unordered, window).answer in ("nothing", "retrain"), (seed, judge(unordered, window).sentence)
        early = hours(30 + seed, (9 + 4 * seed) * WEEK, weeks * WEEK)
        assert judge(winter, early).answer != "hold", (seed, judge(winter, early).sentence)


def test_what_no_order_of_rows_explains_is_held_all_the_same(unordered: Window, four_weeks: Window) -> None:
    rows = np.arange(len(four_weeks))
    late, some = rows >= 400, np.random.default_rng(1).random(len(rows)) < 0.2
    warm, damp = four_weeks.columns["warm"], four_weeks.columns["damp"]
    faults = {
        Reason.NULLS: with_values(four_weeks, "damp", np.where(some & late, np.nan, damp)),
        Reason.SENTINEL: with_values(four_weeks, "warm", np.where(some & late, -999.0, warm)),
        Reason.SCALE: with_values(four_weeks, "damp", damp * 1000),
        Reason.CONSTANT: with_values(four_weeks, "warm", np.where(late, warm[400], warm)),
    }
    for reason, window in faults.items():
        verdict = judge(unordered, window)
        assert (verdict.answer, verdict.reason) == ("hold", reason)
    for again in (np.where(late, 399, rows), np.where(late, rows - 300, rows)):
        stale = replace(four_weeks.take(again), arrived=four_weeks.arrived, total=None)
        assert judge(unordered, stale).reason is Reason.REPEATED


def test_how_long_a_value_lasts_is_judged_beside_the_other_columns(
    reference: Window, window: Window, put: Any, unordered: Window, four_weeks: Window
) -> None:
    """A weekday is the same for a day of rows, as the weather is; among parcels, only a broken column does that."""
    assert list(sticking(compare(Profile(unordered), four_weeks))) == []
    parcels = Profile(replace(reference, arrived=None))
    in_runs = put(items=np.repeat(np.random.default_rng(4).integers(1, 7, 60), 20).astype(float))
    assert [each.columns for each in sticking(compare(parcels, in_runs))] == [("items",)]


def test_how_alike_rows_are_is_judged_where_neighbours_are_strangers(
    reference: Window, window: Window, put: Any, unordered: Window, four_weeks: Window
) -> None:
    """Hours of one night may differ in the hour alone; parcels that differ in the weight alone come from a join."""
    before = np.arange(1200) - (np.arange(1200) % 4 == 3)
    alike = put(**{name: values[before] for name, values in window.columns.items() if name not in ("weight", "sent")})
    parcels = Profile(replace(reference, arrived=None))
    assert [each.columns for each in repeated(compare(parcels, alike))] == [("weight",)]
    nights = np.arange(len(four_weeks)) // 5 * 5
    steady = {name: values if name == "hour" else values[nights] for name, values in four_weeks.columns.items()}
    assert list(repeated(compare(Profile(unordered), replace(four_weeks, columns=steady)))) == []


def test_what_rises_and_goes_on_where_the_reference_ends_is_no_counter(unordered: Window, four_weeks: Window) -> None:
    """A number of the day may have risen in the training rows as well; one that begins again has not."""
    types = {**TYPES, "day": "number"}
    day = np.random.default_rng(2).integers(0, 364, len(unordered)).astype(float)
    base = Profile(replace(unordered, columns={**unordered.columns, "day": day}, types=types))
    for first, reasons in ((448.0, []), (0.0, [Reason.FOREIGN])):
        rising = first + np.arange(float(len(four_weeks))) * 0.5
        window = replace(four_weeks, columns={**four_weeks.columns, "day": rising}, types=types)
        assert [each.reason for each in counters(compare(base, window))] == reasons


def test_a_change_within_the_rows_does_not_make_neighbours_alike() -> None:
    chance = np.random.default_rng(3)
    late = np.arange(640) > 270
    rows = chance.normal(0, 1, 640)
    own = {
        "rows": rows, "jump": rows + 8 * late, "stays": np.where(late, 1.0, rows), "rare": chance.random(640) < 0.01,
        "slow": np.convolve(chance.normal(0, 1, 680), np.ones(41), "valid"), "days": np.arange(640) // 60 % 7 < 5,
        # of days whose hours come in any order
        "shuffled": np.repeat(chance.normal(0, 1, 27), 24)[:640] + chance.normal(0, 1, 640), "same": np.ones(640),
    }  # fmt: skip
    found = dict(zip(own, lasting(np.column_stack(list(own.values())).astype(float)), strict=True))
    assert all(found[each] < 3 for each in ("rows", "jump", "stays", "rare"))
    assert all(found[each] > 5 for each in ("slow", "days", "shuffled"))
    assert np.isinf(found["same"])
    assert 5.0 <= lasting(np.ones((640, 1)), 5.0)[0] < 8
