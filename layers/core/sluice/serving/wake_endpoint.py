"""Costs: the endpoint of a sleeping champion is created again."""

from __future__ import annotations

from dataclasses import replace

from sluice.errors import EndpointBusyError, NotFoundError
from sluice.ports import Champion, Json, World
from sluice.serving.endpoint_lock import endpoint_lock, free_abandoned
from sluice.serving.sealed_models import verified_champion


def wake_endpoint(world: World, project: str) -> Json:
    """`{"decision": waking | awake, "endpoint"}`; the endpoint takes minutes to come into service.

    It has the champion's own configuration, so that what serves is what was released. Raises NotFoundError without a
    champion, ConflictError while a run is in progress (its release creates the endpoint), EndpointBusyError while the
    endpoint goes, ArtifactError when the model's archive is not the one that was sealed.
    """
    free_abandoned(world, project)
    _champion(world, project)
    with endpoint_lock(world, project, "wake"):
        # read again: a run may have ended before the lock was taken
        champion = _champion(world, project)
        state = world.models.endpoint(champion.endpoint)
        if state is not None and state.status == "Deleting":
            raise EndpointBusyError(f"{champion.endpoint} is being deleted: try again in a minute")
        verified_champion(world, project, champion)
        # first: a champion that is marked asleep loses an existing endpoint
        world.ledger.set_champion(project, replace(champion, serving="awake"), champion.run_id)
        if state is not None:
            return {"decision": "awake", "endpoint": champion.endpoint, "config": state.config}
        world.models.create_endpoint(champion.endpoint, champion.endpoint_config, project)
    world.alerts.publish(
        "Endpoint Awake",
        project,
        f"{project}: the endpoint comes back",
        f"{champion.endpoint} is being created again with {champion.endpoint_config}; it answers in some minutes, "
        f"and is billed from now on.",
        {"run_id": champion.run_id},
    )
    return {"decision": "waking", "endpoint": champion.endpoint, "config": champion.endpoint_config}


def _champion(world: World, project: str) -> Champion:
    champion = world.ledger.champion(project)
    if champion is None:
        raise NotFoundError(f"{project!r} has no model that was released: there is nothing to wake")
    return champion
