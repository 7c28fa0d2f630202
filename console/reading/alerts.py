"""The inbox: alerts that the console heard while it ran, and what the records say of the time before.

SNS keeps no messages. Alerts from before the console started are rebuilt from the records that they were about.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from cli.commands.runs import explanation
from console.inbox import Inbox
from console.reading.stored import once_json_at
from console.source import Source
from sluice import keys
from sluice.ports import Json

MAX_RUNS = 100
_OUTCOMES = {
    "promoted": "Model Promoted",
    "rejected": "Candidate Rejected",
    "rolled_back": "Release Rolled Back",
    "not_approved": "Model Not Approved",
    "failed": "Run Failed",
}
"""How a run ended → the alert that it sent, as docs/alerts.md names it."""


def read(source: Source, inbox: Inbox | None, project: str = "") -> Json:
    """`{"heard": [...], "records": [...], "listens", "why_not"}`, newest first; of one project, or of all."""
    heard = [each for each in (inbox.alerts() if inbox else []) if project in ("", each["project"])]
    projects = [project] if project else source.kept.get("projects", source.world.ledger.projects, 0.8)
    records: list[Json] = []
    for name in projects:
        records += source.kept.get(("records", name), partial(_of, source, name), 2.0)
    return {
        "project": project,
        "heard": heard[::-1],
        "records": sorted(records, key=lambda each: each["at"], reverse=True)[:200],
        "listens": inbox is not None and inbox.listens,
        "why_not": inbox.why_not if inbox else "",
    }


def _of(source: Source, project: str) -> list[Json]:
    """What happened to the project, from its records."""
    found: list[Json] = []
    for record in source.records(project)[:MAX_RUNS]:
        run_id = record["run_id"]
        approval = record.get("approval") or {}
        if approval.get("requested_at"):
            words = "waits for a decision" if not approval.get("decision") else f"was decided: {approval['decision']}"
            found.append(_told(project, "Approval Requested", f"{run_id} {words}", approval["requested_at"], run_id))
        if record.get("outcome") and record.get("ended_at"):
            kind = _OUTCOMES.get(str(record["outcome"]), "Run Finished")
            found.append(
                _told(project, kind, f"{run_id}: {record['outcome']}", record["ended_at"], run_id, explanation(record))
            )
        rolled = record.get("rolled_back")
        if isinstance(rolled, dict) and record.get("ended_at"):
            found.append(
                _told(
                    project,
                    "Rolled Back",
                    f"{run_id} was rolled back",
                    record["ended_at"],
                    run_id,
                    str(rolled.get("reason")),
                )
            )
    for dataset in source.world.ledger.datasets(project)[-MAX_RUNS:]:
        words = f"{dataset.get('key')}: {dataset.get('rows')} rows accepted"
        found.append(_told(project, "Dataset Accepted", words, str(dataset.get("accepted_at") or "")))
    for item in source.world.objects.list(keys.monitor(project, "responses/"))[-MAX_RUNS:]:
        answer = once_json_at(source, item.key)
        if isinstance(answer, dict):
            inputs: Any = answer.get("inputs") or {}
            words = f"{inputs.get('alarm')}: {answer.get('decision')}"
            text = "\n".join(str(each) for each in answer.get("reasons") or [])
            found.append(
                _told(project, "Alarm Answered", words, str(inputs.get("at") or ""), answer.get("run_id"), text)
            )
    return found


def _told(project: str, kind: str, subject: str, at: str, run_id: Any = None, message: str = "") -> Json:
    return {
        "project": project,
        "kind": kind,
        "subject": subject,
        "at": at,
        "run_id": run_id if isinstance(run_id, str) else None,
        "message": message,
    }
