"""One state of a run when it is clicked: each time that it was entered, with input, output, error, job and log."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from console.reading.executions import Execution, details, executions_of, moment, newest_first
from console.reading.logs import called, lines_of, place_of
from console.reading.run import record_of
from console.source import Source
from sluice.errors import NotFoundError
from sluice.ports import Json

MAX_EVENTS = 4_000
MAX_ENTRIES = 12
MAX_TEXT = 20_000
"""Characters of an input or output that are shown; Step Functions allows 262,144 bytes."""


def read(source: Source, project: str, run_id: str, machine: str, state: str) -> Json:
    """`{"entries": [newest first], "left_out"}`. Raises NotFoundError for a machine that the run has not."""
    record = record_of(source, project, run_id)
    execution = next((each for each in executions_of(source, project, record) if each.machine == machine), None)
    if execution is None:
        raise NotFoundError(f"run {run_id} has no execution of {machine!r}")
    entries, read_all = _entries(source, execution, state)
    for entry in entries[:1]:
        entry["log"] = lines_of(source, entry.get("place"), entry["entered"], entry.get("exited"))
    left = max(0, len(entries) - MAX_ENTRIES)
    return {
        "machine": machine,
        "state": state,
        "entries": entries[:MAX_ENTRIES],
        "left_out": left,
        "read_all": read_all,
        "execution": execution.arn,
    }


def _entries(source: Source, execution: Execution, state: str) -> tuple[list[Json], bool]:
    """Newest first; and whether the whole history was read."""
    events: list[Json] = []
    whole = True
    for event in newest_first(source, execution.arn, data=True):
        if len(events) >= MAX_EVENTS:
            whole = False
            break
        events.append(event)
    within: dict[int, str] = {}
    newest = ""
    entries: list[Json] = []
    for event in reversed(events):
        entered, exited = event.get("stateEnteredEventDetails"), event.get("stateExitedEventDetails")
        # a history without the events' order has no branches to tell apart
        before = within.get(int(event["previousEventId"]), "") if "previousEventId" in event else newest
        name = str((entered or exited or {}).get("name") or before)
        newest = "" if exited else name
        within[int(event["id"])] = name
        if name != state:
            continue
        at = moment(event.get("timestamp"))
        if entered:
            entries.append({"entered": at, "input": _text(entered.get("input")), "steps": []})
        elif exited and entries:
            entries[-1] |= {"exited": at, "output": _text(exited.get("output"))}
        elif entries:
            _work(entries[-1], event, at)
    for entry in entries:
        entry["seconds"] = _seconds(entry)
    return entries[::-1], whole


def _work(entry: Json, event: Json, at: str) -> None:
    kind, told = str(event["type"]), details(event)
    step: Json = {"at": at, "what": kind}
    if told.get("error") or told.get("cause"):
        step |= {"error": str(told.get("error") or ""), "cause": _text(told.get("cause"))}
    entry["steps"].append(step)
    if kind.endswith("Scheduled") and told.get("resourceType"):
        place = place_of(str(told["resourceType"]), str(told.get("resource") or ""), read_json(told.get("parameters")))
        service, operation = called(str(told["resourceType"]), str(told.get("resource") or ""))
        entry |= {"calls": f"{service}:{operation}"} | ({"place": place} if place else {})
    if kind.endswith("Succeeded") and entry.get("place", {}).get("kind") == "glue":
        run = read_json(told.get("output"))
        entry["place"]["stream"] = str(run.get("JobRunId") or run.get("Id") or "") if isinstance(run, dict) else ""


def _text(value: Any) -> str | None:
    """JSON indented, if it is JSON; cut at MAX_TEXT."""
    if value is None:
        return None
    try:
        text = json.dumps(json.loads(value), indent=2, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        text = str(value)
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]}\n… {len(text) - MAX_TEXT:,} more characters"


def read_json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}


def _seconds(entry: Json) -> float | None:
    if not entry.get("exited"):
        return None
    took = datetime.fromisoformat(entry["exited"]) - datetime.fromisoformat(entry["entered"])
    return round(took.total_seconds(), 3)
