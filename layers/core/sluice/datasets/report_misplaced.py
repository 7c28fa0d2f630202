"""An object lies where Sluice does not read it: people learn what was expected and where it belongs."""

from __future__ import annotations

from sluice import keys
from sluice.escaping import visible
from sluice.intake.misplaced import Misplaced, misplaced, top_folder
from sluice.ports import Alerts, Clock, Json, Ledger, ObjectStore

STACK = ""
"""The project under which objects outside of every project are counted."""


def report_misplaced(
    key: str,
    version_id: str | None,
    size: int | None = None,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    clock: Clock,
) -> Json:
    """The terminal record of a near miss, with an alert; nothing is registered or read.

    Returns {"status": "misplaced", "expected", "message", …}, or {"status": "ignored", …} for an object that is not
    meant for Sluice: a report or a note in projects/ is nobody's concern, and of another folder only the name is kept.
    """
    version = version_id or "null"
    if known := ledger.arrival(objects.bucket, key, version):
        return known
    found = misplaced(key, size, ledger.projects())
    if found is None:
        folder = top_folder(key)
        if folder != "projects/":
            what = "Sluice reads nothing here"
            ledger.add_ignored(STACK, clock.now(), {"key": folder, "what": what, "example": key})
        return {"status": "ignored", "project": keys.project_of(key), "key": key}
    record = _record(key, version, found, ledger=ledger)
    # the alert goes first: after a crash in between, the retry reports again rather than never
    kind = "Contract Refused" if found.kind == "contract" else "File Misplaced"
    told = {"key": key, "version": version, "expected": found.instead}
    subject = f"{record['project'] or 'no project'}: {key.rsplit('/', 1)[-1]} is not read"
    alerts.publish(kind, record["project"], subject, record["message"], told)
    facts = {"key": key, "what": found.why, "expected": found.instead, "kind": found.kind}
    ledger.add_ignored(STACK, clock.now(), facts)
    ledger.record_arrival(objects.bucket, key, version, record)
    return record


def _record(key: str, version: str, found: Misplaced, *, ledger: Ledger) -> Json:
    project = keys.project_of(found.instead)
    named = "<" not in project
    registered = ledger.contract(project) if named else None
    message = f"{visible(key)} is not read: {found.why}. Upload it to {visible(found.instead)}"
    if found.kind == "contract":
        message += " (`sluice register <file>` does), and delete this object. Nothing was registered"
        if named:
            message += f": {_state(project, known=registered is not None)}"
    else:
        message += " (`sluice drop <project> <file>` uploads to raw/), and delete this object. No row was read"
        if named and registered is None:
            message += f"; no project {visible(project)!r} is registered"
    return {
        "status": "misplaced",
        "kind": found.kind,
        "project": project if named else "",
        "key": key,
        "version_id": version,
        "expected": found.instead,
        "message": f"{message}.",
        "reasons": [{"rule": "misplaced", "column": None, "rows": 0, "message": found.why}],
        "rows": 0,
    }


def _state(project: str, *, known: bool) -> str:
    if known:
        return f"the contract of {visible(project)!r} registered before stays in force"
    return f"there is no project {visible(project)!r} yet"
