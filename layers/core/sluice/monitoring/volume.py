"""How many rows an hour has, and how many are usual: the history that goes from one report to the next."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

KEPT = timedelta(days=35)
_WEEKS, _DAYS = 4, 7
_FORM = "%Y-%m-%dT%H"


def volume_of(
    before: Mapping[str, Any], now: Mapping[str, int], run_id: str, until: datetime, whole: Collection[str] = ()
) -> dict[str, Any]:
    """`{"run_id", "hours": {hour: rows}}`: what the report before says about the same model, and what this window has.

    `whole`: hours of which this window has all requests, so that what was counted before does not matter.
    """
    known = before.get("volume")
    hours: dict[str, int] = {}
    if isinstance(known, dict) and known.get("run_id") == run_id and isinstance(known.get("hours"), dict):
        hours = {hour: rows for hour, rows in known["hours"].items() if type(rows) is int}
    # of an hour in which a short window begins, this window has only a part
    every = {
        hour: now.get(hour, 0) if hour in whole else max(hours.get(hour, 0), now.get(hour, 0))
        for hour in sorted({*hours, *now})
        if now.get(hour) or hour not in whole
    }
    oldest = f"{until - KEPT:{_FORM}}"
    return {"run_id": run_id, "hours": {hour: rows for hour, rows in every.items() if hour >= oldest}}


def usual_rows(report: Mapping[str, Any]) -> float | None:
    """The median number of rows that the same hours had in earlier weeks, else on earlier days; None of no history.

    The hour in progress counts as the part of it that has passed.
    """
    since, until = datetime.fromisoformat(report["since"]), datetime.fromisoformat(report["at"])
    hours: Mapping[str, int] = (report.get("volume") or {}).get("hours") or {}
    if not hours:
        return None
    first = min(hours)
    span, hour = [], since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < until:
        span.append((hour, min(1.0, max(0.0, (until - hour) / timedelta(hours=1)))))
        hour += timedelta(hours=1)
    for step, most in ((timedelta(days=7), _WEEKS), (timedelta(days=1), _DAYS)):
        found = []
        for back in range(1, most + 1):
            earlier = [(f"{at - back * step:{_FORM}}", part) for at, part in span]
            # the hour in which the model was promoted has only a part of its requests
            if earlier[0][0] > first and span[-1][0] - back * step < since:
                found.append(sum(hours.get(at, 0) * part for at, part in earlier))
        if found:
            return float(statistics.median(found))
    return None
