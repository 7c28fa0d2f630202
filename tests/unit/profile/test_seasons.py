"""The reference at a window's time: calendars and the weather of one day are no drift; a change of a column is one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sluice.profile import drift
from sluice.profile.clock import follows_clock
from sluice.profile.course import course_of
from sluice.profile.seasons import DAY, HOUR, Reference, hours, weekdays
from sluice.records.baseline import Baseline, CategoryColumn, NumberColumn

START = 1_293_840_000.0  # 2011-01-01, a Saturday


def made(first: int, days: int, seed: int, shift: float = 0.0) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Hours of some days of a year: its calendar, a temperature with a season and a weather, and a price of chance."""
    random = np.random.default_rng(seed)
    times = START + first * DAY + np.arange(days * 24) * HOUR
    weather = np.repeat(random.standard_normal(days), 24)
    season = 10 * np.sin(2 * math.pi * (times - START) / (365 * DAY))
    rows = [
        {"hour": int(h), "weekday": int(w), "warmth": float(t), "price": float(p) + shift}
        for h, w, t, p in zip(
            hours(times), weekdays(times), season + 3 * weather, random.normal(size=days * 24), strict=True
        )
    ]
    return rows, times


def number(values: list[float]) -> dict[str, Any]:
    edges = np.unique(np.quantile(values, np.linspace(0, 1, 11)))
    counts = np.histogram(values, edges)[0]
    return {"type": "number", "edges": edges.tolist(), "shares": (counts / len(values)).tolist(), "missing": 0.0}


ROWS, TIMES = made(0, 365, 1)
BASELINE = Baseline.of({"columns": {name: number([row[name] for row in ROWS]) for name in ROWS[0]}, "rows": 8760}, "")
CHOSEN = np.sort(np.random.default_rng(0).permutation(len(ROWS))[:4000])
REFERENCE = Reference(BASELINE, [ROWS[at] for at in CHOSEN], TIMES[CHOSEN])


def counted(rows: list[dict[str, Any]]) -> dict[str, Any]:
    told = {}
    for name, column in BASELINE.columns.items():
        place, bins = drift.placer(column)
        counts = np.bincount([place(row[name]) for row in rows], minlength=bins).tolist()
        told[name] = {"type": "number", "bins": counts[:-1], "missing": counts[-1]}
    return told


def significant(rows: list[dict[str, Any]], times: np.ndarray, reference: Reference | None = REFERENCE) -> set[str]:
    season = reference.season(times, len(rows)) if reference else None
    found = drift.compare_profile(BASELINE, counted(rows), 0.001, season.columns if season else None)
    return {name for name, each in found.items() if each.psi > 0.2 and each.significant}


def test_ordinary_days_and_weeks_of_the_next_year_are_no_drift() -> None:
    rung: dict[int, list[set[str]]] = {1: [], 7: []}
    without = 0
    for days in rung:
        for first in range(365, 700, 16 if days == 1 else 48):
            rows, times = made(first, days, first)
            rung[days].append(significant(rows, times))
            without += bool(significant(rows, times, None))
    assert without > 20, "without the season each of them is a drift"
    assert [each for found in rung.values() for each in found if each] == []


@pytest.mark.parametrize("days", [7, 30])
def test_a_price_that_moved_is_a_drift(days: int) -> None:
    rows, times = made(400, days, 3, shift=1.0)
    assert significant(rows, times) == {"price"}


def test_the_bins_of_a_value_are_those_of_the_profile() -> None:
    columns = [
        NumberColumn(type="number", edges=[0, 1, 2], shares=[0.5, 0.5], missing=0.1),
        NumberColumn(type="number", edges=[3, 3], shares=[1.0], missing=0.0),
        NumberColumn(type="number", edges=[], shares=[], missing=1.0),
        CategoryColumn(type="category", shares={"a": 0.6, "b": 0.395, "rare": 0.005}, missing=0.0),
        CategoryColumn(type="category", shares={"true": 0.5, "false": 0.5}, missing=0.0),
    ]
    values = [None, -1, 0, 0.5, 1, 2, 3, "2", "a", " b ", "rare", "new", True, "no", 1, float("nan")]
    for column in columns:
        place, bins = drift.placer(column)
        baseline = Baseline(columns={"x": column}, rows=10)
        for value in values:
            _, counts = drift._bins(baseline.columns["x"], [{"x": value}], "x")
            assert len(counts) == bins
            assert counts[place(value)] == 1, (column, value)


def test_calendars_are_known_by_the_clock() -> None:
    rows, times = made(400, 1, 3)
    zone = [{**row, "hour": (row["hour"] + 5) % 24} for row in rows]
    constant = [{**row, "hour": 3, "weekday": (row["weekday"] + 3) % 7} for row in rows]

    def known(of: list[dict[str, Any]]) -> dict[str, str]:
        found = {name: follows_clock(c, [row[name] for row in of], times) for name, c in BASELINE.columns.items()}
        return {name: said for name, said in found.items() if said}

    assert known(rows) == {"hour": "hour", "weekday": "weekday"}
    assert known(zone) == {"hour": "hour", "weekday": "weekday"}
    assert known(constant) == {}
    months = CategoryColumn(type="category", shares={"Feb": 0.5, "Mar": 0.3, "June": 0.2}, missing=0.0)
    assert follows_clock(months, ["Feb"] * len(rows), times) == "month"
    assert follows_clock(months, ["Mar"] * len(rows), times) is None


def test_a_step_a_slope_and_what_began_before_are_told_apart() -> None:
    column = NumberColumn(type="number", edges=[0, 1, 2], shares=[0.5, 0.5], missing=0.0)

    def course(shares: list[float]) -> Any:
        random = np.random.default_rng(5)
        told = []
        for place, share in enumerate(shares):
            high = int(random.binomial(400, share))
            told.append({"hour": f"h{place:02}", "columns": {"x": {"bins": [400 - high, high], "missing": 0}}})
        found = course_of("x", column, [0.5, 0.5, 0.0], told)
        return found and (found.kind, found.since)

    assert course([0.5] * 10 + [0.8] * 14) == ("sudden", "h10")
    assert course([0.5 + 0.45 * at / 24 for at in range(24)]) == ("gradual", None)
    assert course([0.8] * 24) == ("throughout", None)
    assert course([0.8] * 3) is None
