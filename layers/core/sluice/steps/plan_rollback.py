"""Rollback outside of a release: what to go back to."""

from __future__ import annotations

from sluice.ports import Json, World


def plan_rollback(world: World, project: str, reason: str) -> Json:
    """`{"decision": possible | impossible, "endpoint", "target_config", "target_variant", "from_run", "to_run"}`."""
    champion = world.ledger.champion(project)
    previous = champion.previous if champion else None
    if champion is None or previous is None:
        why = "no model serves" if champion is None else f"{champion.run_id} has no predecessor"
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
