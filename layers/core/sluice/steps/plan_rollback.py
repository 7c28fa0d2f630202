"""Rollback outside of a release: what to go back to."""

from __future__ import annotations

from sluice.errors import ArtifactError
from sluice.ports import Json, World
from sluice.steps.sealed_models import verified_champion


def plan_rollback(world: World, project: str, reason: str) -> Json:
    """`{"decision": possible | impossible, "endpoint", "target_config", "target_variant", "from_run", "to_run"}`.

    Impossible as well when the predecessor's archive is not the one that was sealed: its instances would load it.
    """
    champion = world.ledger.champion(project)
    previous = champion.previous if champion else None
    why = None
    if champion is None:
        why = "no model serves"
    elif champion.serving == "asleep":
        why = f"its endpoint sleeps; `sluice wake {project}` first"
    elif previous is None:
        why = f"{champion.run_id} has no predecessor"
    else:
        try:
            verified_champion(world, project, previous)
        except ArtifactError as error:
            why = f"its predecessor {previous['run_id']} must not serve: {error}"
    if champion is None or previous is None or why:
        world.alerts.publish(
            "Rollback Impossible",
            project,
            f"ACT NOW: {project} cannot be rolled back",
            f"A rollback was asked for ({reason}), but {why}. What serves, still serves.",
            {"champion": champion.run_id if champion else None},
        )
        return {"decision": "impossible", "reasons": [why]}
    return {
        "decision": "possible",
        "endpoint": champion.endpoint,
        "target_config": previous["endpoint_config"],
        "target_variant": previous["variant"],
        "from_run": champion.run_id,
        "to_run": previous["run_id"],
        "package_arn": champion.package_arn,
        "reasons": [reason],
    }
