"""A contract arrived: take it into force, or say what is wrong with it and keep the old one."""

from __future__ import annotations

from sluice.datasets.register_contract import register_contract
from sluice.errors import InputError
from sluice.keys import parse_arrival
from sluice.ports import Json, World


def register_project(
    world: World, key: str, version_id: str | None = None, bucket: str | None = None, size: int | None = None
) -> Json:
    """Registers `projects/<project>/project.yaml` in the given version.

    Returns what `register_contract` returns, or {"status": "ignored"} for any other object.
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
    return register_contract(world, project, key, version_id)
