"""How a drift came: at once, slowly, or before the window began. Read from the hours of a window.

The hours' shares are projected on the direction in which the whole window differs from the baseline. A step and a line
are fitted to that by weighted least squares; each must explain more than the rows of the hours would differ by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sluice.profile.drift import counted_bins
from sluice.records.baseline import BaselineColumn

FEWEST_HOURS, FEWEST_ROWS = 4, 10
_BEYOND_CHANCE = 14.0
"""χ² that the best of all cuts must explain; the number of cuts adds to it."""
_BETTER = 4.0


@dataclass(frozen=True)
class Course:
    """`since`: the first hour after a step (`2026-11-22T12`)."""

    kind: Literal["sudden", "gradual", "throughout"]
    since: str | None = None


def course_of(
    name: str, column: BaselineColumn, expected: Sequence[float], hours: Sequence[Mapping[str, Any]]
) -> Course | None:
    """The course of one column's drift over the profiles of hours, the oldest first; None with too few of them."""
    counted = [
        (hour["hour"], counted_bins(column, hour["columns"][name])[1]) for hour in hours if name in hour["columns"]
    ]
    counted = [(hour, counts) for hour, counts in counted if sum(counts) >= FEWEST_ROWS]
    if len(counted) < FEWEST_HOURS:
        return None
    whole = [sum(each) for each in zip(*(counts for _, counts in counted), strict=True)]
    rows = sum(whole)
    direction = [n / rows - e for n, e in zip(whole, expected, strict=True)]
    sizes = [sum(counts) for _, counts in counted]
    heights = [_project(counts, direction) for _, counts in counted]
    mean = _project(whole, direction)
    noise = sum(n * d * d for n, d in zip(whole, direction)) / rows - mean * mean
    if not noise > 0:
        return Course("throughout")
    flat = sum(n * (h - mean) ** 2 for n, h in zip(sizes, heights)) / noise
    cut, step = min(
        ((at, _parts(sizes[:at], heights[:at]) + _parts(sizes[at:], heights[at:])) for at in range(1, len(sizes))),
        key=lambda found: found[1],
    )
    step /= noise
    line = _line(sizes, heights) / noise
    if flat - min(step, line) < _BEYOND_CHANCE + 2 * math.log(len(sizes)):
        return Course("throughout")
    return Course("gradual") if line < step - _BETTER else Course("sudden", counted[cut][0])


def _project(counts: Sequence[int], direction: Sequence[float]) -> float:
    return math.fsum(n * d for n, d in zip(counts, direction, strict=True)) / sum(counts)


def _parts(sizes: Sequence[int], heights: Sequence[float]) -> float:
    mean = math.fsum(n * h for n, h in zip(sizes, heights)) / sum(sizes)
    return math.fsum(n * (h - mean) ** 2 for n, h in zip(sizes, heights))


def _line(sizes: Sequence[int], heights: Sequence[float]) -> float:
    rows = sum(sizes)
    middle = math.fsum(n * at for at, n in enumerate(sizes)) / rows
    mean = math.fsum(n * h for n, h in zip(sizes, heights)) / rows
    spread = math.fsum(n * (at - middle) ** 2 for at, n in enumerate(sizes))
    slope = math.fsum(n * (at - middle) * (h - mean) for at, (n, h) in enumerate(zip(sizes, heights))) / spread
    return math.fsum(n * (h - mean - slope * (at - middle)) ** 2 for at, (n, h) in enumerate(zip(sizes, heights)))
