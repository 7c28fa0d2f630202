"""A histogram of numbers whose bins grow with them, as plain JSON: `positive`, `negative` (bin → count) and `zero`.

DDSketch's bins (Masson, Rim, Lee, VLDB 2019, arXiv 1908.10693). A value x > 0 counts in bin ceil(log_γ x),
γ = (1 + α) / (1 - α); each quantile that is read from it is off by at most α = 1 % of its value.
"""

from __future__ import annotations

import math
from typing import Any

ALPHA = 0.01
GAMMA = (1 + ALPHA) / (1 - ALPHA)

Histogram = dict[str, Any]


def buckets(histogram: Histogram) -> list[tuple[float, int]]:
    """(representative value, count) of each bin, ascending by value."""

    def value(index: str) -> float:
        # in logarithms, since γ^i of the outermost bins would overflow
        return math.exp(min(int(index) * math.log(GAMMA) + math.log(2 / (GAMMA + 1)), 709.78))

    def ascending(side: str) -> list[tuple[str, int]]:
        return sorted(histogram[side].items(), key=lambda item: int(item[0]))

    low = [(-value(i), n) for i, n in reversed(ascending("negative"))]
    middle = [(0.0, histogram["zero"])] if histogram["zero"] else []
    return low + middle + [(value(i), n) for i, n in ascending("positive")]


def quantile(histogram: Histogram, q: float) -> float | None:
    """The q-quantile (0 ≤ q ≤ 1) within 1 % of its value; None of nothing."""
    found = buckets(histogram)
    rank = q * (sum(n for _, n in found) - 1)
    seen = 0
    for value, n in found:
        seen += n
        if seen > rank:
            return value
    return None
