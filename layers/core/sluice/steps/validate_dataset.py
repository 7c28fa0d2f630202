"""A file arrived in raw/: every row ends up accepted or quarantined with reasons, every file in one terminal record.

Who claims the arrival handles it, so that two deliveries at the same instant tell people once. The one that comes too
late ends in silence: should the other die, its own message comes back, after its claim's lease is over.

Order of effects: objects, dataset, event, alert, and the terminal record last. A crash anywhere before the record
makes the retry do all of it again, to the same keys; so an event or alert may come twice after a crash, and is never
lost. Who reads the events is idempotent.
"""

from __future__ import annotations

import json
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sluice import keys, names
from sluice.contract import Contract, nearest
from sluice.errors import InputError, UnknownProjectError
from sluice.escaping import visible
from sluice.intake.validation import Outcome, validate_file
from sluice.ports import Json, World
from sluice.steps.register_project import register_project

LEASE = timedelta(minutes=15)
"""The longest that the function may take; the queue gives a message back much later."""


def validate_dataset(world: World, bucket: str, key: str, version_id: str | None, size: int | None = None) -> Json:
    """The terminal record of this arrival; the first call makes it, later ones only give it back.

    While another call makes it, `status` is `in progress`. Else it is `accepted`, `quarantined` (the whole file, by the
    contract's expectations) or `failed` (with `error` and `message`). Input mistakes are outcomes; everything else is
    raised, so that the queue delivers it again.
    """
    version = version_id or world.objects.version(key) or "null"
    known = world.ledger.arrival(bucket, key, version)
    if known is not None:
        return known
    if key.endswith("/") and not size:
        return {"status": "ignored", "project": "", "message": "a folder marker of the S3 console is no file"}
    if not world.ledger.claim_arrival(bucket, key, version, world.clock.now(), LEASE):
        return world.ledger.arrival(bucket, key, version) or {"status": "in progress", "project": ""}
    dataset = names.dataset_id(bucket, key, version)
    project, contract_version = "", None
    try:
        project = keys.parse_arrival(key).project
        contract, contract_version = _contract(world, project)
        with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
            record = _judge(world, key, version, project, dataset, contract, Path(folder))
    except InputError as error:
        record = _failed(world, key, project, dataset, error)
    record |= {"key": key, "version_id": version, "contract_version": contract_version}
    if world.ledger.record_arrival(bucket, key, version, record):
        return record
    # another delivery of the same event was faster; its record is the one that counts
    return world.ledger.arrival(bucket, key, version) or record


def _contract(world: World, project: str) -> tuple[Contract, str]:
    registered = world.ledger.contract(project)
    if registered is None:
        # the contract may have been dropped a moment before the file, its event still on the way
        yaml_key = keys.contract(project)
        if world.objects.exists(yaml_key):
            answer = register_project(world, yaml_key, world.objects.version(yaml_key))
            if answer["status"] == "refused":
                raise UnknownProjectError(f"the contract of {project!r} was refused: {answer['message']}")
            registered = world.ledger.contract(project)
    if registered is None:
        hint = nearest(project, world.ledger.projects())
        raise UnknownProjectError(
            f"there is no project {project!r}{hint}. Put its contract at {keys.contract(project)}, then the file again"
        )
    return Contract.model_validate(registered[0]), registered[1]


def _judge(world: World, key: str, version: str, project: str, dataset: str, contract: Contract, folder: Path) -> Json:
    accepted_at = _accepted_at(world, project, dataset)
    source = folder / "arrival"
    world.objects.download(key, source, version if version != "null" else None)
    outcome = validate_file(source, contract, accepted_at, folder)
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
        "notes": _notes(outcome),
    }
    if refused:
        record["message"] = "; ".join(refusal["message"] for refusal in outcome.refusals)
    if refused or outcome.quarantined:
        summary = {**record, "key": key, "version_id": version, "refusals": outcome.refusals}
        world.objects.upload(outcome.quarantine_path, keys.quarantined_rows(project, dataset), "application/jsonl")
        world.objects.write(keys.quarantine_summary(project, dataset), _json(summary), "application/json")
    if not refused:
        world.objects.upload(outcome.accepted_path, keys.accepted_part(project, dataset))
        facts = {"rows": outcome.rows, "quarantined_rows": outcome.quarantined, "key": key}
        world.ledger.add_dataset(project, dataset, accepted_at, facts)
        counts = {"rows": outcome.rows, "quarantined_rows": outcome.quarantined}
        world.events.put("Dataset Accepted", {"project": project, "dataset_id": dataset, **counts})
    _tell(world, key, record)
    return record


def _accepted_at(world: World, project: str, dataset: str) -> datetime:
    """Now, or when an earlier try accepted this dataset, so that a retry adds no second entry."""
    for known in world.ledger.datasets(project):
        if known["dataset_id"] == dataset:
            return datetime.fromisoformat(known["accepted_at"])
    return world.clock.now()


def _notes(outcome: Outcome) -> dict[str, Any]:
    notes: dict[str, Any] = {"columns_ignored": outcome.extra_columns[:100]} if outcome.extra_columns else {}
    if outcome.notes.blank_lines:
        notes["blank_lines"] = outcome.notes.blank_lines
    if outcome.notes.delimiter:
        notes["delimiter"] = outcome.notes.delimiter
    return notes


def _tell(world: World, key: str, record: Json) -> None:
    project, dataset, name = record["project"], record["dataset_id"], visible(key)
    facts = {name: record[name] for name in ("dataset_id", "rows", "quarantined_rows")} | {"key": key}
    facts["reasons"] = record["reasons"][:20]
    where = f"Rows and reasons: {world.objects.uri(keys.quarantined_rows(project, dataset))}"
    if record["status"] == "accepted":
        message = f"{name}: {record['rows']} rows accepted, {record['quarantined_rows']} quarantined."
        world.alerts.publish("Dataset Accepted", project, f"{project}: {record['rows']} rows accepted", message, facts)
        if record["quarantined_rows"]:
            subject = f"{project}: {record['quarantined_rows']} rows quarantined"
            told = ", ".join(_count(reason) for reason in record["reasons"][:10])
            world.alerts.publish("Dataset Quarantined", project, subject, f"{name}: {told}. {where}", facts)
    else:
        subject = f"{project}: a whole file was quarantined"
        message = f"{name}: {record['message']}. No row was accepted. {where}"
        world.alerts.publish("Dataset Quarantined", project, subject, message, facts)


def _count(reason: Json) -> str:
    at = f" in {reason['column']!r}" if reason["column"] else ""
    return f"{reason['rows']} × {reason['rule']}{at}"


def _failed(world: World, key: str, project: str, dataset: str, error: InputError) -> Json:
    kind = type(error).__name__
    facts = {"key": key, "dataset_id": dataset, "error": kind}
    subject = f"{project or 'no project'}: a file could not be read ({kind})"
    world.alerts.publish("Dataset Failed", project, subject, f"{visible(key)}: {error}", facts)
    return {
        "status": "failed",
        "project": project,
        "dataset_id": dataset,
        "rows": 0,
        "quarantined_rows": 0,
        "reasons": [{"rule": kind, "column": None, "rows": 0}],
        "error": kind,
        "message": str(error),
        "format": None,
        "encoding": None,
    }


def _json(facts: Json) -> bytes:
    return json.dumps(facts, indent=1, ensure_ascii=False).encode()
