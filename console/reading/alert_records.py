"""Alerts of the time before the console began, from the records that they were about. SNS keeps no message.

Each kind of docs/alerts.md is either rebuilt here or among UNRECORDED, which the page names.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from cli.commands.runs import explanation
from cli.outcomes import described
from console.reading.stored import json_at, once_json_at
from console.source import Source
from sluice import keys
from sluice.changes.words import lines
from sluice.datasets.report_misplaced import STACK
from sluice.ports import Json, StoredObject
from sluice.store.held_changes import held_changes
from sluice.store.prepared_data import unexpected

MAX_RUNS = 100
MAX_FILES = 20
"""The newest files of each area that people drop files in."""
UNRECORDED = {
    "Dataset Gone": "the file that it is about is no longer there",
    "Endpoint Asleep": "the project's page says whether it sleeps, but not since when",
    "Endpoint Awake": "the project's page says whether it is awake, but not since when",
    "Event Given Up": "only that of a file leaves a record: that of the file",
    "Rollback Impossible": "nothing was changed, so nothing was recorded",
}
"""Kind → why no record of it is left."""
_OUTCOMES = {
    "promoted": "Model Promoted",
    "rejected": "Candidate Rejected",
    "rolled_back": "Model Rolled Back",
    "not_approved": "Model Not Approved",
    "failed": "Run Failed",
    "drill_passed": "Rollback Drill",
    "drill_failed": "Rollback Drill",
}
_RESPONSES = {"retrain": "Retraining Started", "roll_back": "Rollback Started", "hold": "Response Held"}
_FILES = {
    ("raw", "accepted"): "",  # the list of datasets has it
    ("raw", "quarantined"): "Dataset Quarantined",
    ("raw", "failed"): "Dataset Failed",
    ("labels", "accepted"): "Labels Accepted",
    ("labels", "quarantined"): "Labels Refused",
    ("labels", "failed"): "Labels Refused",
    ("batch", "accepted"): "Batch Finished",
    ("batch", "quarantined"): "Batch Failed",
    ("batch", "failed"): "Batch Failed",
}
REBUILT = frozenset(
    {
        *_OUTCOMES.values(),
        *_RESPONSES.values(),
        *(kind for kind in _FILES.values() if kind),
        *("Approval Requested", "Leakage Suspected", "Data Changed", "Canary Abort Requested", "Release Waits"),
        *("Rollback Not Verified", "Dataset Accepted", "Dataset Withdrawn", "Contract Registered", "Contract Changed"),
        *("Contract Refused", "File Misplaced", "Data Fault", "Change Held", "Held Change Over", "Drift Accepted"),
        *("Monitoring Incomplete", "Endpoint Missing"),
    }
)


def of_project(source: Source, project: str) -> Iterator[Json]:
    """In no order. An alert whose own time is not recorded has that of the record that it is in."""
    for record in source.records(project)[:MAX_RUNS]:
        yield from _of_run(source, project, record)
    yield from _of_datasets(source, project)
    for area in ("raw", "labels", "batch"):
        yield from _of_files(source, project, area)
    yield from _of_contract(source, project)
    yield from _of_responses(source, project)
    yield from _of_monitoring(source, project)


def _alert(project: str, kind: str, subject: str, at: Any, message: str = "", run_id: Any = None) -> Json:
    return {
        "project": project,
        "kind": kind,
        "subject": subject,
        "at": str(at or ""),
        "run_id": run_id if isinstance(run_id, str) else None,
        "message": message,
    }


def _of_run(source: Source, project: str, record: Json) -> Iterator[Json]:
    run_id, started = record["run_id"], record.get("started_at")
    if leaks := record.get("suspected_leaks"):
        subject = f"{run_id} learns from columns that may not be known when it predicts"
        yield _alert(project, "Leakage Suspected", subject, _judged(source, project, record), "\n".join(leaks), run_id)
    if changed := unexpected(record.get("data") or {}):
        subject = f"{run_id} leaves out or changes accepted data"
        yield _alert(project, "Data Changed", subject, _judged(source, project, record), "\n".join(changed), run_id)
    approval = record.get("approval") or {}
    if approval.get("requested_at"):
        words = "waits for a decision" if not approval.get("decision") else f"was decided: {approval['decision']}"
        yield _alert(project, "Approval Requested", f"{run_id} {words}", approval["requested_at"], "", run_id)
    if record.get("told_of_hold"):
        yield _alert(project, "Release Waits", f"{run_id} waits for live requests", started, "", run_id)
    if abort := record.get("abort_requested"):
        reason = str(abort.get("reason")) if isinstance(abort, dict) else "by a person"
        at = abort.get("at") if isinstance(abort, dict) else None
        yield _alert(project, "Canary Abort Requested", f"{run_id} will be aborted", at or started, reason, run_id)
    if (outcome := record.get("outcome")) and record.get("ended_at"):
        kind = _OUTCOMES.get(str(outcome), "Run Failed")
        if kind == "Model Rolled Back" and record.get("rollback_verified") is False:
            kind = "Rollback Not Verified"
        yield _alert(
            project,
            kind,
            f"{run_id}: {str(outcome).replace('_', ' ')}",
            record["ended_at"],
            explanation(record),
            run_id,
        )
    if isinstance(rolled := record.get("rolled_back"), dict):
        kind = "Model Rolled Back" if rolled.get("verified") else "Rollback Not Verified"
        at = rolled.get("at") or record.get("ended_at")
        yield _alert(
            project, kind, f"{run_id} was rolled back after its promotion", at, str(rolled.get("reason")), run_id
        )


def _judged(source: Source, project: str, record: Json) -> str:
    """When the gates of a run judged, which send what they found on the way."""
    gates = once_json_at(source, keys.decision(project, record["run_id"], "gates"))
    return str((gates or {}).get("at") or record.get("started_at") or "")


def _of_datasets(source: Source, project: str) -> Iterator[Json]:
    for each in source.world.ledger.datasets(project)[-MAX_RUNS:]:
        name = each.get("key") or each["dataset_id"]
        yield _alert(project, "Dataset Accepted", f"{name}: {each.get('rows')} rows accepted", each.get("accepted_at"))
        if each.get("quarantined_rows"):
            subject = f"{name}: {each['quarantined_rows']} rows refused"
            yield _alert(project, "Dataset Quarantined", subject, each.get("accepted_at"))
        if each.get("withdrawn_at"):
            why = str(each.get("withdrawn_because") or "")
            yield _alert(project, "Dataset Withdrawn", f"{name} was withdrawn", each["withdrawn_at"], why)


def verdicts(source: Source, project: str, area: str) -> Iterator[tuple[StoredObject, Json]]:
    """The terminal records of the newest files that lie in an area now."""
    stored = sorted(source.world.objects.list(f"{area}/{project}/"), key=lambda item: item.modified, reverse=True)
    for item in stored[:MAX_FILES]:
        try:
            record = source.kept.get(("verdict", item.key, item.modified), partial(_arrival, source, item.key), 3_600)
        except LookupError:
            continue
        yield item, record


def _of_files(source: Source, project: str, area: str) -> Iterator[Json]:
    for item, record in verdicts(source, project, area):
        kind = _FILES.get((area, str(record.get("status"))), "")
        if kind:
            words = described(record)
            subject = f"{item.key}: {words[0] if words else record.get('status')}"
            yield _alert(project, kind, subject, item.modified.isoformat(), "\n".join(words))


def _arrival(source: Source, key: str) -> Json:
    """The terminal record of the newest version. Raises LookupError before there is one."""
    world = source.world
    record = world.ledger.arrival(world.objects.bucket, key, world.objects.version(key) or "null")
    if record is None:
        raise LookupError(key)
    return record


def _of_contract(source: Source, project: str) -> Iterator[Json]:
    world, place = source.world, keys.contract(project)
    written = {item.key: item.modified.isoformat() for item in world.objects.list(place)}
    registered = world.ledger.contract(project)
    if place in written and registered:
        if world.objects.version(place) == registered[1]:
            yield _alert(project, "Contract Registered", f"version {registered[1]} is in force", written[place])
        else:
            subject = f"{place} is not in force: version {registered[1]} is"
            message = "`sluice check project.yaml` says what is wrong with the newer one."
            yield _alert(project, "Contract Refused", subject, written[place], message)
    for item in world.objects.list(f"contracts/{project}/"):
        change = json_at(source, item.key)
        if isinstance(change, dict) and change.get("status") == "compared":
            subject = f"version {change.get('version')} was compared with the accepted rows"
            yield _alert(project, "Contract Changed", subject, change.get("at"), "\n".join(lines(change)))
    for each in world.ledger.ignored(STACK):
        expected = each.get("expected")
        if expected and keys.project_of(expected) == project:
            kind = "Contract Refused" if each.get("kind") == "contract" else "File Misplaced"
            yield _alert(project, kind, f"{each['key']} is not read", each.get("at"), f"It belongs at {expected}")


def _of_responses(source: Source, project: str) -> Iterator[Json]:
    for item in source.world.objects.list(keys.monitor(project, "responses/"))[-MAX_RUNS:]:
        answer = once_json_at(source, item.key)
        kind = _RESPONSES.get(str(answer.get("decision"))) if isinstance(answer, dict) else None
        if kind:
            inputs = answer.get("inputs") or {}
            if inputs.get("alarm") == "triage":
                continue  # a change that is held, below
            asked = inputs.get("alarm") or ("the schedule" if "schedule" in inputs else "a person")
            subject, reasons = f"{asked}: {answer['decision']}", "\n".join(map(str, answer.get("reasons") or []))
            yield _alert(project, kind, subject, inputs.get("at"), reasons, answer.get("run_id"))
    for change in held_changes(project, ledger=source.world.ledger):
        kind = "Data Fault" if change.fault else "Change Held"
        where = f" in {', '.join(change.columns)}" if change.columns else ""
        name = f"{change.reason}{where} ({change.change_id})"
        yield _alert(project, kind, name, change.found_at.isoformat(), change.sentence, change.champion)
        if change.over:
            yield _alert(project, "Held Change Over", name, change.over.isoformat(), "", change.champion)
        if accepted := change.accepted:
            words = f"{accepted.get('by')}: {accepted.get('reason')}"
            yield _alert(project, "Drift Accepted", name, accepted.get("at"), words, change.champion)


def _of_monitoring(source: Source, project: str) -> Iterator[Json]:
    report = json_at(source, keys.monitor(project, "latest.json"))
    if not isinstance(report, dict):
        return
    if problems := report.get("problems"):
        told = "\n".join(f"{name}: {why}" for name, why in problems.items())
        subject = "a part could not be measured" if len(problems) == 1 else f"{len(problems)} parts were not measured"
        yield _alert(project, "Monitoring Incomplete", subject, report.get("at"), told)
    if report.get("endpoint_missing"):
        yield _alert(project, "Endpoint Missing", "the endpoint is gone or has failed", report.get("at"))
