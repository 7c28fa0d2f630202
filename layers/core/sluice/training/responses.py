"""The record of a response: to an alarm, to a measurement, to the clock, to a person."""

from __future__ import annotations

from datetime import datetime

from sluice import keys
from sluice.errors import DamagedRecordError
from sluice.ports import Json, Ledger, ObjectStore
from sluice.store.run_records import stored_json, write_json


def latest_report(project: str, *, objects: ObjectStore) -> Json:
    """The latest measurement of the serving model; empty before the first. A damaged one stops no answer."""
    try:
        latest = stored_json(keys.monitor(project, "latest.json"), {}, objects=objects)
    except DamagedRecordError:
        return {}
    return latest if isinstance(latest, dict) else {}


def note(project: str, kind: str, at: datetime, event_id: str, *, ledger: Ledger) -> None:
    """Records that an alarm was reported and nothing else was done."""
    ledger.add_response(project, at, {"kind": "hold", "trigger": kind, "event_id": event_id})


def record_key(project: str, at: datetime, event_id: str) -> str:
    """Where the record of a response lies; an event that has one was answered."""
    return keys.monitor(project, "responses", f"{at.strftime('%Y-%m-%dT%H%M%SZ')}-{event_id}.json")


def write_record(
    key: str, project: str, inputs: Json, decision: str, reasons: list[str], facts: Json, *, objects: ObjectStore
) -> None:
    """To be called after the action, which is safe to repeat: a crash in between must not swallow the response."""
    record = {
        "kind": "response",
        "project": project,
        "inputs": inputs,
        "decision": decision,
        "reasons": reasons,
        **facts,
    }
    write_json(key, record, objects=objects)
