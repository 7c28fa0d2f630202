"""What is counted of a column of numbers, batch by batch: moments, a histogram, frequent values and distinct ones.

Each batch is sorted once, which gives its histogram, its distinct values and their counts. Moments merge by the formula
of Chan, Golub and LeVeque (Updating formulae and a pairwise algorithm for computing sample variances, 1979).
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from sluice.model.values import category_text, finite
from sluice.profile.distinct import Distinct, hash_numbers
from sluice.profile.histogram import GAMMA

MAX_COUNTED = 256
_LOG = math.log(GAMMA)
_LOWEST, _HIGHEST = math.ceil(math.log(5e-324) / _LOG) - 1, math.ceil(math.log(1.7976931348623157e308) / _LOG)


class Moments:
    def __init__(self) -> None:
        self.n = 0
        self.min = self.max = self.mean = self.m2 = 0.0

    def add(self, values: np.ndarray) -> None:
        """`values`: finite numbers."""
        if not len(values):
            return
        n = len(values)
        other = Moments()
        other.n, other.min, other.max = n, float(values.min()), float(values.max())
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(values.mean())
            # the sum of the largest numbers overflows
            other.mean = mean if math.isfinite(mean) else float((values / n).sum())
            deviations = values - other.mean
            other.m2 = float(np.dot(deviations, deviations))
        self.merge(other)

    def merge(self, other: Moments) -> None:
        if not self.n or not other.n:
            if other.n:
                self.__dict__.update(other.__dict__)
            return
        n = self.n + other.n
        delta = other.mean - self.mean
        self.m2 += other.m2 + delta * delta * (self.n * (other.n / n))
        self.mean = self.mean * (self.n / n) + other.mean * (other.n / n)
        self.min, self.max, self.n = min(self.min, other.min), max(self.max, other.max), n

    def to_json(self) -> dict[str, Any]:
        if not self.n:
            return {"n": 0, "min": None, "max": None, "mean": None, "m2": None}
        return {"n": self.n, "min": self.min, "max": self.max, "mean": self.mean, "m2": finite(self.m2)}


class Bins:
    """The histogram of `sluice.profile.histogram`."""

    def __init__(self) -> None:
        self._sides: dict[str, dict[int, int]] = {"positive": {}, "negative": {}}
        self._zero = 0

    def add(self, ascending: np.ndarray) -> None:
        """`ascending`: sorted numbers."""
        below, above = np.searchsorted(ascending, 0.0, "left"), np.searchsorted(ascending, 0.0, "right")
        self._zero += int(above - below)
        self._count("positive", ascending[above:])
        self._count("negative", -ascending[:below][::-1])

    def _count(self, side: str, values: np.ndarray) -> None:
        if not len(values):
            return
        edges = _edges()
        first, last = np.searchsorted(edges, values[[0, -1]], "left")
        # a value in (edge i - 1, edge i] counts in bin i
        counts = np.diff(np.searchsorted(values, edges[first:last], "right"), prepend=0, append=len(values))
        found = self._sides[side]
        for at in np.flatnonzero(counts).tolist():
            index = int(first) + at + _LOWEST
            found[index] = found.get(index, 0) + int(counts[at])

    def merge(self, other: Bins) -> None:
        self._zero += other._zero
        for side, counts in other._sides.items():
            for index, count in counts.items():
                self._sides[side][index] = self._sides[side].get(index, 0) + count

    def to_json(self) -> dict[str, Any]:
        sides = {side: {str(i): counts[i] for i in sorted(counts)} for side, counts in self._sides.items()}
        return {**sides, "zero": self._zero}


@functools.cache
def _edges() -> np.ndarray:
    """The upper end of each bin; the last one holds all above."""
    with np.errstate(over="ignore"):
        return np.exp(np.arange(_LOWEST, _HIGHEST) * _LOG)


class Numbers:
    """A column of numbers or integers."""

    def __init__(self) -> None:
        self.moments = Moments()
        self._bins = Bins()
        self._counts: dict[float, int] | None = {}
        self._distinct = Distinct()

    def add(self, values: np.ndarray) -> None:
        """`values`: float64 or int64, finite."""
        if not len(values):
            return
        ascending = np.sort(values)
        numbers = ascending.astype(np.float64, copy=False)
        self.moments.add(numbers)
        self._bins.add(numbers)
        starts = np.concatenate(([0], np.flatnonzero(ascending[1:] != ascending[:-1]) + 1))
        different = ascending[starts]
        self._distinct.add(hash_numbers(different))
        if len(different) > MAX_COUNTED:
            self._counts = None
        if self._counts is not None:
            counted = np.diff(starts, append=len(ascending))
            self._take(dict(zip(different.tolist(), counted.tolist(), strict=True)))

    def _take(self, counts: dict[float, int]) -> None:
        if self._counts is None:
            return
        for value, count in counts.items():
            self._counts[value] = self._counts.get(value, 0) + count
        if len(self._counts) > MAX_COUNTED:
            self._counts = None

    def merge(self, other: Numbers) -> None:
        self.moments.merge(other.moments)
        self._bins.merge(other._bins)
        self._distinct.merge(other._distinct)
        if other._counts is None:
            self._counts = None
        else:
            self._take(other._counts)

    def to_json(self, *, distinct: bool) -> dict[str, Any]:
        counts = self._counts
        told: dict[str, Any] = {
            "moments": self.moments.to_json(),
            "quantiles": self._bins.to_json(),
            "counts": None if counts is None else dict(sorted((category_text(v), n) for v, n in counts.items())),
        }
        return told | ({"distinct": self._distinct.count} if distinct else {})
