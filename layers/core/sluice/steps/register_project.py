"""A contract arrived: take it into force, or say what is wrong with it and keep the old one."""

from __future__ import annotations

from sluice.contract import load_contract
from sluice.errors import ContractError, InputError
from sluice.keys import parse_arrival
from sluice.ports import Json, World


def register_project(
    world: World, key: str, version_id: str | None = None, bucket: str | None = None, size: int | None = None
) -> Json:
    """Registers `projects/<project>/project.yaml` in the given version.

    Returns {"status": "registered" | "refused" | "unchanged" | "ignored", "project", ...}. A mistake in the contract
    is an outcome with an alert, not an exception. Raises NotFoundError when there is no such object.
    """
    if bucket is not None and bucket != world.objects.bucket:
        raise ValueError(f"{bucket!r} is not the data bucket {world.objects.bucket!r}")
    try:
        arrival = parse_arrival(key)
    except InputError:
        return {"status": "ignored", "project": "", "key": key}
    project = arrival.project
    if arrival.area != "projects" or arrival.name != "project.yaml":
        return {"status": "ignored", "project": project, "key": key}
    # events come unordered: an older version than the newest must not win over it
    newest = world.objects.version(key)
    version = newest or version_id or "null"
    registered = world.ledger.contract(project)
    if registered and registered[1] == version:
        return {"status": "unchanged", "project": project, "version": version}
    body = world.objects.read(key, version if version != "null" else None)
    try:
        contract = load_contract(body, source=key, project=project)
        if taken := [name for name in ("_arrived_at", "_row") if name in contract.data.columns]:
            raise ContractError(f"{key}: data.columns: {taken[0]!r} is a name that Sluice itself uses; choose another")
        world.alerts.subscribe(project, contract.alerts.emails)
    except InputError as error:
        kept = "the contract registered before stays in force" if registered else "the project is not registered"
        message = f"{error}\n{kept[0].upper()}{kept[1:]}."
        facts = {"key": key, "version": version}
        world.alerts.publish("Contract Refused", project, f"{project}: contract refused", message, facts)
        return {"status": "refused", "project": project, "version": version, "message": str(error)}
    # the alert goes first: after a crash in between, the retry tells again rather than never
    columns = len(contract.data.columns)
    message = f"{project}: {contract.problem.type} problem, {columns} columns. Files go to raw/{project}/."
    told: Json = {"key": key, "version": version, "columns": columns}
    world.alerts.publish("Contract Registered", project, f"{project}: contract registered", message, told)
    world.ledger.save_contract(project, contract.model_dump(mode="json"), version)
    return {"status": "registered", "project": project, "version": version}
