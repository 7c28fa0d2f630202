"""What a window's columns are compared with: the reference at such a time, or all of it, without the calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sluice.monitoring.samples import Sample
from sluice.profile.clock import follows_clock
from sluice.profile.drift import Expected
from sluice.profile.seasons import Reference
from sluice.records.baseline import Baseline


@dataclass(frozen=True)
class Expectations:
    """`columns`: expected of each at the window's time, empty where times say nothing; then `calendar` has the columns
    that say the time, which no alarm counts, and what they say. `told` is for people."""

    columns: Mapping[str, Expected] = field(default_factory=dict)
    calendar: Mapping[str, str] = field(default_factory=dict)
    told: str = "all rows of the evaluation"


def expectations(baseline: Baseline, reference: Sample | None, window: Sample, total: int) -> Expectations:
    """`total`: the number of rows of the window, of which `window` is a uniform sample."""
    times = window.timed
    if times is None:
        return Expectations(told="all rows of the evaluation: the times of the requests are not known")
    at = None if reference is None else reference.timed
    if reference is not None and at is not None:
        season = Reference(baseline, reference.rows, at).season(np.sort(times), total)
        if season is not None:
            return Expectations(season.columns, told=f"{season.rows:,} rows of the evaluation, by {season.of}")
    found = {
        name: named
        for name, column in baseline.columns.items()
        if (named := follows_clock(column, [row.get(name) for row in window.rows], times))
    }
    return Expectations(calendar=found)
