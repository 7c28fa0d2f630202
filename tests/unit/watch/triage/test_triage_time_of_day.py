"""A column that follows the time of the day is no fault in the afternoon, and a fault of it is one at any time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sluice.watch.triage.calendar import DAY
from sluice.watch.triage.judge import judge
from sluice.watch.triage.profile import Profile
from sluice.watch.triage.window import Reason, Window

START = 20_000 * DAY
HOUR = 3_600.0
TYPES = {
    "outside": "number",
    "lamp": "boolean",
    "plan": "category",
    "weight": "number",
    "items": "integer",
    "seen": "timestamp",
}


def days(rows: int, seed: int, begin: float, hours: float) -> Window:
    """Rows at any time: `outside` is warm in the afternoon, the `lamp` is on at night, the rest is as it is."""
    chance = np.random.default_rng(seed)
    at = begin + np.sort(chance.uniform(0, hours * HOUR, rows)).round()
    hour = at % DAY / HOUR
    columns = {
        "outside": np.round(15 + 6 * np.sin((hour - 9) / 24 * 2 * np.pi) + chance.normal(0, 3, rows), 1),
        "lamp": (chance.random(rows) < np.where((hour < 7) | (hour > 19), 0.9, 0.1)).astype(float),
        "plan": chance.choice(np.array(["basic", "gold"], dtype=object), rows),
        "weight": np.round(np.exp(chance.normal(1.0, 0.7, rows)), 1),
        "items": 1.0 + chance.poisson(2, rows),
        "seen": at - chance.exponential(2 * HOUR, rows),
    }
    return Window(columns=columns, types=TYPES, arrived=at, total=rows, usual=float(rows), now=float(at[-1]) + 60)


@pytest.fixture(scope="module")
def month() -> Window:
    return days(5_000, 1, START, 28 * 24)


def put_into(window: Window, **columns: np.ndarray) -> Window:
    return replace(window, columns={**window.columns, **columns})


def later(rows: int, seed: int, hours: float, first: float = 0.0) -> Window:
    return days(rows, seed, START + 28 * DAY + first * HOUR, hours)


def test_the_columns_that_follow_the_day_are_known(month: Window) -> None:
    known = Profile(month)
    names = [*known.numbers, *known.words]
    assert {name for name in names if known.daily(name)} == {"outside", "lamp"}
    few = Profile(days(5_000, 1, START, 5 * 24))
    assert not any(map(few.daily, names)), "five days say little about days"
    assert not any(map(Profile(replace(month, arrived=None)).daily, names))


@pytest.mark.parametrize(("rows", "hours", "first"), [(1_000, 24, 7), (5_000, 24, 0), (5_000, 48, 14), (1_000, 6, 0)])
def test_a_day_and_a_part_of_it_are_no_change(month: Window, rows: int, hours: float, first: float) -> None:
    for seed in (11, 12):
        verdict = judge(month, later(rows, seed, hours, first))
        assert (verdict.answer, verdict.sentence) == ("nothing", "All columns and labels are within chance.")


FAULTS: list[tuple[str, Callable[[np.ndarray], np.ndarray]]] = [
    ("outside", lambda v: v * 1.8 + 32),
    ("outside", np.negative),
    ("outside", lambda v: np.full(len(v), 18.0)),
    ("outside", lambda v: np.where(np.arange(len(v)) % 3 == 0, -999.0, v)),
    ("lamp", lambda v: 1 - v),
    ("weight", lambda v: v * 1000),
]


@pytest.mark.parametrize(("name", "change"), FAULTS)
@pytest.mark.parametrize("hours", [6, 24])
def test_a_fault_of_such_a_column_is_found(
    month: Window, name: str, change: Callable[[np.ndarray], np.ndarray], hours: float
) -> None:
    window = later(1_500, 3, hours)
    verdict = judge(month, put_into(window, **{name: change(window.columns[name])}))
    assert (verdict.answer, verdict.columns) == ("hold", (name,)), verdict.sentence


@pytest.mark.parametrize("hours", [-5.0, -2.0, 1.0, 5.5])
def test_another_time_zone_within_the_usual_distance_of_a_time(month: Window, hours: float) -> None:
    window = later(600, 4, 7 * 24)
    verdict = judge(month, put_into(window, seen=window.columns["seen"] + hours * HOUR))
    assert (verdict.answer, verdict.reason, verdict.columns) == ("hold", Reason.CLOCK, ("seen",))
    assert ("lies in the future" if hours > 0 else f"{hours:+.4g} hours away") in verdict.sentence


def test_late_deliveries_are_no_time_zone(month: Window) -> None:
    window = later(600, 5, 7 * 24)
    late = HOUR + np.random.default_rng(1).exponential(3 * HOUR, len(window))
    verdict = judge(month, put_into(window, seen=window.columns["seen"] - late))
    assert verdict.answer == "nothing"
