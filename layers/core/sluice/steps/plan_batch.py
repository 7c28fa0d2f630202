"""Batch: a file to score is dropped; one transform job scores that very version of it, however often its event comes.

A transform reads every object whose key begins as its input's, and the newest version of each. So the version is
copied into a folder of its own, and the job reads that.
"""

from __future__ import annotations

from sluice import keys, names
from sluice.errors import ArtifactError, InputError, NotFoundError, UnknownProjectError
from sluice.escaping import visible
from sluice.intake.markers import marker
from sluice.ports import Json, World
from sluice.serving.sealed_models import verified_champion
from sluice.store.run_records import project_contract

_CONTENT_TYPES = {
    ".csv": "text/csv",
    ".jsonl": "application/jsonlines",
    ".ndjson": "application/jsonlines",
}


def plan_batch(world: World, key: str, version_id: str, size: int | None = None) -> Json:
    """`{"decision": started | refused | known | ignored, …}`; a refusal is alerted and is the file's terminal record.

    CSV goes in one piece (SplitType None): a split would take the header from all parts but the first.
    """
    if what := marker(key, size):
        return _ignored(world, key, version_id, what)
    if world.ledger.arrival(world.objects.bucket, key, version_id) is not None:
        return {"decision": "known", "reasons": ["this version was scored or refused before"]}
    try:
        arrival = keys.parse_arrival(key)
    except InputError as error:
        return _refused(world, "", key, version_id, str(error))
    project = arrival.project
    try:
        contract = project_contract(world, project)
    except UnknownProjectError as error:
        return _refused(world, project, key, version_id, str(error))
    champion = world.ledger.champion(project)
    if champion is None:
        return _refused(world, project, key, version_id, f"project {project!r} has no model that serves yet")
    suffix = "." + arrival.name.rsplit(".", 1)[-1].lower() if "." in arrival.name else ""
    content_type = _CONTENT_TYPES.get(suffix)
    if content_type is None:
        return _refused(world, project, key, version_id, f"{arrival.name}: a batch is .csv, .jsonl or .ndjson")
    try:
        # the job's instances load the model anew
        verified_champion(world, project, champion)
    except ArtifactError as error:
        return _refused(world, project, key, version_id, str(error))
    if not world.objects.exists(key):
        return _refused(world, project, key, version_id, "it was deleted before it could be scored", "gone")
    identity = names.digest(key, version_id)
    path, _, name = arrival.name.rpartition("/")
    copy = keys.scoring(project, identity, name)
    try:
        world.objects.copy(key, copy, version_id)
    except NotFoundError:
        return _refused(world, project, key, version_id, "it was deleted before it could be scored", "gone")
    # a transform names its output after the file alone: files of two folders must not overwrite each other
    folder = keys.predictions(project) + path
    plan: Json = {
        "project": project,
        "key": key,
        "version_id": version_id,
        "run_id": champion.run_id,
        "job": names.job(world.settings.stack, project, f"b{identity}", "batch"),
        "model": champion.model,
        "input_uri": world.objects.uri(copy),
        "output_uri": world.objects.uri(folder).rstrip("/"),
        "content_type": content_type,
        "accept": content_type,
        "split_type": "None" if content_type == "text/csv" else "Line",
        "instance": contract.release.instance,
        "tags": names.tags(world.settings.stack, project, champion.run_id),
    }
    # by the name a second delivery finds the execution of the first, whether it runs or is over
    execution = world.executions.start(world.settings.batch_arn, names.execution(project, f"b{identity}"), plan)
    return {"decision": "started", "execution": execution, **plan}


def _ignored(world: World, key: str, version_id: str, what: str) -> Json:
    at, why = world.clock.now(), f"{what} is no file of data"
    world.ledger.add_ignored(keys.project_of(key), at, {"key": key, "what": what})
    record = {"status": "ignored", "kind": "batch", "reasons": [why], "at": at.isoformat()}
    world.ledger.record_arrival(world.objects.bucket, key, version_id, record)
    return {"decision": "ignored", "reasons": [why]}


def _refused(world: World, project: str, key: str, version_id: str, why: str, status: str = "failed") -> Json:
    record = {"status": status, "kind": "batch", "reasons": [why], "at": world.clock.now().isoformat()}
    if world.ledger.record_arrival(world.objects.bucket, key, version_id, record):
        world.alerts.publish(
            "Batch Failed",
            project,
            f"{project}: a batch file was refused",
            f"{visible(key)}: {visible(why)}",
            {"key": key},
        )
    return {"decision": "refused", "project": project, "key": key, "version_id": version_id, "reasons": [why]}
