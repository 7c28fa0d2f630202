"""Distances between two samples, and how far apart chance alone puts them."""

from __future__ import annotations

import math

import numpy as np

FEWEST_EXPECTED = 5
"""Rows of a category, below which χ² does not have its distribution."""


def cdf(ordered: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The share of the ascending values `ordered` that is at most each of `at`; zeros if there are no values."""
    if not len(ordered):
        return np.zeros(len(at))
    return np.searchsorted(ordered, at, side="right") / len(ordered)


def ascending(values: np.ndarray) -> np.ndarray:
    """The values that are present, sorted."""
    return np.sort(values[~np.isnan(values)])


def kolmogorov(one: np.ndarray, other: np.ndarray) -> float:
    """The Kolmogorov–Smirnov distance of two ascending samples, 0 to 1; 0 if one of them is empty.

    >>> kolmogorov(np.array([1.0, 2.0]), np.array([1.0, 2.0])), kolmogorov(np.array([1.0]), np.array([2.0]))
    (0.0, 1.0)
    """
    if not len(one) or not len(other):
        return 0.0
    at = np.concatenate([one, other])
    return float(np.abs(cdf(one, at) - cdf(other, at)).max())


def by_chance(distance: float, one: float, other: float) -> float:
    """The probability of at least this Kolmogorov–Smirnov distance between samples of one population of these sizes.

    The first term of the asymptotic series with Stephens's correction (Journal of the Royal Statistical Society B 32,
    1970); ties make it smaller than the truth says, so the test is cautious.
    """
    if min(one, other) < 1:
        return 1.0
    size = math.sqrt(one * other / (one + other))
    return min(1.0, 2.0 * math.exp(-2.0 * ((size + 0.12 + 0.11 / size) * distance) ** 2))


def allowed(one: float, other: float, probability: float = 1e-3) -> float:
    """The distance that chance exceeds with `probability`: what a repaired sample may be away from the reference."""
    if min(one, other) < 1:
        return 1.0
    size = math.sqrt(one * other / (one + other))
    return math.sqrt(-math.log(probability / 2) / 2) / (size + 0.12 + 0.11 / size)


def shares_differ(hits: float, of: float, base_hits: float, base_of: float) -> float:
    """|z| of two shares, with half a hit added so that a share of 0 is not certain."""
    if not of or not base_of:
        return 0.0
    pooled = (hits + base_hits + 0.5) / (of + base_of + 1)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / of + 1 / base_of))
    return abs(hits / of - base_hits / base_of) / max(spread, 1e-12)


def two_sided(z: float) -> float:
    """The probability of at least |z| standard deviations."""
    return math.erfc(abs(z) / math.sqrt(2))


def chi_square(counts: np.ndarray, base: np.ndarray) -> float:
    """The probability that counts of categories of two samples differ so much by chance.

    Categories of which fewer than FEWEST_EXPECTED are expected are joined, with the next smallest ones until there are
    so many (Cochran, Annals of Mathematical Statistics 23, 1952).
    """
    a, b = counts.astype(float), base.astype(float)
    if not a.sum() or not b.sum():
        return 1.0
    expected = (a + b) * min(a.sum(), b.sum()) / (a.sum() + b.sum())
    order = np.argsort(expected)
    joined = np.cumsum(expected[order]) - expected[order] < FEWEST_EXPECTED  # what is before it is too few
    small = np.zeros(len(expected), dtype=bool)
    small[order] = joined if expected[order[0]] < FEWEST_EXPECTED else False
    small |= expected < FEWEST_EXPECTED
    if small.any():
        a = np.append(a[~small], a[small].sum())
        b = np.append(b[~small], b[small].sum())
    kept = a + b > 0
    a, b = a[kept], b[kept]
    if len(a) < 2:
        return 1.0
    ea, eb = (a + b) * a.sum() / (a.sum() + b.sum()), (a + b) * b.sum() / (a.sum() + b.sum())
    value = float(((a - ea) ** 2 / ea + (b - eb) ** 2 / eb).sum())
    return 0.5 * math.erfc(above_chance(value, len(a) - 1) / math.sqrt(2))


def above_chance(value: float, freedom: float) -> float:
    """The standard score of a value of χ² with this many degrees of freedom.

    Wilson and Hilferty's approximation (Proceedings of the National Academy of Sciences 17, 1931).
    """
    spread = 2 / (9 * freedom)
    return ((value / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
