"""Thresholds for libraries that compare numbers of 32 bits, for a scorer that compares numbers of 64 bits.

Such a library rounds x to 32 bits (to the nearest; of two as near, to the even one) and compares. The numbers that are
rounded to p or below are those up to the middle between p and the next number of 32 bits above it. The middle has one
bit more than they, so 64 bits hold it exactly, and `x <= threshold` is the same test without rounding x.
"""

from __future__ import annotations

import numpy as np

_INFINITY = np.float32(np.inf)
_BEYOND = 2.0**128


def at_most(limit: np.ndarray) -> np.ndarray:
    """`float32(x) <= limit` as thresholds t of `x <= t`; `limit` has 32 bits, t has 64."""
    limit = np.asarray(limit, dtype=np.float32)
    below = limit.astype(np.float64)
    with np.errstate(over="ignore"):
        above = np.nextafter(limit, _INFINITY).astype(np.float64)
    # beyond the largest number a next one is thought: from the middle on, numbers are rounded to infinity
    below, above = np.clip(below, -_BEYOND, _BEYOND), np.clip(above, -_BEYOND, _BEYOND)
    middle = below + (above - below) / 2
    odd = (limit.view(np.uint32) & 1) == 1  # then the middle itself is rounded up
    return np.where(limit == np.inf, np.inf, np.where(odd, np.nextafter(middle, -np.inf), middle))


def below(limit: np.ndarray) -> np.ndarray:
    """`float32(x) < limit`, likewise."""
    limit = np.asarray(limit, dtype=np.float32)
    with np.errstate(over="ignore"):
        before = np.nextafter(limit, -_INFINITY)
    # nothing is below -infinity; infinity stands for "all but missing values"
    return np.where(np.isinf(limit), limit.astype(np.float64), at_most(before))
