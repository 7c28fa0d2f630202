"""Rollback outside of a release: the previous champion is champion again."""

from __future__ import annotations

from sluice.errors import NotFoundError
from sluice.ports import Json, World
from sluice.release import champions
from sluice.steps.ensure_monitoring import ensure_monitoring
from sluice.steps.run_records import update_run


def complete_rollback(world: World, project: str, reason: str, rollback_plan: Json, verification: Json) -> Json:
    """`{"outcome": "rolled_back", "verified"}`. The pointer moves only when the endpoint was verified."""
    verified = verification.get("decision") == "verified"
    from_run, to_run = rollback_plan["from_run"], rollback_plan["to_run"]
    facts = {"from_run": from_run, "to_run": to_run, "verified": verified}
    update_run(world, project, from_run, {"rolled_back": {"reason": reason, "verified": verified}})
    if not verified:
        world.alerts.publish(
            "Rollback Not Verified",
            project,
            f"ACT NOW: {project}: the rollback of {from_run} is NOT verified",
            f"{reason}\n" + "\n".join(verification.get("reasons") or []),
            facts,
        )
        return {"outcome": "rolled_back", "verified": False}
    champion = world.ledger.champion(project)
    fresh = champion is not None and champion.run_id == from_run
    if fresh and champion and champion.previous:
        world.ledger.set_champion(project, champions.restored(champion.previous, world.clock.now()), from_run)
    try:
        world.registry.decide(rollback_plan["package_arn"], "Rejected", reason[:1000])
    except NotFoundError:
        facts["package"] = "gone"
    ensure_monitoring(world, project, reset=fresh)
    world.alerts.publish(
        "Model Rolled Back",
        project,
        f"{project}: {from_run} was rolled back to {to_run}",
        f"{reason}\n{to_run} serves again, verified by a live request.",
        facts,
    )
    return {"outcome": "rolled_back", "verified": True}
