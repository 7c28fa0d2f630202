"""An event was given up: an alert says whose project and which object it is about, and what to do.

A file gets its terminal record too, so that every file that was dropped has one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice import names
from sluice.datasets.dead_letters import Letter, given_up, read_letter, undelivered
from sluice.escaping import visible
from sluice.ports import Alerts, Clock, Json, Ledger, Settings

_FILES = ("raw", "labels", "batch")


def report_dead_letter(
    body: str,
    attributes: Mapping[str, str] | None = None,
    *,
    settings: Settings,
    ledger: Ledger,
    alerts: Alerts,
    clock: Clock,
) -> Json:
    """`{"decision": reported | known, "project", "reasons"}`; known is a file whose record another try has made.

    `body` is the event; EventBridge sends `attributes` (RULE_ARN, ERROR_CODE, …) with what it could not deliver.
    """
    event = _parsed(body)
    letter = read_letter(event, settings.stack)
    given = attributes or {}
    if given.get("RULE_ARN"):
        why = undelivered(letter.what, letter.function, letter.todo, given.get("ERROR_CODE", ""))
    else:
        why = given_up(letter.what, letter.function, letter.todo, letter.size)
    answer = {"project": letter.project, "reasons": [why]}
    if letter.key.partition("/")[0] in _FILES and not ledger.record_arrival(
        letter.bucket, letter.key, letter.version, _record(letter, why, clock=clock)
    ):
        return {"decision": "known", **answer}
    facts = {"key": letter.key} if letter.key else {}
    about = f"{visible(letter.key)}: " if letter.key else ""
    subject = f"{letter.project or 'no project'}: {letter.what} was given up"
    kind = letter.kind or "Event Given Up"
    alerts.publish(kind, letter.project, subject, f"{about}{visible(why)}.", facts)
    return {"decision": "reported", **answer}


def _parsed(body: str) -> Json:
    try:
        event = json.loads(body)
    except ValueError:
        event = None
    return event if isinstance(event, dict) else {}


def _record(letter: Letter, why: str, *, clock: Clock) -> Json:
    """As validate_dataset and plan_batch record a file that failed."""
    area = letter.key.partition("/")[0]
    record: Json = {
        "status": "failed",
        "project": letter.project,
        "dataset_id": names.dataset_id(letter.bucket, letter.key, letter.version),
        "error": "GivenUpError",
        "at": clock.now().isoformat(),
    }
    if area == "batch":
        return record | {"kind": "batch", "reasons": [why]}
    kind = {"kind": "labels", "labels": 0} if area == "labels" else {}
    rules = [{"rule": "GivenUpError", "column": None, "rows": 0}]
    counts = {"rows": 0, "quarantined_rows": 0, "format": None, "encoding": None}
    return record | kind | counts | {"reasons": rules, "message": why, "key": letter.key, "version_id": letter.version}
