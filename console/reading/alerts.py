"""The inbox: alerts that the console heard while it ran, and what the records say that it did not hear."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from console.inbox import Inbox
from console.reading import alert_records
from console.source import Source
from sluice.ports import Json

MAX_RECORDS = 200
SAME = 60.0
"""Seconds between a record and the alert about it, at most."""


def read(source: Source, inbox: Inbox | None, project: str = "") -> Json:
    """`{"heard": [...], "records": [...], "listens", "why_not", …}`, newest first; of one project, or of all.

    `left_out`: how many of the records are older than the ones that are shown; `unrecorded`: kinds of alerts that no
    record is left of, each with why.
    """
    heard = [each for each in (inbox.alerts() if inbox else []) if project in ("", each["project"])]
    projects = [project] if project else source.kept.get("projects", source.world.ledger.projects, 0.8)
    records: list[Json] = []
    for name in projects:
        # what lies in the bucket is listed for it
        records += source.kept.get(("records", name), partial(_of, source, name), 5.0)
    records = _not_heard(records, heard)
    records.sort(key=lambda each: str(each["at"]), reverse=True)
    return {
        "project": project,
        "heard": heard[::-1],
        "records": records[:MAX_RECORDS],
        "left_out": max(0, len(records) - MAX_RECORDS),
        "unrecorded": alert_records.UNRECORDED,
        "listens": inbox is not None and inbox.listens,
        "why_not": inbox.why_not if inbox else "",
    }


def _not_heard(records: list[Json], heard: list[Json]) -> list[Json]:
    """Without the record of each alert that was heard: the nearest of its kind, a moment before or after it."""
    left = list(records)
    for alert in heard:
        near = [
            (apart, place)
            for place, each in enumerate(left)
            if (each["project"], each["kind"]) == (alert["project"], alert["kind"])
            and (apart := _apart(each["at"], alert["at"])) <= SAME
        ]
        if near:
            left.pop(min(near)[1])
    return left


def _apart(one: str, other: str) -> float:
    try:
        return abs((datetime.fromisoformat(one) - datetime.fromisoformat(other)).total_seconds())
    except (ValueError, TypeError):
        return float("inf")


def _of(source: Source, project: str) -> list[Json]:
    return list(alert_records.of_project(source, project))
