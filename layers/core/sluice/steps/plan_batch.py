"""Batch: a file to score is dropped; one transform job scores that very version of it, however often its event comes.

The file is read and judged as files in raw/ are, with the contract of the model that scores it. Its good rows go to the
job as JSON lines, in a folder of their own, since a transform reads every object whose key begins as its input's. By
their index, number and key of each, `finish_batch` finds the row of an answer. Refused rows go to quarantine/.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sluice import keys, names
from sluice.contract import Contract
from sluice.datasets.batch_counts import counts_of
from sluice.datasets.quarantine_files import write_quarantine
from sluice.errors import ArtifactError, DamagedRecordError, InputError, NotFoundError, UnknownProjectError
from sluice.escaping import short, visible
from sluice.intake.limits import Limits, too_large
from sluice.intake.markers import marker
from sluice.intake.misplaced import contract_among_rows
from sluice.intake.scoring import ScoringFile, read_scoring_file
from sluice.ports import Alerts, Champion, Clock, Executions, Json, Ledger, ObjectStore, Settings, Signer
from sluice.records.batch_plan import BatchPlan
from sluice.serving.sealed_models import verified_champion
from sluice.store.run_records import project_contract, run_contract

MAX_TOLD = 20
_GONE = "it was deleted before it could be scored"


def plan_batch(
    key: str,
    version_id: str,
    size: int | None = None,
    seconds: float | None = None,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    signer: Signer,
    executions: Executions,
    clock: Clock,
) -> Json:
    """`{"decision": started | refused | known | ignored, …}`; a refusal is alerted and is the file's terminal record.

    `seconds`: the time for reading the file.
    """
    if what := marker(key, size):
        return _ignored(key, version_id, what, objects=objects, ledger=ledger, clock=clock)
    if ledger.arrival(objects.bucket, key, version_id) is not None:
        return {"decision": "known", "reasons": ["this version was scored or refused before"]}
    refuse_of = partial(_refused, objects=objects, ledger=ledger, alerts=alerts, clock=clock)
    try:
        project = keys.parse_arrival(key).project
    except InputError as error:
        return refuse_of("", key, version_id, str(error), error=type(error).__name__)
    refuse = partial(refuse_of, project, key, version_id)
    if why := contract_among_rows(key):
        return refuse(why)
    try:
        contract = project_contract(project, ledger=ledger)
    except UnknownProjectError as error:
        return refuse(str(error), error=type(error).__name__)
    champion = ledger.champion(project)
    if champion is None:
        return refuse(f"project {project!r} has no model that serves yet", error="NoChampionError")
    try:
        # the job's instances load the model again
        verified_champion(project, champion, objects=objects, signer=signer)
    except ArtifactError as error:
        return refuse(str(error), error=type(error).__name__)
    if not objects.exists(key):
        return refuse(_GONE, "gone")
    limits = Limits.of(settings).within(seconds)
    try:
        limits.check_file(size or 0)
        learned = run_contract(project, champion.run_id, objects=objects)
        with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
            return _prepare(
                key,
                version_id,
                champion,
                contract,
                learned,
                Path(folder),
                limits,
                refuse,
                settings=settings,
                objects=objects,
                executions=executions,
            )
    except (InputError, DamagedRecordError, NotFoundError) as error:
        return refuse(str(error), error=type(error).__name__)
    except (MemoryError, OSError) as error:
        full = too_large(error, size)
        if full is None:
            raise
        return refuse(str(full), error=type(full).__name__)


def _prepare(
    key: str,
    version_id: str,
    champion: Champion,
    contract: Contract,
    learned: Contract,
    folder: Path,
    limits: Limits,
    refuse: Callable[..., Json],
    *,
    settings: Settings,
    objects: ObjectStore,
    executions: Executions,
) -> Json:
    """Writes the rows to score and the refused ones, and starts the scoring. Raises InputError.

    `contract` is the project's of today, `learned` that of the run whose model scores the file.
    """
    project, source = contract.project, folder / "arrival"
    try:
        objects.download(key, source, version_id if version_id != "null" else None)
    except NotFoundError:
        return refuse(_GONE, "gone")
    found = read_scoring_file(source, learned, folder, limits, contract, keys.columns_in(key, contract.data.columns))
    facts = _facts(key, version_id, project, learned, found, objects=objects)
    if not found.scored:
        return refuse(f"no row can be scored. {counts_of(facts)}", facts=facts)
    identity = names.digest(key, version_id)
    rows = keys.scoring(project, identity, keys.parse_arrival(key).name.rpartition("/")[2])
    objects.upload(found.path, rows, "application/jsonlines")
    objects.upload(found.index_path, keys.scored_rows(project, identity), "application/jsonlines")
    plan = BatchPlan(
        project=project,
        key=key,
        version_id=version_id,
        run_id=champion.run_id,
        job=names.job(settings.stack, project, f"b{identity}", "batch"),
        model=champion.model,
        input_uri=objects.uri(rows),
        output_uri=objects.uri(keys.scored_answers(project, identity)),
        accept="text/csv" if found.notes.format == "csv" else "application/jsonlines",
        instance=contract.release.instance,
        tags=names.tags(settings.stack, project, champion.run_id),
        file=facts,
    ).plain()
    # by the name a second delivery finds the execution of the first, whether it runs or is over
    execution = executions.start(settings.batch_arn, names.execution(project, f"b{identity}"), plan)
    return {"decision": "started", "execution": execution, **plan}


def _facts(
    key: str, version_id: str, project: str, contract: Contract, found: ScoringFile, *, objects: ObjectStore
) -> Json:
    """Counts of the file's rows for the record and the alert; what was refused is written to quarantine/."""
    target, reasons = contract.problem.target, found.reason_counts
    facts: Json = {
        "rows": found.rows,
        "scored_rows": found.scored,
        "quarantined_rows": found.quarantined,
        "reasons": reasons[:MAX_TOLD],
        "reasons_count": len(reasons),
        "format": found.notes.format,
        "encoding": found.notes.encoding,
        "notes": found.notes.told(),
        "columns_unused": [short(name, 80) for name in found.unused_columns[:MAX_TOLD]],
        "columns_unused_count": len(found.unused_columns),
        "key_columns": found.key_columns,
        "key_columns_missing": [name for name in contract.data.key if name not in found.key_columns],
        "target_ignored": target if target in found.unused_columns else None,
        "refused_uri": None,
        "report_uri": None,
        "score_member": contract.score_member,
    }
    if found.quarantined:
        dataset = names.dataset_id(objects.bucket, key, version_id)
        where = keys.quarantined_rows(project, dataset)
        facts["refused_uri"] = objects.uri(where)
        facts["report_uri"] = objects.uri(keys.quarantine_report(project, dataset))
        summary = {**facts, "kind": "batch", "project": project, "dataset_id": dataset, "key": key}
        summary |= {"version_id": version_id, "status": "scored", "rows": found.scored, "reasons": reasons}
        write_quarantine(found.refused_path, summary, objects=objects)
    return facts


def _ignored(key: str, version_id: str, what: str, *, objects: ObjectStore, ledger: Ledger, clock: Clock) -> Json:
    at, why = clock.now(), f"{what} is not a data file"
    ledger.add_ignored(keys.project_of(key), at, {"key": key, "what": what})
    record = {"status": "ignored", "kind": "batch", "reasons": [why], "at": at.isoformat()}
    ledger.record_arrival(objects.bucket, key, version_id, record)
    return {"decision": "ignored", "reasons": [why]}


def _refused(
    project: str,
    key: str,
    version_id: str,
    why: str,
    status: str = "failed",
    facts: Json | None = None,
    error: str | None = None,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    clock: Clock,
) -> Json:
    record: Json = {"status": status, "kind": "batch", "reasons": [why], "at": clock.now().isoformat()}
    if facts is not None:
        record["file"] = facts
    if error is not None:
        record["error"] = error
    if ledger.record_arrival(objects.bucket, key, version_id, record):
        alerts.publish(
            "Batch Failed",
            project,
            f"{project}: a batch file was refused",
            f"{visible(key)}: {visible(why)}",
            {"key": key},
        )
    return {"decision": "refused", "project": project, "key": key, "version_id": version_id, "reasons": [why]}
