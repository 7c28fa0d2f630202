"""The record of an upload in raw/: what it says, and the effects that belong to it, in their order."""

from __future__ import annotations

from sluice.contract import Contract
from sluice.datasets.corrected_by import CORRECTS
from sluice.datasets.file_facts import ignored_columns
from sluice.datasets.report_dataset import report_dataset
from sluice.errors import SluiceError
from sluice.escaping import visible
from sluice.intake.validation import Outcome
from sluice.ports import Alerts, Events, Json, Ledger, ObjectStore


def record_of(project: str, dataset: str, outcome: Outcome, notes: Json) -> Json:
    """What the rows of a file came to: accepted, or quarantined as a whole by what the contract expects of it.

    `held_rows`: of a file quarantined as a whole, the rows that nothing is wrong with.
    """
    refused = bool(outcome.refusals)
    record: Json = {
        "status": "quarantined" if refused else "accepted",
        "project": project,
        "dataset_id": dataset,
        "rows": 0 if refused else outcome.rows,
        "quarantined_rows": outcome.rows + outcome.quarantined if refused else outcome.quarantined,
        "reasons": [{k: r[k] for k in ("rule", "column", "rows")} for r in outcome.refusals] + outcome.reason_counts,
        "format": outcome.notes.format,
        "encoding": outcome.notes.encoding,
        "notes": notes,
    }
    if refused:
        record["held_rows"] = outcome.rows
        record["message"] = "; ".join(refusal["message"] for refusal in outcome.refusals)
    return record


def notes_of(outcome: Outcome, contract: Contract) -> Json:
    """How the file was read, what was left out of it or changed, and how many rows no run learns from."""
    unlabelled = outcome.nulls[contract.problem.learned_target] if contract.problem.learned_target else 0
    told = {"without_target": unlabelled} if unlabelled else {}
    return ignored_columns(outcome.extra_columns) | outcome.notes.told() | told


def recorded(bucket: str, key: str, version: str, record: Json, *, ledger: Ledger) -> Json:
    """The terminal record of an upload: this one, unless there is one already."""
    record |= {"key": key, "version_id": version}
    if ledger.record_arrival(bucket, key, version, record):
        return record
    # another delivery of the same event was faster; its record is the one that counts
    return ledger.arrival(bucket, key, version) or record


def finished(
    key: str,
    project: str,
    dataset: str,
    judged: Json,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
) -> Json:
    """The record of an upload whose dataset is listed, with the event and the alert that follow from it.

    `judged`: as the state store keeps it. A dataset that an older version listed has its counts alone.
    """
    counts = {name: judged[name] for name in ("rows", "quarantined_rows")}
    record: Json = {
        "status": "accepted",
        "project": project,
        "dataset_id": dataset,
        **counts,
        "reasons": judged.get("reasons", []),
        "format": judged.get("format"),
        "encoding": judged.get("encoding"),
        "notes": dict(judged.get("notes", {})),
        "contract_version": judged.get("contract_version"),
    }
    if corrects := judged.get(CORRECTS):
        record[CORRECTS] = corrects
    if content := judged.get("sha256"):
        # of two uploads at the same instant, one is the first
        first = ledger.first_with_content(project, content, dataset, key)
        if first["dataset_id"] != dataset:
            record["notes"]["same_content_as"] = first
    events.put("Dataset Accepted", {"project": project, "dataset_id": dataset, **counts})
    report_dataset(key, record, objects=objects, alerts=alerts)
    return record


def gone(key: str, project: str, dataset: str, why: str, *, alerts: Alerts) -> Json:
    message = (
        f"{why} before it was processed, so no run learns from it. If it was renamed, the object with the new name "
        f"counts"
    )
    facts = {"key": key, "dataset_id": dataset}
    subject = f"{project}: a file was deleted before it was processed"
    alerts.publish("Dataset Gone", project, subject, f"{visible(key)}: {message}.", facts)
    return without_rows("gone", project, dataset, "gone", message)


def failed(key: str, project: str, dataset: str, error: SluiceError, *, alerts: Alerts) -> Json:
    kind = type(error).__name__
    facts = {"key": key, "dataset_id": dataset, "error": kind}
    subject = f"{project or 'no project'}: a file could not be read ({kind})"
    alerts.publish("Dataset Failed", project, subject, f"{visible(key)}: {error}", facts)
    return {**without_rows("failed", project, dataset, kind, str(error)), "error": kind}


def without_rows(status: str, project: str, dataset: str, rule: str, message: str) -> Json:
    return {
        "status": status,
        "project": project,
        "dataset_id": dataset,
        "rows": 0,
        "quarantined_rows": 0,
        "reasons": [{"rule": rule, "column": None, "rows": 0}],
        "message": message,
        "format": None,
        "encoding": None,
    }
