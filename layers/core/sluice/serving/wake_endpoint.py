"""Costs: the endpoint of a sleeping champion is created again."""

from __future__ import annotations

from dataclasses import replace

from sluice.errors import EndpointBusyError, NotFoundError
from sluice.ports import Alerts, Champion, Clock, Events, Json, Ledger, Models, ObjectStore, Signer
from sluice.serving.endpoint_lock import endpoint_lock, free_abandoned
from sluice.serving.sealed_models import verified_champion


def wake_endpoint(
    project: str,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    models: Models,
    signer: Signer,
    clock: Clock,
) -> Json:
    """`{"decision": waking | awake, "endpoint"}`; the endpoint takes minutes to come into service.

    It has the champion's own configuration, so that what serves is what was released. Raises NotFoundError without a
    champion, ConflictError while a run is in progress (its release creates the endpoint), EndpointBusyError while the
    endpoint goes, ArtifactError when the model's archive is not the one that was sealed.
    """
    free_abandoned(project, ledger=ledger, events=events, clock=clock)
    _champion(project, ledger=ledger)
    with endpoint_lock(project, "wake", ledger=ledger, events=events, clock=clock):
        # read again: a run may have ended before the lock was taken
        champion = _champion(project, ledger=ledger)
        state = models.endpoint(champion.endpoint)
        if state is not None and state.status == "Deleting":
            raise EndpointBusyError(f"{champion.endpoint} is being deleted: try again in a minute")
        verified_champion(project, champion, objects=objects, signer=signer)
        # first: a champion that is marked asleep loses an existing endpoint
        ledger.set_champion(project, replace(champion, serving="awake"), champion.run_id)
        if state is not None:
            return {"decision": "awake", "endpoint": champion.endpoint, "config": state.config}
        models.create_endpoint(champion.endpoint, champion.endpoint_config, project)
    alerts.publish(
        "Endpoint Awake",
        project,
        f"{project}: the endpoint comes back",
        f"{champion.endpoint} is being created again with {champion.endpoint_config}; it answers in a few minutes, "
        f"and is billed from now on.",
        {"run_id": champion.run_id},
    )
    return {"decision": "waking", "endpoint": champion.endpoint, "config": champion.endpoint_config}


def _champion(project: str, *, ledger: Ledger) -> Champion:
    champion = ledger.champion(project)
    if champion is None:
        raise NotFoundError(f"{project!r} has no model that was released: there is nothing to wake")
    return champion
