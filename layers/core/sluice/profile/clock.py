"""Columns that say what time it is. A short window has few of their values, and that is not a drift.

Without times of the training rows nothing else tells such a column: its values in the baseline have the range of hours,
weekdays or months, and in the window they follow the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sluice.model.values import finite
from sluice.profile.seasons import DAY, hours, weekdays
from sluice.records.baseline import BaselineColumn, CategoryColumn

ALMOST = 0.95
"""Share of the rows that must follow the clock."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LETTERS = 3


def follows_clock(column: BaselineColumn, values: Sequence[Any], times: np.ndarray) -> str | None:
    """`hour`, `weekday` or `month` if a column says it. `values`: of some rows, whose times are seconds since 1970."""
    some = [place for place, value in enumerate(values) if value is not None]
    if not some or len(times) != len(values):
        return None
    at = times[some]
    if isinstance(column, CategoryColumn):
        names = set(column.shares)
        texts = [str(values[place]).strip().lower()[:_LETTERS] for place in some]
        for named, known, place in (("month", _MONTHS, months(at)), ("weekday", _WEEKDAYS, weekdays(at))):
            fits = all(name.strip().lower()[:_LETTERS] in known for name in names) and len(names) > 2
            if fits and _share(text == known[each] for text, each in zip(texts, place.tolist())) >= ALMOST:
                return named
        numbers = [_whole(name) for name in names]
        if any(number is None for number in numbers):
            return None
        span = (min(n for n in numbers if n is not None), max(n for n in numbers if n is not None), len(names))
    else:
        if not column.edges:
            return None
        span = (column.edges[0], column.edges[-1], len(column.shares))
    found = np.array([np.nan if (n := _whole(values[place])) is None else n for place in some])
    return _of_numbers(span, found, at)


def _of_numbers(span: tuple[float, float, int], found: np.ndarray, at: np.ndarray) -> str | None:
    low, high, _ = span
    several_hours = len(np.unique(hours(at))) >= _LETTERS
    if 0 <= low <= 1 and 23 <= high <= 24 and several_hours and _turned(found, hours(at), 24) >= ALMOST:
        return "hour"
    if 0 <= low <= 1 and low + 6 == high:
        days = len(np.unique(at // DAY))
        if days >= 2 and _turned(found, weekdays(at), 7) >= ALMOST:
            return "weekday"
        # of one day only the usual numbers of a weekday say so: from Monday or Sunday, from 0 or 1
        usual = [(weekdays(at) + turn) % 7 + low for turn in (0, 1)]
        if days == 1 and max(_share((found == each).tolist()) for each in usual) >= ALMOST:
            return "weekday"
    if 0 <= low <= 1 and low + 11 == high and _share((found == months(at) + low).tolist()) >= ALMOST:
        return "month"
    return None


def months(times: np.ndarray) -> np.ndarray:
    """0 is January."""
    return np.array([datetime.fromtimestamp(each, UTC).month - 1 for each in times.tolist()], dtype=np.int64)


def _turned(found: np.ndarray, clock: np.ndarray, around: int) -> float:
    """The share of rows whose value is the clock's, turned by the most frequent number: a time zone, or a first day."""
    turns = (found - clock) % around
    known = turns[~np.isnan(turns)]
    return float(np.unique(known, return_counts=True)[1].max() / len(found)) if len(known) else 0.0


def _whole(value: Any) -> float | None:
    try:
        number = finite(float(value)) if isinstance(value, str) else finite(value)
    except ValueError:
        return None
    return number if number is not None and number == int(number) else None


def _share(hits: Any) -> float:
    told = list(hits)
    return sum(told) / len(told)
