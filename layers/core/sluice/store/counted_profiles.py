"""The profile that the intake counts in the pass in which it judges the rows.

It holds for the contract that the rows were judged by. Under another one `profile_dataset` counts again.
"""

from __future__ import annotations

import json

from sluice import keys
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.ports import Json, ObjectStore
from sluice.store.json_objects import read_json


def write_counted(profile: Json, project: str, dataset: str, contract_version: str, *, objects: ObjectStore) -> None:
    body = json.dumps({**profile, "contract_version": contract_version}, ensure_ascii=False, allow_nan=False)
    objects.write(keys.profile(project, dataset), body.encode(), "application/json")


def counted(project: str, dataset: str, contract_version: str, *, objects: ObjectStore) -> Json | None:
    """The profile of a dataset under this version of the contract; None where its rows must be counted."""
    found = _found(project, dataset, objects=objects)
    return found if found.get("contract_version") == contract_version else None


def of_file(project: str, dataset: str, *, objects: ObjectStore) -> Json:
    """The members of the profile that say how the file was read and written, whatever the version of the contract."""
    found = _found(project, dataset, objects=objects)
    kinds = {"read_as": str, "spellings": dict}
    return {name: found[name] for name, kind in kinds.items() if isinstance(found.get(name), kind)}


def _found(project: str, dataset: str, *, objects: ObjectStore) -> Json:
    """What stands there; {} where that is nothing, or damaged."""
    try:
        found = read_json(keys.profile(project, dataset), objects=objects)
    except (NotFoundError, DamagedRecordError):
        return {}
    return found if isinstance(found, dict) else {}
