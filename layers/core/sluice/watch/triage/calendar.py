"""Which rows of the reference a window is compared with: those of its times of the year, where there are some.

A window of one week in March differs from a year of training rows in every column that follows the season; nothing has
drifted. If the reference covers a year, each row of the window is compared with reference rows of the same time of the
year. If the window is shorter than five days, only with rows of its weekdays, where enough are left.

The same holds of an afternoon beside whole days. A column that follows the time of the day in the reference is compared
with reference rows of the same time of the day as well.
"""

from __future__ import annotations

import numpy as np

from sluice.watch.triage.window import Window

DAY = 86_400
YEAR = 365.2425 * DAY
FEW_DAYS = 5 * DAY
FEWEST_DAYS = 10
FEWEST = 60
"""Rows without which a narrower comparison says less than a wider one."""
LONG_WINDOW = 0.6
"""The share of the reference's time from which on a window counts as one that has its seasons."""
SEVERAL_YEARS = 1.5
BLOCKS = 24
NEAR = 100
"""Reference rows to either side of a row's time of the year that it is compared with, or 2 % of the reference."""
NEAR_IN_DAY = (20, 100)
"""The same of the time of the day: half an hour's rows to either side, within these bounds."""
FOLLOWED = 0.02
"""The share of a signal's variance that the hours of some days must say about other days, for it to follow the day."""


