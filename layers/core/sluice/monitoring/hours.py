"""The hours of a window: each has a profile, and the window is their sum."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.monitoring.hour_files import HOUR, hours_between, whole_hour
from sluice.monitoring.hour_profiles import HourProfiles, Served
from sluice.ports import Champion, Clock, ObjectStore
from sluice.profile.window import WindowProfile
from sluice.records.baseline import Baseline

WHOLE_HOURS = 6 * HOUR
"""Windows of this length and more begin with a whole hour. Of shorter ones the first hour is read again each time."""
UPLOADED_WITHIN = timedelta(minutes=5)
"""A request lies under the hour of its upload, some minutes after its answer."""
BUDGET = timedelta(minutes=10)
"""After this long no further hour is computed; the Lambda function has 15 minutes for everything."""


@dataclass(frozen=True)
class Span:
    """What a measurement measures: the requests to one variant's model from `since` (a whole second) on."""

    project: str
    endpoint: str
    variant: str
    run_id: str
    promoted: datetime
    since: datetime
    until: datetime

    @property
    def hours(self) -> list[datetime]:
        return list(hours_between(whole_hour(self.since), self.until + UPLOADED_WITHIN))

    def cuts(self, hour: datetime) -> bool:
        """Whether the span begins within this hour's files, and not with the promotion: such a part is not stored."""
        begins = self.since > self.promoted and self.since != whole_hour(self.since)
        return begins and hour <= whole_hour(self.since + UPLOADED_WITHIN)


def span_of(contract: Contract, champion: Champion, *, clock: Clock) -> Span:
    """The contract's window, since the champion's promotion at most."""
    now = clock.now()
    length = timedelta(seconds=seconds(contract.monitor.window))
    begins = whole_hour(now - length) if length >= WHOLE_HOURS else now - length
    # captures tell whole seconds only: what was asked in the second of the promotion counts
    promoted = champion.promoted_at.replace(microsecond=0)
    since = max(begins.replace(microsecond=0), promoted)
    return Span(contract.project, champion.endpoint, champion.variant, champion.run_id, promoted, since, now)


def window_of(
    span: Span, contract: Contract, baseline: Baseline | None, *, objects: ObjectStore, clock: Clock
) -> tuple[WindowProfile, list[str]]:
    """The window's profile, and the hours that this measurement had no time for: the next ones do them."""
    began = clock.now()
    window, late = WindowProfile(), []
    served = Served(span.project, span.endpoint, span.variant, span.run_id, span.promoted)
    profiles = HourProfiles(served, contract, baseline, objects=objects)
    # the newest first: if time ends, the oldest are missing
    for hour in reversed(span.hours):
        if not profiles.files.of(hour):
            continue
        make = clock.now() - began <= BUDGET
        body = profiles.part(hour, span.since, make=make) if span.cuts(hour) else profiles.of(hour, make=make)
        if body is None:
            late.append(f"{hour:%Y-%m-%dT%H}")
            continue
        head, _, sample = body.partition(b"\n")
        window.add(json.loads(head), sample)
    window.hours.reverse()
    return window, sorted(late)
