"""Whether an idle endpoint may be deleted. Missing evidence is not idleness.

CloudWatch has no `Invocations` of a quiet minute, and none of an endpoint that does not exist or whose metrics are
late. So silence counts only for the time in which the endpoint's machines reported how they are.
"""

from __future__ import annotations

from datetime import timedelta

SLACK = 0.25
"""The window is longer than the contract's time by this share, because the last minutes' metrics are still to come."""


def window(idle_after: float) -> timedelta:
    """How far back a measurement reads, for a contract's `idle_after` in seconds."""
    return timedelta(seconds=idle_after * (1 + SLACK))


def reasons_to_stay(requests: float, seconds_seen: float, idle_after: float) -> list[str]:
    """None when the endpoint is idle: no request, in as much observed time as the contract asks for (seconds)."""
    if requests > 0:
        return [f"{requests:g} requests in the last {window(idle_after)}"]
    if seconds_seen < idle_after:
        return [f"its machines reported for {seconds_seen:.0f} s of the last {window(idle_after)}, not {idle_after:g}"]
    return []
