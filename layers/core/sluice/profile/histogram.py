"""What a profile has of a column's numbers, as (value, count) pairs, and quantiles of it.

A profile has `values` and `counts` (`sluice.profile.quantiles`). Those that an older version wrote have `positive`,
`negative` (bin → count) and `zero`: DDSketch's bins (Masson, Rim, Lee, VLDB 2019, arXiv 1908.10693). There, a value
x > 0 counts in bin ceil(log_γ x), γ = (1 + α) / (1 - α), so that each value is off by at most α = 1 %.
"""

from __future__ import annotations

import math
from typing import Any

_ALPHA = 0.01
_LOG = math.log((1 + _ALPHA) / (1 - _ALPHA))

Histogram = dict[str, Any]


def buckets(histogram: Histogram) -> list[tuple[float, int]]:
    """(value, number of values near it), ascending by value."""
    if "values" in histogram:
        return list(zip(histogram["values"], histogram["counts"], strict=True))

    def value(index: str) -> float:
        # in logarithms, since γ^i of the outermost bins would overflow
        return math.exp(min(int(index) * _LOG + math.log(1 - _ALPHA), 709.78))

    def ascending(side: str) -> list[tuple[str, int]]:
        return sorted(histogram[side].items(), key=lambda item: int(item[0]))

    low = [(-value(i), n) for i, n in reversed(ascending("negative"))]
    middle = [(0.0, histogram["zero"])] if histogram["zero"] else []
    return low + middle + [(value(i), n) for i, n in ascending("positive")]


def quantile(histogram: Histogram, q: float) -> float | None:
    """The q-quantile (0 ≤ q ≤ 1), a value of the column; None of nothing."""
    found = buckets(histogram)
    rank = q * (sum(n for _, n in found) - 1)
    seen = 0
    for value, n in found:
        seen += n
        if seen > rank:
            return value
    return None
