"""The inbox: alerts that the console heard while it ran, and what the records say of the time before."""

from __future__ import annotations

from functools import partial

from console.inbox import Inbox
from console.reading import alert_records
from console.source import Source
from sluice.ports import Json

MAX_RECORDS = 200


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


def _of(source: Source, project: str) -> list[Json]:
    return list(alert_records.of_project(source, project))
