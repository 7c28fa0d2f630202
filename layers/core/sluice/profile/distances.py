"""How far a window's shares are from those of a baseline, over the same bins. Pure Python; shares are smoothed by none.

| name | what it is | range |
|---|---|---|
| js | Jensen–Shannon divergence, base 2 (Lin, IEEE Trans. Inf. Theory 37(1), 1991) | 0 … 1 |
| ks | Kolmogorov–Smirnov: greatest distance of the distribution functions, seen at the edges of bins | 0 … 1 |
| wasserstein | area between the distribution functions, in units of the baseline's middle half | ≥ 0 |

`ks` and `wasserstein` need an order, so numbers alone have them. Bins are those of `sluice.profile.drift`: the last one
is for missing values, which have no place in an order and are left out there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence


def jensen_shannon(expected: Sequence[float], actual: Sequence[float]) -> float:
    """
    >>> jensen_shannon([0.5, 0.5], [0.5, 0.5]), jensen_shannon([1, 0], [0, 1])
    (0.0, 1.0)
    """
    found = 0.0
    for e, a in zip(_whole(expected), _whole(actual), strict=True):
        middle = (e + a) / 2
        found += sum(share * math.log2(share / middle) / 2 for share in (e, a) if share > 0)
    return min(1.0, max(0.0, found))


def kolmogorov_smirnov(expected: Sequence[float], actual: Sequence[float]) -> float:
    """
    >>> kolmogorov_smirnov([0.25, 0.25, 0.5], [0.5, 0.25, 0.25])
    0.25
    """
    return max((abs(gap) for gap in _gaps(expected, actual)), default=0.0)


def wasserstein(edges: Sequence[float], expected: Sequence[float], actual: Sequence[float]) -> float | None:
    """Shares of the bins between `edges`; within a bin values are taken as evenly spread. None where all are equal.

    >>> wasserstein([0, 1, 2, 3, 4], [0.25, 0.25, 0.25, 0.25], [0, 0.25, 0.25, 0.5])
    0.375
    """
    if len(edges) != len(expected) + 1:
        return None
    half = _quantile(edges, expected, 0.75) - _quantile(edges, expected, 0.25)
    if not half > 0 or not math.isfinite(half):
        return None
    gaps = [0.0, *_gaps(expected, actual), 0.0]
    widths = [high - low for low, high in itertools.pairwise(edges)]
    return math.fsum(w * _area(a, b) for w, (a, b) in zip(widths, itertools.pairwise(gaps), strict=True)) / half


def _area(start: float, end: float) -> float:
    """The mean of |x| along the line from `start` to `end`."""
    if start * end >= 0:
        return (abs(start) + abs(end)) / 2
    return (start * start + end * end) / (2 * (abs(start) + abs(end)))


def _gaps(expected: Sequence[float], actual: Sequence[float]) -> list[float]:
    """Differences of the distribution functions at the inner edges."""
    pairs = zip(_whole(expected), _whole(actual), strict=True)
    return list(itertools.accumulate(a - e for e, a in pairs))[:-1]


def _quantile(edges: Sequence[float], shares: Sequence[float], q: float) -> float:
    below = 0.0
    for low, high, share in zip(edges, edges[1:], _whole(shares)):
        if share > 0 and below + share >= q:
            return low + (high - low) * (q - below) / share
        below += share
    return edges[-1]


def _whole(shares: Sequence[float]) -> list[float]:
    total = math.fsum(shares)
    return [share / total for share in shares] if total else [0.0] * len(shares)
