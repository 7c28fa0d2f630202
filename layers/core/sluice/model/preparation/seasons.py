"""The seasons of the time column (`features.time: seasonal`): hour of the day, weekday and month, in UTC, and nothing
that counts on. A tree or a line that had the date itself would learn the past by heart and know nothing of later rows.

A part is a season only if the training rows have seen it come back: each of its values, taken together, in at least two
different periods, as Mondays in two weeks. Before that, "December" is another word for "the last rows".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from sluice.model.preparation.base import NAN, Form, Part

DAY = 86400
MIN_PERIODS = 2.0
"""Periods in which a value of a part must have been seen, on average over its values."""
_MINUTES_OF_DAY = 1440
_MONDAY = 3
"""Days from a Monday to 1 January 1970, a Thursday."""


class _Cycle(NamedTuple):
    """`steps`: the places that a period has; `harmonics`: how many waves describe it, where waves do."""

    unit: str
    period: str
    seconds: float
    steps: int
    harmonics: int


_CYCLES = (
    _Cycle("hour", "day", DAY, _MINUTES_OF_DAY, 4),
    _Cycle("weekday", "week", 7 * DAY, 7, 3),
    _Cycle("month", "year", 365.25 * DAY, 12, 2),
)
UNITS = tuple(cycle.unit for cycle in _CYCLES)
_BY_UNIT = {cycle.unit: cycle for cycle in _CYCLES}


class Seasons(NamedTuple):
    """`units`: parts of the time that are features; `left_out`: part → why it is none."""

    units: list[str]
    left_out: dict[str, str]


def seasons_of(times: Sequence[float | None]) -> Seasons:
    """What repeats in the training rows' times, in seconds since 1970; None is missing."""
    known = np.unique(np.array([time for time in times if time is not None], dtype=np.float64))
    step = float(np.median(np.diff(known))) if len(known) > 1 else math.inf
    found = Seasons([], {})
    for cycle in _CYCLES:
        if why := _why_not(cycle, known, step):
            found.left_out[cycle.unit] = why
        else:
            found.units.append(cycle.unit)
    return found


def _why_not(cycle: _Cycle, times: np.ndarray, step: float) -> str | None:
    if step >= cycle.seconds:
        return f"the times have one value a {cycle.period} or fewer"
    values, periods = _places(cycle.unit, times)
    different = np.unique(values)
    if len(different) < 2:
        return "it is the same at all times"
    seen = len(np.unique(periods * cycle.steps + values)) / len(different)
    if seen < MIN_PERIODS:
        return f"its values are seen in {seen:.1f} {cycle.period}s on average, fewer than {MIN_PERIODS:g}"
    return None


def _places(unit: str, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of each time in whole units, and the number of the period that the time lies in."""
    seconds = np.floor(times).astype(np.int64)
    days = seconds // DAY
    if unit == "hour":
        return seconds % DAY // 3600, days
    if unit == "weekday":
        return (days + _MONDAY) % 7, (days + _MONDAY) // 7
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months % 12, months // 12


def values_of(times: Sequence[float | None]) -> dict[str, list[float | None]]:
    """Part → its values as trees learn from them, of the parts that are features; None is missing."""
    units = seasons_of(times).units
    rows = [None if time is None else [_plain(unit, _place(unit, time)) for unit in units] for time in times]
    return {unit: [None if row is None else row[at] for row in rows] for at, unit in enumerate(units)}


def _place(unit: str, time: float) -> int:
    """The minute of the day, the weekday from Monday on, or the month from January on; from 0."""
    second = math.floor(time)  # a moment before midnight is not yet the next day
    if unit == "hour":
        return second % DAY // 60
    if unit == "weekday":
        return (second // DAY + _MONDAY) % 7
    return datetime.fromtimestamp(second, UTC).month - 1


def _plain(unit: str, place: int) -> float:
    return {"hour": place / 60, "weekday": float(place), "month": place + 1.0}[unit]


class SeasonalForm(Form):
    """Each part has a table: its place in the period → the matrix columns."""

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self._units: list[str] = [unit for unit in part["units"] if _BY_UNIT[unit]]
        self._tables = [self._table(unit) for unit in self._units]

    def _table(self, unit: str) -> Sequence[tuple[float, ...]]:
        raise NotImplementedError

    @property
    def width(self) -> int:
        return sum(len(table[0]) for table in self._tables)

    def write(self, value: Any, out: list[float], at: int) -> None:
        if value is None:
            out[at : at + self.width] = [NAN] * self.width
            return
        for unit, table in zip(self._units, self._tables):
            found = table[_place(unit, value)]
            out[at : at + len(found)] = found
            at += len(found)


class Seasonal(SeasonalForm):
    """Hour with its minutes as a fraction, weekday (Monday 0), month: for trees."""

    kind = "seasonal"

    def _table(self, unit: str) -> Sequence[tuple[float, ...]]:
        return _plain_table(unit)

    @property
    def names(self) -> list[str]:
        return [f"{self.column}:{unit}" for unit in self._units]


class Waves(SeasonalForm):
    """Fourier terms of each part: midnight is near 23 h, and sums of waves take any shape. `harmonics`: the most
    of a part; in a space of distances one, so that the column counts once."""

    kind = "waves"

    def __init__(self, part: Part) -> None:
        self._most = int(part["harmonics"])
        super().__init__(part)

    def _table(self, unit: str) -> Sequence[tuple[float, ...]]:
        return _wave_table(unit, self._harmonics(unit))

    def _harmonics(self, unit: str) -> int:
        return min(self._most, _BY_UNIT[unit].harmonics)

    @property
    def names(self) -> list[str]:
        return [
            f"{self.column}:{wave}({harmonic}*{unit})"
            for unit in self._units
            for harmonic in range(1, self._harmonics(unit) + 1)
            for wave in ("sin", "cos")
        ]


@lru_cache
def _plain_table(unit: str) -> list[tuple[float, ...]]:
    return [(_plain(unit, place),) for place in range(_BY_UNIT[unit].steps)]


@lru_cache
def _wave_table(unit: str, harmonics: int) -> list[tuple[float, ...]]:
    steps = _BY_UNIT[unit].steps
    return [
        tuple(
            wave(2 * math.pi * harmonic * place / steps)
            for harmonic in range(1, harmonics + 1)
            for wave in (math.sin, math.cos)
        )
        for place in range(steps)
    ]


def fit_seasonal(name: str, times: Sequence[float | None], encoding: str) -> dict[str, Any]:
    """The part of the time column, learned from all training times, for the family's `encoding`."""
    found = seasons_of(times)
    part: dict[str, Any] = {"column": name, "units": found.units, "left_out": found.left_out}
    if encoding == "ordinal":
        return {**part, "kind": Seasonal.kind}
    most = 1 if encoding == "space" else max(cycle.harmonics for cycle in _CYCLES)
    return {**part, "kind": Waves.kind, "harmonics": most}
