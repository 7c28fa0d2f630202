"""A contract arrived: take it into force, or say what is wrong with it and keep the old one."""

from __future__ import annotations

from sluice.contract import load_contract
from sluice.datasets import compare_contract
from sluice.errors import ContractError, InputError
from sluice.ports import Alerts, Clock, Json, Ledger, ObjectStore


def register_contract(
    project: str,
    key: str,
    version_id: str | None = None,
    seconds: float | None = None,
    *,
    compare: bool = True,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    clock: Clock,
) -> Json:
    """Registers the contract at `key` in its newest version.

    Returns {"status": "registered" | "refused" | "unchanged", "project", ...}. A mistake in the contract is an outcome
    with an alert, not an exception. A contract that changes something for accepted rows is compared with them, after
    the registration and within `seconds`. `compare` is False for a caller that registers a first contract: there are
    no rows yet, and its role may not read any. Raises NotFoundError when there is no such object.
    """
    # events come unordered: an older version than the newest must not win over it
    newest = objects.version(key)
    version = newest or version_id or "null"
    registered = ledger.contract(project)
    if registered and registered[1] == version:
        # an earlier try may have ended between the registration and the comparison
        if compare:
            compare_contract.finish(
                project, registered[0], version, seconds, objects=objects, ledger=ledger, alerts=alerts, clock=clock
            )
        return {"status": "unchanged", "project": project, "version": version}
    body = objects.read(key, version if version != "null" else None)
    try:
        contract = load_contract(body, source=key, project=project)
        if taken := [name for name in ("_arrived_at", "_row") if name in contract.data.columns]:
            raise ContractError(f"{key}: data.columns: {taken[0]!r} is a name that Sluice itself uses; choose another")
        alerts.subscribe(project, contract.alerts.emails)
    except InputError as error:
        kept = "the contract registered before stays in force" if registered else "the project is not registered"
        message = f"{error}\n{kept[0].upper()}{kept[1:]}."
        facts = {"key": key, "version": version}
        alerts.publish("Contract Refused", project, f"{project}: contract refused", message, facts)
        return {"status": "refused", "project": project, "version": version, "message": str(error)}
    # the alert goes first: after a crash in between, the retry tells again rather than never
    columns = len(contract.data.columns)
    message = f"{project}: {contract.problem.type} problem, {columns} columns. Files go to raw/{project}/."
    told: Json = {"key": key, "version": version, "columns": columns}
    alerts.publish("Contract Registered", project, f"{project}: contract registered", message, told)
    if registered and compare:
        compare_contract.begin(contract, version, registered, objects=objects, ledger=ledger)
    saved = contract.model_dump(mode="json")
    ledger.save_contract(project, saved, version)
    if registered and compare:
        compare_contract.finish(
            project, saved, version, seconds, objects=objects, ledger=ledger, alerts=alerts, clock=clock
        )
    return {"status": "registered", "project": project, "version": version}
