"""Rollback outside of a release: the previous champion is champion again."""

from __future__ import annotations

from sluice.errors import NotFoundError
from sluice.ports import ENDPOINT, Json, World
from sluice.records.boundary import json_boundary
from sluice.records.release_plan import NoRollback, Rollback
from sluice.records.run_record import RolledBack, RunFacts
from sluice.release import champions
from sluice.serving.ensure_monitoring import ensure_monitoring
from sluice.store.causes import failure_texts
from sluice.store.run_records import update_run


@json_boundary
def complete_rollback(
    world: World,
    project: str,
    reason: str,
    holder: str,
    rollback_plan: Rollback | None = None,
    verification: Json | None = None,
    failure: Json | None = None,
) -> Json:
    """`{"outcome", "verified"}`. The pointer moves only when the endpoint was verified; `holder`'s lock goes.

    `failure` is `{"state", "error", "cause", "before"}` of what went wrong on the way; `before` is the failure before
    it; what was verified after it counts in any case. Without a plan nothing was changed.
    """
    done = _complete(world, project, reason, rollback_plan, verification or {}, failure)
    # last, so that a try that died in between still has it
    world.ledger.release_lock(project, holder, of=ENDPOINT)
    return done


def _complete(
    world: World,
    project: str,
    reason: str,
    rollback_plan: Rollback | None,
    verification: Json,
    failure: Json | None,
) -> Json:
    if isinstance(rollback_plan, NoRollback):
        return {"outcome": rollback_plan.decision, "verified": True}
    failed = failure_texts(failure)
    verification = {**verification, "reasons": [*failed, *(verification.get("reasons") or [])]}
    if rollback_plan is None:
        _tell_unverified(world, project, "the serving model", reason, verification, {})
        return {"outcome": "rolled_back", "verified": False}
    verified = verification.get("decision") == "verified"
    from_run, to_run = rollback_plan.from_run, rollback_plan.to_run
    facts = {"from_run": from_run, "to_run": to_run, "verified": verified}
    record = RolledBack(reason=reason, verified=verified)
    if failed:
        record = record.model_copy(update={"failures": failed})
    update_run(world, project, from_run, RunFacts(rolled_back=record))
    if not verified:
        _tell_unverified(world, project, from_run, reason, verification, facts)
        return {"outcome": "rolled_back", "verified": False}
    champion = world.ledger.champion(project)
    fresh = champion is not None and champion.run_id == from_run
    if fresh and champion and champion.previous:
        world.ledger.set_champion(project, champions.restored(champion.previous, world.clock.now()), from_run)
    try:
        world.registry.decide(rollback_plan.package_arn, "Rejected", reason)
    except NotFoundError:
        facts["package"] = "gone"
    ensure_monitoring(world, project, reset=fresh)
    world.alerts.publish(
        "Model Rolled Back",
        project,
        f"{project}: {from_run} was rolled back to {to_run}",
        f"{reason}\n{to_run} serves again, verified by a live request."
        + (f" The rollback went on after these failures: {'; '.join(failed)}" if failed else ""),
        facts,
    )
    return {"outcome": "rolled_back", "verified": True}


def _tell_unverified(world: World, project: str, what: str, reason: str, verification: Json, facts: Json) -> None:
    world.alerts.publish(
        "Rollback Not Verified",
        project,
        f"ACT NOW: {project}: the rollback of {what} is NOT verified",
        f"{reason}\n" + "\n".join(verification.get("reasons") or []),
        facts,
    )
