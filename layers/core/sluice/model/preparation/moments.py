"""Timestamp columns: parts of the date and of the day in UTC, and their cycles."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from sluice.model.preparation.base import NAN, Form, Part

SECONDS_OF_DAY = 86400.0


class Moment(Form):
    """Hour, weekday (Monday 0), month, and days since the earliest training value."""

    kind = "timestamp"
    _units: tuple[str, ...] = ("hour", "weekday", "month", "days")

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self._origin = float(part["origin"])

    @property
    def names(self) -> list[str]:
        return [f"{self.column}:{unit}" for unit in self._units]

    @property
    def width(self) -> int:
        return len(self._units)

    def write(self, value: float | None, out: list[float], at: int) -> None:
        width = len(self._units)
        out[at : at + width] = [NAN] * width if value is None else self._of(value)

    def _of(self, value: float) -> list[float]:
        moment = datetime.fromtimestamp(value, UTC)
        return [moment.hour, moment.weekday(), moment.month, (value - self._origin) / SECONDS_OF_DAY]


class Calendar(Moment):
    """The same, and the day of the month, the week of the year, the minute of the day, and whether it is a weekend."""

    kind = "calendar"
    _units = (*Moment._units, "day", "week", "minute", "weekend")

    def _of(self, value: float) -> list[float]:
        moment = datetime.fromtimestamp(value, UTC)
        weekday = moment.weekday()
        return [
            moment.hour,
            weekday,
            moment.month,
            (value - self._origin) / SECONDS_OF_DAY,
            moment.day,
            moment.isocalendar().week,
            60 * moment.hour + moment.minute,
            float(weekday >= 5),
        ]


_CYCLES = {"hour": 24, "weekday": 7, "month": 12, "day": 31, "week": 53}
_CIRCLE = {
    unit: [(math.sin(2 * math.pi * i / length), math.cos(2 * math.pi * i / length)) for i in range(length + 1)]
    for unit, length in _CYCLES.items()
}


class Since(Moment):
    """Days since the earliest training value, and whether it is a weekend."""

    kind = "since"
    _units = ("days", "weekend")

    def _of(self, value: float) -> list[float]:
        weekend = datetime.fromtimestamp(value, UTC).weekday() >= 5
        return [(value - self._origin) / SECONDS_OF_DAY, float(weekend)]


class Cycles(Moment):
    """Sine and cosine of hour, weekday, month, day of the month and week: midnight is near 23 h, and December near
    January."""

    kind = "cycles"
    _units = tuple(f"{part}({unit})" for unit in _CYCLES for part in ("sin", "cos"))

    def _of(self, value: float) -> list[float]:
        moment = datetime.fromtimestamp(value, UTC)
        places = (moment.hour, moment.weekday(), moment.month - 1, moment.day - 1, moment.isocalendar().week - 1)
        found: list[float] = []
        for circle, place in zip(_CIRCLE.values(), places):
            found += circle[place]
        return found
