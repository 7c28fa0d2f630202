"""The record of an upload in raw/: what it says, and the effects that belong to it, in their order."""

from __future__ import annotations

from datetime import datetime

from sluice.contract import Contract
from sluice.datasets.corrected_by import CORRECTS
from sluice.datasets.corrections import Lineage
from sluice.datasets.file_facts import ignored_columns
from sluice.datasets.report_dataset import report_dataset
from sluice.datasets.upload import Upload
from sluice.errors import ConflictError, SluiceError
from sluice.escaping import visible
from sluice.intake.validation import Outcome
from sluice.ports import Alerts, Events, Json, Ledger, ObjectStore
from sluice.profile.profiler import Profiler
from sluice.store.counted_profiles import write_counted


def record_of(upload: Upload, outcome: Outcome, notes: Json) -> Json:
    """What the rows of a file came to: accepted, or quarantined as a whole by what the contract expects of it.

    `held_rows`: of a file quarantined as a whole, the rows that nothing is wrong with.
    """
    refused = bool(outcome.refusals)
    record: Json = {
        "status": "quarantined" if refused else "accepted",
        "project": upload.project,
        "dataset_id": upload.dataset,
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


def recorded(upload: Upload, record: Json, *, ledger: Ledger) -> Json:
    """The terminal record of an upload: this one, unless there is one already."""
    record |= {"key": upload.key, "version_id": upload.version}
    if ledger.record_arrival(upload.bucket, upload.key, upload.version, record):
        return record
    # another delivery of the same event was faster; its record is the one that counts
    return ledger.arrival(upload.bucket, upload.key, upload.version) or record


def listed(
    upload: Upload,
    outcome: Outcome,
    record: Json,
    profiler: Profiler,
    accepted_at: datetime,
    content: str,
    contract_version: str,
    corrects: Lineage | None = None,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
) -> Json:
    """Lists the accepted rows as a dataset, with their profile. Returns the record of the upload, as `finished` does.

    `content`: the digest of the file. Raises ConflictError if another correction of the same dataset was listed
    meanwhile.
    """
    project, dataset = upload.project, upload.dataset
    profile = profiler.profile(dataset) | outcome.notes.of_profile()
    write_counted(profile, project, dataset, contract_version, objects=objects)
    facts = {"rows": outcome.rows, "quarantined_rows": outcome.quarantined, "key": upload.key, "sha256": content}
    judged = {**record, "sha256": content, "contract_version": contract_version}
    if corrects is None:
        ledger.add_dataset(project, dataset, accepted_at, facts, judged)
    else:
        facts[CORRECTS] = record[CORRECTS]
        if not ledger.add_correction(project, dataset, accepted_at, facts, judged, corrects.lines_of, corrects.listed):
            raise ConflictError(f"another correction of dataset {corrects.lines_of} was listed meanwhile")
    return finished(upload, judged, objects=objects, ledger=ledger, alerts=alerts, events=events)


def finished(
    upload: Upload, judged: Json, *, objects: ObjectStore, ledger: Ledger, alerts: Alerts, events: Events
) -> Json:
    """The record of an upload whose dataset is listed, with the event and the alert that follow from it.

    `judged`: as the state store keeps it. A dataset that an older version listed has its counts alone.
    """
    project, dataset = upload.project, upload.dataset
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
        first = ledger.first_with_content(project, content, dataset, upload.key)
        if first["dataset_id"] != dataset:
            record["notes"]["same_content_as"] = first
    events.put("Dataset Accepted", {"project": project, "dataset_id": dataset, **counts})
    report_dataset(upload.key, record, objects=objects, alerts=alerts)
    return record


def gone(upload: Upload, why: str, *, alerts: Alerts) -> Json:
    message = (
        f"{why} before it was processed, so no run learns from it. If it was renamed, the object with the new name "
        f"counts"
    )
    facts = {"key": upload.key, "dataset_id": upload.dataset}
    subject = f"{upload.project}: a file was deleted before it was processed"
    alerts.publish("Dataset Gone", upload.project, subject, f"{visible(upload.key)}: {message}.", facts)
    return without_rows("gone", upload, "gone", message)


def failed(upload: Upload, error: SluiceError, *, alerts: Alerts) -> Json:
    kind = type(error).__name__
    facts = {"key": upload.key, "dataset_id": upload.dataset, "error": kind}
    subject = f"{upload.project or 'no project'}: a file could not be read ({kind})"
    alerts.publish("Dataset Failed", upload.project, subject, f"{visible(upload.key)}: {error}", facts)
    return {**without_rows("failed", upload, kind, str(error)), "error": kind}


def without_rows(status: str, upload: Upload, rule: str, message: str) -> Json:
    return {
        "status": status,
        "project": upload.project,
        "dataset_id": upload.dataset,
        "rows": 0,
        "quarantined_rows": 0,
        "reasons": [{"rule": rule, "column": None, "rows": 0}],
        "message": message,
        "format": None,
        "encoding": None,
    }
