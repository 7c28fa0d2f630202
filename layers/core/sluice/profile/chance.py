"""How far two samples of one population are apart by chance: what a drift alarm must allow for.

PSI is to second order D = Σ (aᵢ - eᵢ)² / pᵢ, with p the shares of both samples together. For n rows of the baseline and
m of the window D·nm/(n+m) is Pearson's statistic of two samples, hence D is about (1/n + 1/m)·χ² with B - 1 degrees of
freedom where nothing drifted (Yurdakul and Naranjo, Statistical properties of the population stability index, Journal
of Risk Model Validation 14(4), 2020). PSI itself cannot be compared with that: the logarithm of an empty bin
makes 0.7 of ten rows in a hundred that a window of 50 happens not to have. So D is tested, and PSI reported.

The bins of a number are quantiles of the baseline itself; their true shares then vary as counts would, by 1/n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

FALSE_ALARM = 0.01
"""The chance that any column of a window seems to have drifted when none did; measurements are frequent, so not
one in 20."""
FALSE_ALARMS, MONTH = 0.1, 30 * 86_400.0
"""The chance that any measurement of a month raises a false alarm, where nothing drifts in it."""
MAX_FALSE_ALARM = 0.005
"""The chance of a false alarm that one measurement may have at most, however few a month has."""
MOVES = 4.0
"""Measurements of overlapping windows that count as independent, in the length of a window."""
LEAST = 5.0
"""Rows that a bin must lead to expect in either sample (Cochran, Biometrics 10, 1954); smaller bins are joined."""


def of_each_measurement(every: float, window: float) -> float:
    """The chance of a false alarm that one measurement may have: one `every` this many seconds, over `window` seconds.

    FALSE_ALARMS in a MONTH, shared among the measurements that are independent (Bonferroni); at most MAX_FALSE_ALARM.
    Measurements of overlapping windows see mostly the same rows: in the length of a window, at most MOVES count.

    >>> of_each_measurement(3600, 86400), of_each_measurement(30 * 86400, 30 * 86400)
    (0.0008333333333333334, 0.005)
    """
    measurements = min(MONTH / every, max(1.0, MOVES * MONTH / window))
    return min(MAX_FALSE_ALARM, FALSE_ALARMS / measurements)


def differ(
    expected: Sequence[float],
    rows: float,
    counts: Sequence[float],
    comparisons: int = 1,
    false_alarm: float = FALSE_ALARM,
) -> bool:
    """Whether a window's `counts` are more than chance away from the `expected` shares of a baseline of `rows` rows.

    `comparisons`: how many columns are looked at; each gets its share of `false_alarm` (Bonferroni). Without rows, or
    with fewer than two bins that are large enough, no difference can be shown: False.

    >>> differ([0.5, 0.5], 120, [30, 20]), differ([0.5, 0.5], 120, [45, 5])
    (False, True)
    """
    chance = p_value(expected, rows, counts)
    return chance is not None and chance < false_alarm / max(1, comparisons)


def p_value(expected: Sequence[float], rows: float, counts: Sequence[float]) -> float | None:
    """The probability that two samples of one population are so far apart; None where that cannot be said.

    `rows` and `counts` may be those of as many independent rows, which need not be whole numbers.
    """
    window = math.fsum(counts)
    if not rows or not window:
        return None
    bins = joined([share * rows for share in expected], counts)
    if len(bins) < 2:
        return None
    # D, times what makes Pearson's statistic of it
    distance = math.fsum((a / window - e / rows) ** 2 / ((a + e) / (rows + window)) for e, a in bins)
    return above(distance / (1 / rows + 1 / window), len(bins) - 1)


def joined(baseline: Sequence[float], window: Sequence[float]) -> list[tuple[float, float]]:
    """(baseline, window) counts of bins of which both samples lead to expect at least LEAST rows; small ones together.

    >>> joined([60, 58, 2, 0], [20, 27, 1, 2])
    [(58.0, 27.0), (62.0, 23.0)]
    """
    rows, seen = math.fsum(baseline), math.fsum(window)
    smaller = min(rows, seen) / (rows + seen)
    found: list[tuple[float, float]] = []
    rest = (0.0, 0.0)
    for e, a in sorted(zip(baseline, window, strict=True), key=sum):
        rest = (rest[0] + e, rest[1] + a)
        # in the order of their size, so that a small bin never takes a large one's place
        if sum(rest) * smaller >= LEAST:
            found.append(rest)
            rest = (0.0, 0.0)
    if found and sum(rest):
        found[-1] = (found[-1][0] + rest[0], found[-1][1] + rest[1])
    return sorted(found)


def above(value: float, freedom: int) -> float:
    """The probability that χ² with this many degrees of freedom exceeds `value` (Abramowitz and Stegun, 26.4.4–5).

    >>> round(above(3.841, 1), 4), round(above(5.991, 2), 4), round(above(16.919, 9), 4)
    (0.05, 0.05, 0.05)
    """
    half = value / 2
    if freedom % 2:
        found, term, steps = math.erfc(math.sqrt(half)), math.exp(-half) * math.sqrt(half) / math.gamma(1.5), 1.5
    else:
        found, term, steps = 0.0, math.exp(-half), 1.0
    for _ in range(freedom // 2):
        found += term
        term *= half / steps
        steps += 1
    return found
