"""An object arrived in projects/, or where Sluice reads nothing: a contract is registered, a near miss is reported."""

from __future__ import annotations

from sluice import keys
from sluice.datasets.register_contract import register_contract
from sluice.datasets.report_misplaced import report_misplaced
from sluice.errors import InputError
from sluice.ports import Alerts, Clock, Json, Ledger, ObjectStore


def register_project(
    key: str,
    version_id: str | None = None,
    bucket: str | None = None,
    size: int | None = None,
    seconds: float | None = None,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    clock: Clock,
) -> Json:
    """Registers `projects/<project>/project.yaml` in the given version; any other object is looked at by its key.

    `seconds`: the time for a changed contract to be compared with accepted rows.
    Returns what `register_contract` or, for another key, `report_misplaced` returns.
    """
    if bucket is not None and bucket != objects.bucket:
        raise ValueError(f"{bucket!r} is not the data bucket {objects.bucket!r}")
    try:
        project = keys.parse_arrival(key).project
    except InputError:
        return report_misplaced(key, version_id, size, objects=objects, ledger=ledger, alerts=alerts, clock=clock)
    if key != keys.contract(project):
        return report_misplaced(key, version_id, size, objects=objects, ledger=ledger, alerts=alerts, clock=clock)
    return register_contract(
        project, key, version_id, seconds, objects=objects, ledger=ledger, alerts=alerts, clock=clock
    )