def weekdays(seconds: np.ndarray) -> np.ndarray:
    """Epoch seconds → weekday; which of them is 0 does not matter."""
    return (seconds // DAY).astype(np.int64) % 7


def knows_seasons(reference: Window) -> bool:
    """Whether the reference's rows have times that cover most of a year."""
    at = reference.arrived
    return at is not None and len(at) > FEWEST and bool(np.isfinite(at).all()) and float(np.ptp(at)) >= 0.6 * YEAR


def of_weekdays(reference: Window, window: Window) -> np.ndarray | None:
    """Places of the reference's rows on the weekdays of a short window; None: all rows."""
    if reference.arrived is None or not knows_seasons(reference) or window.arrived is None or not len(window):
        return None
    if float(np.ptp(window.arrived)) >= FEW_DAYS:
        return None
    places = np.flatnonzero(np.isin(weekdays(reference.arrived), np.unique(weekdays(window.arrived))))
    return places if len(places) >= FEWEST else None


class Season:
    """The reference in the order of the time of the year, or without an order where it does not know the seasons."""

    period: float = YEAR

    def __init__(self, reference: Window) -> None:
        self.rows = len(reference)
        self.known = self._knows(reference)
        if self.known and reference.arrived is not None:
            phase = reference.arrived % self.period
            self.order = np.argsort(phase, kind="stable")
            self.phase = phase[self.order]
        else:
            self.order = np.arange(self.rows)
        self.near = min(self._near(), max(1, self.rows // 2))

    def _knows(self, reference: Window) -> bool:
        return knows_seasons(reference)

    def _near(self) -> int:
        return max(NEAR, self.rows // 50)

    def places(self, arrived: np.ndarray | None) -> np.ndarray | None:
        """Where each row stands in the year's order of the reference; None: anywhere."""
        if not self.known or arrived is None or not np.isfinite(arrived).all():
            return None
        return np.searchsorted(self.phase, arrived % self.period)

    def covers(self, arrived: np.ndarray | None) -> bool:
        """Whether most of these times of the year are within ten days of the reference's; True without seasons."""
        places = self.places(arrived)
        if places is None or arrived is None:
            return True
        phase = arrived % YEAR
        gap = np.minimum(np.abs(self.phase[places % self.rows] - phase), np.abs(self.phase[places - 1] - phase))
        gap = np.minimum(gap, YEAR - gap)
        return float(np.mean(gap < 10 * DAY)) > 0.8

    def expected(self, signals: np.ndarray, places: np.ndarray | None, rows: int) -> np.ndarray:
        """For each of `rows` rows the mean of the reference's `signals` (rows × k, in its own order) near its place."""
        if places is None:
            return np.broadcast_to(signals.mean(axis=0), (rows, signals.shape[1]))
        ordered = signals[self.order]
        around = np.concatenate([ordered[-self.near :], ordered, ordered[: self.near]])
        total = np.vstack([np.zeros(signals.shape[1]), np.cumsum(around, axis=0)])
        return (total[places + 2 * self.near] - total[places]) / (2 * self.near)

    def local(self, places: np.ndarray | None) -> np.ndarray | None:
        """The reference's rows near these places, in its own order; None: all."""
        if places is None or not len(places):
            return None
        edge = np.zeros(self.rows + 2 * self.near + 1)
        np.add.at(edge, places, 1)
        np.add.at(edge, np.minimum(places + 2 * self.near, len(edge) - 1), -1)
        covered = np.cumsum(edge)[:-1] > 0
        inside = covered[self.near : self.near + self.rows].copy()
        inside[-self.near :] |= covered[: self.near]
        inside[: self.near] |= covered[self.near + self.rows :]
        return None if inside.mean() > 0.9 else self.order[inside]


class DayCourse(Season):
    """The reference in the order of the time of the day (UTC), or without an order where it has few days."""

    period = DAY

    def __init__(self, reference: Window) -> None:
        super().__init__(reference)
        at = reference.arrived
        self._hour = (at // 3600).astype(np.int64) % 24 if self.known and at is not None else None
        self._even = (at // DAY).astype(np.int64) % 2 == 0 if self.known and at is not None else None

    def _knows(self, reference: Window) -> bool:
        at = reference.arrived
        return at is not None and len(at) >= 2 * NEAR and bool(np.isfinite(at).all()) and has_days(reference)

    def _near(self) -> int:
        return int(np.clip(self.rows // 48, *NEAR_IN_DAY))

    def places(self, arrived: np.ndarray | None) -> np.ndarray | None:
        """As of a season. Times are often whole hours: the place is the middle of the rows of the same time."""
        first = super().places(arrived)
        if first is None or arrived is None:
            return None
        return (first + np.searchsorted(self.phase, arrived % self.period, side="right")) // 2

    def followed(self, signals: np.ndarray) -> np.ndarray:
        """Which signals of the reference (rows × k, in its own order) follow the time of the day: the means of the
        hours, from every other day, say something of the days between."""
        if self._hour is None or self._even is None or len(signals) != self.rows or not signals.size:
            return np.zeros(signals.shape[1], dtype=bool)
        said = np.full(signals.shape[1], np.inf)
        for learned in (self._even, ~self._even):
            if not learned.any() or learned.all():
                return np.zeros(signals.shape[1], dtype=bool)
            mean = signals[learned].mean(axis=0)
            sums = np.zeros((24, signals.shape[1]))
            np.add.at(sums, self._hour[learned], signals[learned] - mean)
            # a few rows of an hour say little: they count beside ten of the mean
            hours = mean + sums / (np.bincount(self._hour[learned], minlength=24)[:, None] + 10.0)
            others = signals[~learned]
            left = ((others - hours[self._hour[~learned]]) ** 2).sum(axis=0)
            power = ((others - mean) ** 2).sum(axis=0)
            said = np.minimum(said, np.where(power > 0, 1 - left / np.maximum(power, 1e-12), 0.0))
        found: np.ndarray = said > FOLLOWED
        return found


def has_days(window: Window) -> bool:
    """Whether a window has so many whole days that its first and its last one do not count."""
    at = window.arrived
    return at is not None and len(at) > 0 and float(np.ptp(at)) >= FEWEST_DAYS * DAY


def by_days(signals: np.ndarray, reference: Window) -> np.ndarray:
    """How many rows count as one, for each signal that goes through its values within a day: neighbours resemble each
    other, yet whole days are alike. The variance of the means of days ÷ that of as many rows; at least 1."""
    at = reference.arrived
    if at is None or len(at) != len(signals) or not np.isfinite(at).all():
        return np.full(signals.shape[1], np.inf)
    _, day, rows = np.unique(at // DAY, return_inverse=True, return_counts=True)
    usual = rows >= 0.5 * np.median(rows)
    if usual.sum() < FEWEST_DAYS or np.median(rows) < 2:
        return np.full(signals.shape[1], np.inf)
    means = np.stack([np.bincount(day, signal) / rows for signal in signals.T], axis=1)[usual]
    power = np.maximum(signals.var(axis=0), 1e-12)
    found: np.ndarray = np.maximum(1.0, means.var(axis=0) * float(np.mean(rows[usual])) / power)
    return found


def precedents(reference: Window, lasts: float, most: int = 12) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cuts of the reference into (a stretch of `lasts` seconds, all rows without that stretch), as places.

    A stretch has at most a third of the reference. What a stretch of the reference shows against the rest is ordinary.
    For a window that lasts as long as a reference of several years, a stretch is a third of its blocks, in any order:
    both then have every season, as the window and the reference have.

    None where the reference does not know the seasons: its rows have no history.
    """
    if reference.arrived is None or not knows_seasons(reference):
        return []
    order = np.argsort(reference.arrived, kind="stable")
    # in rows, not in time: a reference may have gaps, and in them there would be nothing
    share = lasts / float(np.ptp(reference.arrived))
    found: list[tuple[np.ndarray, np.ndarray]] = []
    if share > LONG_WINDOW and float(np.ptp(reference.arrived)) > SEVERAL_YEARS * YEAR:
        blocks = np.array_split(order, BLOCKS)
        for seed in range(most // 2):
            chosen = np.random.default_rng(seed).permutation(BLOCKS)
            parts = [np.concatenate([blocks[k] for k in np.sort(some)]) for some in np.split(chosen, [BLOCKS // 3])]
            found.append((parts[0], parts[1]))
        return found
    length = max(10, min(len(order) // 3, round(share * len(order))))
    for first in np.linspace(0, len(order) - length, most).astype(np.int64):
        found.append((order[first : first + length], np.concatenate([order[:first], order[first + length :]])))
    return found
