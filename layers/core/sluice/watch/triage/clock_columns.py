"""Columns that say what the clock says: the hour, the weekday, the month or the year of a row's arrival.

Where such a column still agrees with the arrivals, its values are right, whatever their distribution: rows come at
other times. Where it no longer does, its values belong to other rows.
"""

from __future__ import annotations

import numpy as np

from sluice.watch.triage.window import Window

PURE = 0.985
"""The share of reference rows from which on a unit of the clock gives a column's value."""
TELLING = 0.2
"""The usual value alone must be wrong at least 1 ÷ 0.2 times as often."""
MAX_VALUES = 60


def units(arrived: np.ndarray) -> dict[str, np.ndarray]:
    """Epoch seconds → whole numbers for each unit of the clock."""
    moment = arrived.astype("datetime64[s]")
    month = moment.astype("datetime64[M]").astype(np.int64)
    return {
        "hour": (arrived // 3600).astype(np.int64) % 24,
        "weekday": (arrived // 86_400).astype(np.int64) % 7,
        "month": month % 12,
        "year": month // 12,
    }


ClockValues = tuple[str, dict[int, object], float]
"""(unit of the clock, its number → the column's value, share of the reference's rows that agree)."""


def clock_values(reference: Window) -> dict[str, ClockValues]:
    """Columns that follow a unit of the clock."""
    at = reference.arrived
    if at is None or len(at) < 200 or not np.isfinite(at).all():
        return {}
    found: dict[str, ClockValues] = {}
    clock = units(at)
    for name in [*reference.numbers, *reference.texts, *reference.flags]:
        values = reference.columns[name]
        known, codes = np.unique(values.astype(str) if values.dtype == object else values, return_inverse=True)
        if not 2 <= len(known) <= MAX_VALUES:
            continue
        usual = float(np.bincount(codes).max()) / len(codes)
        for unit, numbers in clock.items():
            seen, place = np.unique(numbers, return_inverse=True)
            table = np.zeros((len(seen), len(known)))
            np.add.at(table, (place, codes), 1)
            pure = float(table.max(axis=1).sum()) / len(codes)
            if len(seen) > 1 and pure >= PURE and 1 - pure < TELLING * (1 - usual):
                best = table.argmax(axis=1)
                found[name] = unit, {int(each): known[k] for each, k in zip(seen, best, strict=True)}, pure
                break
    return found


def agreeing(window: Window, name: str, unit: str, values: dict[int, object]) -> np.ndarray | None:
    """Which rows of the window have the value that the clock gives; None if their units are mostly unknown."""
    if window.arrived is None or not np.isfinite(window.arrived).all():
        return None
    column = window.columns[name]
    numbers = units(window.arrived)[unit]
    present = column.astype(str) if column.dtype == object else column
    seen, place = np.unique(numbers, return_inverse=True)
    known = np.array([int(each) in values for each in seen])[place]
    if not len(known) or known.mean() < 0.9:
        return None
    expected = np.array([values.get(int(each), present[0]) for each in seen], dtype=present.dtype)[place]
    agrees: np.ndarray = (expected == present) | ~known
    return agrees
