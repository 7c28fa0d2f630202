"""What is counted of a column of numbers, batch by batch: moments, quantiles, frequent values and distinct ones.

Each batch is sorted once, which gives its quantiles, its distinct values and their counts. Moments merge by the formula
of Chan, Golub and LeVeque (Updating formulae and a pairwise algorithm for computing sample variances, 1979).
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import numpy as np

from sluice.model.values import category_text, finite
from sluice.profile.distinct import Distinct, hash_numbers
from sluice.profile.quantiles import Quantiles

MAX_COUNTED = 256
_SAFE = 1e140
"""The squares of smaller numbers add up to a double."""


class Moments:
    def __init__(self) -> None:
        self.n = 0
        self.min = self.max = self.mean = self.m2 = 0.0

    def add(self, values: np.ndarray, *, ascending: bool = False) -> None:
        """`values`: finite numbers."""
        if not len(values):
            return
        n = len(values)
        low, high = (values[0], values[-1]) if ascending else (values.min(), values.max())
        other = Moments()
        other.n, other.min, other.max = n, float(low), float(high)
        # the sum of the largest numbers overflows, and so do their squares
        with nullcontext() if max(-other.min, other.max) < _SAFE else np.errstate(over="ignore", invalid="ignore"):
            mean = float(values.mean())
            other.mean = mean if math.isfinite(mean) else float((values / n).sum())
            deviations = values - other.mean
            # not np.dot: BLAS would share it among threads, which take more time to meet than it takes
            other.m2 = float(np.square(deviations, out=deviations).sum())
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


class Numbers:
    """A column of numbers or integers. `distinct`: whether to count how many differ, beyond MAX_COUNTED of them."""

    def __init__(self, *, distinct: bool) -> None:
        self.moments = Moments()
        self._quantiles = Quantiles()
        self._counts: dict[float, int] | None = {}
        self._distinct = Distinct() if distinct else None

    def add(self, values: np.ndarray) -> None:
        """`values`: float64 or int64, finite."""
        if not len(values):
            return
        ascending = np.sort(values)
        numbers = ascending.astype(np.float64, copy=False)
        self.moments.add(numbers, ascending=True)
        self._quantiles.add(numbers)
        if self._counts is None and self._distinct is None:
            return
        starts = np.concatenate(([0], np.flatnonzero(ascending[1:] != ascending[:-1]) + 1))
        different = ascending[starts]
        if self._distinct is not None:
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
        self._quantiles.merge(other._quantiles)
        if self._distinct is not None and other._distinct is not None:
            self._distinct.merge(other._distinct)
        if other._counts is None:
            self._counts = None
        else:
            self._take(other._counts)

    def to_json(self) -> dict[str, Any]:
        counts = self._counts
        told: dict[str, Any] = {
            "moments": self.moments.to_json(),
            "quantiles": self._quantiles.to_json(),
            "counts": None if counts is None else dict(sorted((category_text(v), n) for v, n in counts.items())),
        }
        return told if self._distinct is None else told | {"distinct": self._distinct.count}
