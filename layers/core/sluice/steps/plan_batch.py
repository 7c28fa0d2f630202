"""Batch: a file to score is dropped; one transform job scores that very version of it, however often its event comes.

The file is read and judged as files in raw/ are, with the contract of the model that scores it. Its good rows go to the
job as JSON lines, in a folder of their own, since a transform reads every object whose key begins as its input's. By
their index, number and key of each, `finish_batch` finds the row of an answer. Refused rows go to quarantine/.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from sluice import keys, names
from sluice.contract import Contract
from sluice.datasets.batch_counts import counts_of
from sluice.errors import ArtifactError, DamagedRecordError, InputError, NotFoundError, UnknownProjectError
from sluice.escaping import short, visible
from sluice.intake.limits import Limits, too_large
from sluice.intake.markers import marker
from sluice.intake.misplaced import contract_among_rows
from sluice.intake.scoring import ScoringFile, read_scoring_file
from sluice.ports import Champion, Json, World
from sluice.records.batch_plan import BatchPlan
from sluice.serving.sealed_models import verified_champion
from sluice.store.run_records import project_contract, run_contract

MAX_TOLD = 20


def plan_batch(world: World, key: str, version_id: str, size: int | None = None, seconds: float | None = None) -> Json:
    """`{"decision": started | refused | known | ignored, …}`; a refusal is alerted and is the file's terminal record.

    `seconds`: the time for reading the file.
    """
    if what := marker(key, size):
        return _ignored(world, key, version_id, what)
    if world.ledger.arrival(world.objects.bucket, key, version_id) is not None:
        return {"decision": "known", "reasons": ["this version was scored or refused before"]}
    try:
        project = keys.parse_arrival(key).project
    except InputError as error:
        return _refused(world, "", key, version_id, str(error))
    if why := contract_among_rows(key):
        return _refused(world, project, key, version_id, why)
    try:
        contract = project_contract(world, project)
    except UnknownProjectError as error:
        return _refused(world, project, key, version_id, str(error))
    champion = world.ledger.champion(project)
    if champion is None:
        return _refused(world, project, key, version_id, f"project {project!r} has no model that serves yet")
    try:
        # the job's instances load the model again
        verified_champion(world, project, champion)
    except ArtifactError as error:
        return _refused(world, project, key, version_id, str(error))
    if not world.objects.exists(key):
        return _refused(world, project, key, version_id, "it was deleted before it could be scored", "gone")
    limits = Limits.of(world.settings).within(seconds)
    try:
        limits.check_file(size or 0)
        learned = run_contract(world, project, champion.run_id)
        with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
            return _prepare(world, key, version_id, champion, contract, learned, Path(folder), limits)
    except (InputError, DamagedRecordError, NotFoundError) as error:
        return _refused(world, project, key, version_id, str(error))
    except (MemoryError, OSError) as error:
        full = too_large(error, size)
        if full is None:
            raise
        return _refused(world, project, key, version_id, str(full))


def _prepare(
    world: World,
    key: str,
    version_id: str,
    champion: Champion,
    contract: Contract,
    learned: Contract,
    folder: Path,
    limits: Limits,
) -> Json:
    """Writes the rows to score and the refused ones, and starts the scoring. Raises InputError.

    `contract` is the project's of today, `learned` that of the run whose model scores the file.
    """
    project, source = contract.project, folder / "arrival"
    try:
        world.objects.download(key, source, version_id if version_id != "null" else None)
    except NotFoundError:
        return _refused(world, project, key, version_id, "it was deleted before it could be scored", "gone")
    found = read_scoring_file(source, learned, folder, limits)
    facts = _facts(world, key, version_id, project, learned, found)
    if not found.scored:
        return _refused(world, project, key, version_id, f"no row can be scored. {counts_of(facts)}", facts=facts)
    identity = names.digest(key, version_id)
    rows = keys.scoring(project, identity, keys.parse_arrival(key).name.rpartition("/")[2])
    world.objects.upload(found.path, rows, "application/jsonlines")
    world.objects.upload(found.index_path, keys.scored_rows(project, identity), "application/jsonlines")
    plan = BatchPlan(
        project=project,
        key=key,
        version_id=version_id,
        run_id=champion.run_id,
        job=names.job(world.settings.stack, project, f"b{identity}", "batch"),
        model=champion.model,
        input_uri=world.objects.uri(rows),
        output_uri=world.objects.uri(keys.scored_answers(project, identity)),
        accept="text/csv" if found.notes.format == "csv" else "application/jsonlines",
        instance=contract.release.instance,
        tags=names.tags(world.settings.stack, project, champion.run_id),
        file=facts,
    ).plain()
    # by the name a second delivery finds the execution of the first, whether it runs or is over
    execution = world.executions.start(world.settings.batch_arn, names.execution(project, f"b{identity}"), plan)
    return {"decision": "started", "execution": execution, **plan}


def _facts(world: World, key: str, version_id: str, project: str, contract: Contract, found: ScoringFile) -> Json:
    """Counts of the file's rows for the record and the alert; what was refused is written to quarantine/."""
    target, reasons = str(contract.problem.target), found.reason_counts
    facts: Json = {
        "rows": found.rows,
        "scored_rows": found.scored,
        "quarantined_rows": found.quarantined,
        "reasons": reasons[:MAX_TOLD],
        "reasons_count": len(reasons),
        "format": found.notes.format,
        "encoding": found.notes.encoding,
        "blank_lines": found.notes.blank_lines,
        "columns_unused": [short(name, 80) for name in found.unused_columns[:MAX_TOLD]],
        "columns_unused_count": len(found.unused_columns),
        "key_columns": found.key_columns,
        "key_columns_missing": [name for name in contract.data.key if name not in found.key_columns],
        "target_ignored": target if target in found.unused_columns else None,
        "refused_uri": None,
    }
    if found.quarantined:
        dataset = names.dataset_id(world.objects.bucket, key, version_id)
        where = keys.quarantined_rows(project, dataset)
        facts["refused_uri"] = world.objects.uri(where)
        summary = {**facts, "kind": "batch", "project": project, "key": key, "version_id": version_id}
        body = json.dumps({**summary, "reasons": reasons}, indent=1, ensure_ascii=False).encode()
        world.objects.upload(found.refused_path, where, "application/jsonl")
        world.objects.write(keys.quarantine_summary(project, dataset), body, "application/json")
    return facts


def _ignored(world: World, key: str, version_id: str, what: str) -> Json:
    at, why = world.clock.now(), f"{what} is not a data file"
    world.ledger.add_ignored(keys.project_of(key), at, {"key": key, "what": what})
    record = {"status": "ignored", "kind": "batch", "reasons": [why], "at": at.isoformat()}
    world.ledger.record_arrival(world.objects.bucket, key, version_id, record)
    return {"decision": "ignored", "reasons": [why]}


def _refused(
    world: World,
    project: str,
    key: str,
    version_id: str,
    why: str,
    status: str = "failed",
    facts: Json | None = None,
) -> Json:
    record: Json = {"status": status, "kind": "batch", "reasons": [why], "at": world.clock.now().isoformat()}
    if facts is not None:
        record["file"] = facts
    if world.ledger.record_arrival(world.objects.bucket, key, version_id, record):
        world.alerts.publish(
            "Batch Failed",
            project,
            f"{project}: a batch file was refused",
            f"{visible(key)}: {visible(why)}",
            {"key": key},
        )
    return {"decision": "refused", "project": project, "key": key, "version_id": version_id, "reasons": [why]}
