"""Is the endpoint what it should be? After a promotion and after a rollback alike."""

from __future__ import annotations

from sluice import keys
from sluice.errors import SluiceError
from sluice.ports import Clock, Json, Ledger, Models, ObjectStore
from sluice.release.probe import probe
from sluice.serving.abort_requests import abort_requested
from sluice.store.run_records import project_contract, run_contract, write_json

PROMOTION = "promotion"


def verify_endpoint(
    project: str,
    run_id: str | None,
    endpoint: str,
    expected_config: str,
    expected_variant: str,
    purpose: str,
    contract_of: str | None = None,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    models: Models,
    clock: Clock,
) -> Json:
    """`{"decision": verified | failed, "reasons", "endpoint", "config", "purpose"}`.

    A deployment that AWS rolled back by itself is InService as well, on the old configuration: hence the names are
    compared and a live request is sent. It is built from the contract of the run whose model should answer:
    `contract_of`, or else `run_id`; without both the registered one.
    """
    state = models.endpoint(endpoint)
    reasons: list[str] = []
    if state is None:
        reasons.append(f"there is no endpoint {endpoint}")
    else:
        if state.status != "InService":
            reasons.append(f"endpoint {endpoint} is {state.status}, not InService")
        if state.config != expected_config:
            reasons.append(f"endpoint {endpoint} serves {state.config}, not {expected_config}")
        serving = {variant.name for variant in state.variants if variant.weight > 0}
        if expected_variant not in serving:
            reasons.append(f"variant {expected_variant} gets no requests")
        if others := sorted(serving - {expected_variant}):
            reasons.append(f"{', '.join(others)} still gets requests")
    asked = abort_requested(project, run_id, ledger=ledger) if run_id and purpose == PROMOTION else None
    if asked:
        # it came after the judge's last measurement, when no wait could be ended any more
        reasons.append(f"abort was requested: {asked}")
    if not reasons:
        trouble = _probe(
            project, contract_of or run_id, endpoint, expected_variant, objects=objects, ledger=ledger, models=models
        )
        reasons += [trouble] if trouble else []
    verdict: Json = {
        "decision": "failed" if reasons else "verified",
        "reasons": reasons or [f"{endpoint} serves {expected_config} and {expected_variant} answers"],
        "endpoint": endpoint,
        "config": state.config if state else None,
        "purpose": purpose,
    }
    if run_id:
        inputs = {"expected_config": expected_config, "expected_variant": expected_variant}
        record = {"kind": "verification", "run_id": run_id, "at": clock.now().isoformat(), **verdict, **inputs}
        write_json(keys.decision(project, run_id, f"verification-{purpose}"), record, objects=objects)
    return verdict


def _probe(
    project: str,
    run_id: str | None,
    endpoint: str,
    variant: str,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    models: Models,
) -> str | None:
    try:
        contract = (
            run_contract(project, run_id, objects=objects) if run_id else project_contract(project, ledger=ledger)
        )
        return probe(models, endpoint, contract, variant)
    except SluiceError as error:
        return f"the probe could not be sent: {error}"
