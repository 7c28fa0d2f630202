"""What triage knows of a reference: for each column its order, its values, and how it depends on the other columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sluice.watch.triage.calendar import DayCourse, Season
from sluice.watch.triage.clock_columns import ClockValues, clock_values
from sluice.watch.triage.window import Window, absent

LARGEST_VOCABULARY = 400
"""Texts with more different values than this are free text: their values are not categories."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column of numbers. `ordered` are the present values, ascending; `missing` is the share of the others."""

    name: str
    ordered: np.ndarray
    missing: float

    @classmethod
    def of(cls, name: str, values: np.ndarray) -> Numbers:
        present = np.sort(values[~np.isnan(values)])
        return cls(name, present, 1 - len(present) / max(1, len(values)))

    @property
    def rows(self) -> int:
        return len(self.ordered)

    @cached_property
    def unique(self) -> tuple[np.ndarray, np.ndarray]:
        """Different values, ascending, and their shares."""
        values, counts = np.unique(self.ordered, return_counts=True)
        return values, counts / max(1, self.rows)

    @cached_property
    def seen(self) -> float:
        """How probable it is that a new value is one that is in the sample (Good and Turing): 1 − singletons ÷ n."""
        return 1.0 - float((self.unique[1] * self.rows < 1.5).sum()) / max(1, self.rows)

    @cached_property
    def usual(self) -> tuple[float, float]:
        """The most usual value and its share; NaN and 0 without values."""
        values, shares = self.unique
        if not len(values):
            return float("nan"), 0.0
        top = int(shares.argmax())
        return float(values[top]), float(shares[top])

    @cached_property
    def others(self) -> Numbers:
        """The column without its most usual value."""
        return Numbers(self.name, self.ordered[self.ordered != self.usual[0]], self.missing)

    def rank(self, values: np.ndarray) -> np.ndarray:
        """The mid-rank of each value among the reference, 0 to 1; 0.5 for missing values."""
        if not self.rows:
            return np.full(len(values), 0.5)
        left, right = (np.searchsorted(self.ordered, values, side=side) for side in ("left", "right"))
        return np.where(np.isnan(values), 0.5, (left + right) / (2 * self.rows))

    def share_of(self, value: float) -> float:
        """The share of one value, up to the digits of a 32-bit float."""
        slack = 1e-6 * abs(value)
        low, high = np.searchsorted(self.ordered, [value - slack, value + slack + 1e-300])
        return float(high - low) / max(1, self.rows)

    def known(self, values: np.ndarray) -> np.ndarray:
        """Which values occur in the reference, up to the digits of a 32-bit float."""
        unique = self.unique[0]
        if not len(unique):
            return np.zeros(len(values), dtype=bool)
        place = (
            np.clip(np.searchsorted(unique, values), 1, len(unique) - 1)
            if len(unique) > 1
            else np.zeros(len(values), dtype=int)
        )
        near = unique[place]
        if len(unique) > 1:
            below = unique[place - 1]
            near = np.where(np.abs(values - below) < np.abs(values - near), below, near)
        return np.abs(values - near) <= 1e-6 * np.maximum(1e-3, np.abs(near))

    def amid(self, values: np.ndarray) -> np.ndarray:
        """Which values lie where the reference has its rows: in a thin tail, a rare day has values of its own."""
        if not self.rows:
            return np.zeros(len(values), dtype=bool)
        low, high = self.ordered[[self.rows // 100, self.rows - 1 - self.rows // 100]]
        found: np.ndarray = (values > low) & (values < high)
        return found

    @cached_property
    def scales(self) -> tuple[float, float, float, float]:
        """Mean and deviation of the rank, and of its distance from the middle."""
        rank = self.rank(self.ordered)
        away = np.abs(rank - 0.5)
        if not self.rows:
            return 0.5, 1.0, 0.25, 1.0
        return float(rank.mean()), max(float(rank.std()), 0.02), float(away.mean()), max(float(away.std()), 0.02)


@dataclass(frozen=True, eq=False)
class Words:
    """A column of categories, texts or booleans: its values with their shares of the rows that have one."""

    name: str
    shares: dict[str, float]
    missing: float
    rows: int
    singletons: float

    @classmethod
    def of(cls, name: str, words: np.ndarray) -> Words:
        counts = counts_of(words)
        total = sum(counts.values())
        shares = {word: count / total for word, count in sorted(counts.items(), key=lambda each: -each[1])}
        singletons = sum(count == 1 for count in counts.values()) / max(1, total)
        return cls(name, shares, 1 - total / max(1, len(words)), total, singletons)

    @property
    def free(self) -> bool:
        return len(self.shares) > LARGEST_VOCABULARY


def words_of(values: np.ndarray) -> np.ndarray:
    """A column as texts and None, also where it holds booleans as numbers."""
    if values.dtype == object:
        return values
    found = np.full(len(values), None, dtype=object)
    found[values == 1] = "true"
    found[values == 0] = "false"
    return found


def counts_of(words: np.ndarray) -> dict[str, int]:
    counts = dict(Counter(words.tolist()))
    counts.pop(None, None)
    return counts


def known_to(words: np.ndarray, known: Mapping[Any, Any]) -> np.ndarray:
    """Which words are keys."""
    return np.fromiter(map(known.__contains__, words.tolist()), bool, len(words))


def strange_to(words: np.ndarray, known: Mapping[Any, Any]) -> np.ndarray:
    """Which words are present and no keys."""
    found: np.ndarray = ~(known_to(words, known) | absent(words))
    return found


class Profile:
    """The reference as triage compares with it. `window` has the rows themselves. `clock` is given of a reference that
    is a part of another one."""

    def __init__(self, window: Window, clock: dict[str, ClockValues] | None = None) -> None:
        self.window = window
        self._clock = clock
        self.season = Season(window)
        self.day = DayCourse(window)
        self._daily: dict[str, bool] = {}
        self.precedents: dict[int, list[Any]] = {}
        self.kept: dict[str, dict[str, np.ndarray]] = {}
        self.numbers: dict[str, Numbers] = {}
        self.words: dict[str, Words] = {}
        for name in window.numbers:
            values = window.columns[name]
            self.numbers[name] = Numbers.of(name, values)
        for name in [*window.texts, *window.flags]:
            self.words[name] = Words.of(name, words_of(window.columns[name]))

    def daily(self, name: str) -> bool:
        """Whether a column's values, or whether it has one, follow the time of the day."""
        if name not in self._daily:
            values = self.window.columns[name]
            found = [absent(values).astype(np.float64)]
            if name in self.numbers:
                rank = self.numbers[name].rank(values)
                found += [rank, np.abs(rank - 0.5)]
            else:
                words = words_of(values)
                found += [np.equal(words, word).astype(np.float64) for word in list(self.words[name].shares)[:6]]
            self._daily[name] = bool(self.day.followed(np.column_stack(found)).any())
        return self._daily[name]

    @cached_property
    def any_daily(self) -> bool:
        return any(map(self.daily, [*self.numbers, *self.words]))

    @cached_property
    def dependence(self) -> Dependence:
        return Dependence(self)

    @cached_property
    def clock(self) -> dict[str, ClockValues]:
        """Columns that the clock gives (`clock_values`)."""
        return clock_values(self.window) if self._clock is None else self._clock


class Dependence:
    """How the columns depend on each other: correlations of ranks and of frequent categories.

    `features(window)` are columns with mean 0 and deviation 1 in the reference: the rank of each number, and an
    indicator for each frequent category. `matrix` has their correlations in the reference without those within a
    column and without those within chance. The score of a row and a column, Σ over the column's features f and the
    other columns' features g of z_f · matrix_fg · z_g, has the mean `strength` in the reference and 0 where the column
    belongs to other rows.
    """

    def __init__(self, profile: Profile) -> None:
        self.owners: list[str] = []
        self._make: list[tuple[str, Callable[[np.ndarray], np.ndarray], float, float]] = []
        for name, column in profile.numbers.items():
            if column.rows and len(column.unique[0]) > 1:
                mean, spread, _, _ = column.scales
                self._add(name, column.rank, mean, spread)
                values, shares = column.unique
                if 3 <= len(values) <= 12:  # small whole numbers may be codes, whose order means nothing
                    for value, share in sorted(zip(values, shares, strict=True), key=lambda each: -each[1])[:6]:
                        if share >= 0.03:
                            self._add(name, _equals(float(value)), float(share), float(np.sqrt(share * (1 - share))))
        for name, words in profile.words.items():
            if words.free:
                continue
            frequent = [word for word, share in words.shares.items() if 0.03 <= share <= 0.97][:6]
            if len(words.shares) == 2:
                frequent = frequent[:1]
            for word in frequent:
                share = words.shares[word]
                self._add(name, _is(word), share, float(np.sqrt(share * (1 - share))))
        features = self.features(profile.window)
        rows = max(1, len(features))
        self.features_of_reference = features
        self.correlation = features.T @ features / rows
        matrix = self.correlation.copy()
        owner = np.array(self.owners)
        matrix[owner[:, None] == owner[None, :]] = 0
        matrix[np.abs(matrix) < 4 / np.sqrt(rows)] = 0
        self.matrix = matrix
        self.columns = list(dict.fromkeys(self.owners))
        self.starts = np.array([self.owners.index(name) for name in self.columns], dtype=np.int64)
        scores = self.scores(features)
        self.strength = scores.mean(axis=0) if rows > 1 else np.zeros(len(self.columns))
        self.spread = np.maximum(scores.std(axis=0), 1e-9) if rows > 1 else np.ones(len(self.columns))

    def _add(self, name: str, make: Callable[[np.ndarray], np.ndarray], mean: float, spread: float) -> None:
        self.owners.append(name)
        self._make.append((name, make, mean, spread))

    def features(self, window: Window) -> np.ndarray:
        if not self._make:
            return np.zeros((len(window), 0))
        found = np.empty((len(window), len(self._make)))
        for place, (name, make, mean, spread) in enumerate(self._make):
            values = window.columns[name]
            made = (make(values) - mean) / spread
            missing = absent(values)
            found[:, place] = np.where(missing, 0.0, made)
        return found

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Rows × columns."""
        if not self.columns:
            return np.zeros((len(features), 0))
        return np.add.reduceat(features * (features @ self.matrix), self.starts, axis=1)

    def pairs(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each pair of columns: the slope of its correlations on those of the reference (1: as usual, 0: gone,
        −1: reversed), and the standard error of that slope. Infinite error where the reference has no dependence."""
        now = features.T @ features / max(1, len(features))
        sums = np.add.reduceat(np.add.reduceat(now * self.matrix, self.starts, axis=0), self.starts, axis=1)
        base = np.add.reduceat(np.add.reduceat(self.matrix**2, self.starts, axis=0), self.starts, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(base > 0, sums / base, np.nan)
            error = np.where(base > 0, 1 / np.sqrt(base * max(1, len(features))), np.inf)
        return slope, error


def _equals(value: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: (values == value).astype(np.float64)


def _is(word: str) -> Callable[[np.ndarray], np.ndarray]:
    flag = {"true": 1.0, "false": 0.0}.get(word)

    def make(values: np.ndarray) -> np.ndarray:
        wanted: Any = word if values.dtype == object else flag
        return np.equal(values, wanted).astype(np.float64)

    return make
