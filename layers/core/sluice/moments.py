"""Times in sentences for people. Records keep them in ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(at: datetime | str | None) -> str:
    """To the second, in UTC; "now" for None. A text that names no time stays unchanged.

    >>> utc("2026-11-30T10:03:41.661498+00:00"), utc(None), utc("soon")
    ('2026-11-30 10:03:41 UTC', 'now', 'soon')
    """
    if at is None:
        return "now"
    try:
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    except ValueError:
        return str(at)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
