"""What the reference expects of a window at its time: of such hours, weekdays and times of the year.

A window of one day has one weekday and the weather of that day; a year of training rows has all of them. So each row of
the reference that lies near the window's time of the year counts with the share that its hour and weekday have in the
window. Columns of the calendar, and those that follow it, are then as they were expected.

Rows of one day resemble each other beyond that: a day is one draw of the weather, however many rows it has. How much is
measured in the reference, as the correlation ρ within its days (its weeks, for windows of weeks). n rows in blocks of m
say as much as n ÷ (1 + (m - 1)·ρ) rows that are independent: Kish, Survey Sampling, 1965; for tests of shares Rao and
Scott, Journal of the American Statistical Association 76, 1981.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sluice.profile.drift import Expected, placer
from sluice.records.baseline import Baseline

HOUR, DAY = 3_600.0, 86_400.0
YEAR = 365.2425 * DAY
NEAR = 21 * DAY
"""Rows of the reference this near to the window in the year are of its season."""
FEWEST = 100
"""Independent rows of the reference without which a narrower comparison says less than a wider one."""
OF_A_KIND = 3
"""Rows of the reference that an hour or weekday needs, to be expected from them."""
COVERED = 0.95
BLOCKS = 4
_CERTAIN = 3.0
"""Standard deviations beyond which rows of a block resemble each other more than chance makes them."""


@dataclass(frozen=True)
class Season:
    """`columns`: what the reference expects of each; `rows` of it are compared; `of`: what they have in common."""

    columns: dict[str, Expected]
    rows: int
    of: str


class Reference:
    """Rows of the reference with their times (seconds since 1970)."""

    def __init__(self, baseline: Baseline, rows: Sequence[Mapping[str, Any]], times: np.ndarray) -> None:
        self.times = times
        self._places: dict[str, tuple[np.ndarray, int]] = {}
        for name, column in baseline.columns.items():
            place, bins = placer(column)
            self._places[name] = np.array([place(row.get(name)) for row in rows], dtype=np.int64), bins

    @property
    def usable(self) -> bool:
        """Whether there are enough rows and days to expect something of a time."""
        return len(self.times) >= 2 * FEWEST and float(np.ptp(self.times)) >= 2 * DAY

    def season(self, window: np.ndarray, total: int) -> Season | None:
        """What is expected of a window of `total` rows, `window` being the times of a uniform sample of them."""
        if not self.usable or not len(window):
            return None
        near, of_year = self._near(window)
        chosen = _weights(self.times[near], window)
        if chosen is None:
            return None
        weights, kinds, named = chosen
        days = int(np.clip(np.ceil((np.ptp(window) + 1) / DAY), 1, 7))
        blocks = np.unique(self.times[near] // (days * DAY), return_inverse=True)[1]
        _, of_window = np.unique(window // (days * DAY), return_counts=True)
        size = float((of_window**2).sum() / of_window.sum()) * total / len(window)
        of_reference = np.bincount(blocks)
        its_size = float((of_reference**2).sum() / of_reference.sum())
        independent = 1 / float((weights**2).sum())
        found = {}
        for name, (places, bins) in self._places.items():
            own = places[near]
            alike = _alike(own, bins, kinds, blocks)
            found[name] = Expected(
                np.bincount(own, weights=weights, minlength=bins).tolist(),
                independent / (1 + max(0.0, its_size - 1) * alike),
                1 / (1 + max(0.0, size - 1) * alike),
            )
        common = [*(["the time of the year"] if of_year else []), *named]
        return Season(found, int(near.sum()), " and ".join(common) or "any time")

    def _near(self, window: np.ndarray) -> tuple[np.ndarray, bool]:
        """Which rows are of the window's season, and whether that leaves some out."""
        every = np.ones(len(self.times), dtype=bool)
        length = float(np.ptp(window))
        if np.ptp(self.times) < 0.9 * YEAR or length + 2 * NEAR >= YEAR:
            return every, False
        since = (self.times - float(window.min()) + NEAR) % YEAR
        near = since <= length + 2 * NEAR
        return (near, True) if near.sum() >= FEWEST else (every, False)


def _weights(times: np.ndarray, window: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]] | None:
    """(weight of each row, which adds up to 1; its kind of time; what a kind is), by the finest kinds that allow it."""
    for kind, named in _KINDS:
        own, theirs = kind(times), kind(window)
        number = int(max(own.max(), theirs.max())) + 1
        of_reference = np.bincount(own, minlength=number)
        shares = np.bincount(theirs, minlength=number) / len(theirs)
        some = of_reference >= OF_A_KIND
        if shares[some].sum() < COVERED:
            continue
        weights = np.where(some, shares / np.maximum(of_reference, 1), 0.0)[own]
        weights = weights / weights.sum()
        if 1 / float((weights**2).sum()) >= FEWEST:
            return weights, own, named
    return None


def hours(times: np.ndarray) -> np.ndarray:
    return (times // HOUR).astype(np.int64) % 24


def weekdays(times: np.ndarray) -> np.ndarray:
    """0 is Monday: 1970 began with a Thursday."""
    return ((times // DAY).astype(np.int64) + 3) % 7


def _weekends(times: np.ndarray) -> np.ndarray:
    return (weekdays(times) >= 5).astype(np.int64)


_KINDS: tuple[tuple[Callable[[np.ndarray], np.ndarray], list[str]], ...] = (
    (lambda times: hours(times) * 7 + weekdays(times), ["the hour", "the weekday"]),
    (lambda times: hours(times) * 2 + _weekends(times), ["the hour", "weekends"]),
    (weekdays, ["the weekday"]),
    (hours, ["the hour"]),
    (_weekends, ["weekends"]),
    (lambda times: np.zeros(len(times), dtype=np.int64), []),
)


def _alike(places: np.ndarray, bins: int, kinds: np.ndarray, blocks: np.ndarray) -> float:
    """ρ of one column: how much rows of a block resemble each other beyond what their kind of time explains (ANOVA)."""
    rows, number = len(places), int(blocks.max()) + 1
    if number < BLOCKS or rows <= number:
        return 0.0
    of_kind = np.bincount(kinds * bins + places, minlength=(int(kinds.max()) + 1) * bins).reshape(-1, bins)
    means = of_kind / np.maximum(of_kind.sum(axis=1, keepdims=True), 1)
    sizes = np.bincount(blocks)
    seen = np.bincount(blocks * bins + places, minlength=number * bins).reshape(number, bins)
    expected = np.column_stack([np.bincount(blocks, weights=means[kinds, each]) for each in range(bins)])
    between = float((((seen - expected) ** 2).sum(axis=1) / sizes).sum())
    every = float((1 - 2 * means[kinds, places] + (means[kinds] ** 2).sum(axis=1)).sum())
    mean_between, mean_within = between / (number - 1), max(0.0, every - between) / (rows - number)
    used = int((np.bincount(places, minlength=bins) > 0).sum())
    by_chance = 1 + _CERTAIN * np.sqrt(2 / ((number - 1) * max(1, used - 1)))
    if mean_between <= by_chance * mean_within or not mean_between:
        return 0.0
    size = (rows - float((sizes**2).sum()) / rows) / (number - 1)
    return float(np.clip((mean_between - mean_within) / (mean_between + (size - 1) * mean_within), 0.0, 1.0))
