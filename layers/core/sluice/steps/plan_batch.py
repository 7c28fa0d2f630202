"""Batch: what a transform job needs to score a dropped file."""

from __future__ import annotations

from sluice import keys, names
from sluice.errors import UnknownProjectError
from sluice.ports import Json, World
from sluice.steps.run_records import project_contract

_CONTENT_TYPES = {
    ".csv": "text/csv",
    ".jsonl": "application/jsonlines",
    ".ndjson": "application/jsonlines",
}


def plan_batch(world: World, key: str, version_id: str) -> Json:
    """`{"decision": ready | refused, …}`; a refusal is alerted and is the file's terminal record.

    CSV goes in one piece (SplitType None): a split would take the header from all parts but the first.
    """
    arrival = keys.parse_arrival(key)
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
    identity = names.digest(key, version_id)
    # a transform names its output after the file alone: files of two folders must not overwrite each other
    folder = keys.predictions(project) + arrival.name.rpartition("/")[0]
    return {
        "decision": "ready",
        "project": project,
        "key": key,
        "version_id": version_id,
        "run_id": champion.run_id,
        "job": names.job(world.settings.stack, project, f"b{identity}", "batch"),
        "model": champion.model,
        "input_uri": world.objects.uri(key),
        "output_uri": world.objects.uri(folder).rstrip("/"),
        "content_type": content_type,
        "accept": content_type,
        "split_type": "None" if content_type == "text/csv" else "Line",
        "instance": contract.release.instance,
        "tags": [{"Key": "sluice:project", "Value": project}, {"Key": "sluice:run", "Value": champion.run_id}],
    }


def _refused(world: World, project: str, key: str, version_id: str, why: str) -> Json:
    record = {"status": "failed", "kind": "batch", "reasons": [why], "at": world.clock.now().isoformat()}
    if world.ledger.record_arrival(world.objects.bucket, key, version_id, record):
        world.alerts.publish(
            "Batch Failed", project, f"{project}: a batch file was refused", f"{key}: {why}", {"key": key}
        )
    return {"decision": "refused", "project": project, "key": key, "version_id": version_id, "reasons": [why]}
