"""Rollback outside of a release: the previous champion is champion again."""

from __future__ import annotations

from sluice.errors import NotFoundError
from sluice.ports import ENDPOINT, Alarms, Alerts, Clock, Json, Ledger, ObjectStore, Registry, Schedules, Settings
from sluice.records.boundary import json_boundary
from sluice.records.release_plan import NoRollback, Rollback
from sluice.records.run_record import RolledBack, RunFacts
from sluice.release import champions
from sluice.serving.ensure_monitoring import ensure_monitoring
from sluice.store.causes import failure_texts
from sluice.store.run_records import update_run


@json_boundary
def complete_rollback(
    project: str,
    reason: str,
    holder: str,
    rollback_plan: Rollback | None = None,
    verification: Json | None = None,
    failure: Json | None = None,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    alarms: Alarms,
    registry: Registry,
    schedules: Schedules,
    clock: Clock,
) -> Json:
    """`{"outcome", "verified"}`. The pointer moves only when the endpoint was verified; `holder`'s lock goes.

    `failure` is `{"state", "error", "cause", "before"}` of what went wrong on the way; `before` is the failure before
    it; what was verified after it counts in any case. Without a plan nothing was changed.
    """
    done = _complete(
        project,
        reason,
        rollback_plan,
        verification or {},
        failure,
        settings=settings,
        objects=objects,
        ledger=ledger,
        alerts=alerts,
        alarms=alarms,
        registry=registry,
        schedules=schedules,
        clock=clock,
    )
    # last, so that a try that died in between still has it
    ledger.release_lock(project, holder, of=ENDPOINT)
    return done


def _complete(
    project: str,
    reason: str,
    rollback_plan: Rollback | None,
    verification: Json,
    failure: Json | None,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    alarms: Alarms,
    registry: Registry,
    schedules: Schedules,
    clock: Clock,
) -> Json:
    if isinstance(rollback_plan, NoRollback):
        return {"outcome": rollback_plan.decision, "verified": True}
    failed = failure_texts(failure)
    verification = {**verification, "reasons": [*failed, *(verification.get("reasons") or [])]}
    if rollback_plan is None:
        _report_unverified(project, "the serving model", reason, verification, {}, alerts=alerts)
        return {"outcome": "rolled_back", "verified": False}
    verified = verification.get("decision") == "verified"
    from_run, to_run = rollback_plan.from_run, rollback_plan.to_run
    facts = {"from_run": from_run, "to_run": to_run, "verified": verified}
    record = RolledBack(reason=reason, verified=verified, at=clock.now().isoformat())
    if failed:
        record = record.model_copy(update={"failures": failed})
    update_run(project, from_run, RunFacts(rolled_back=record), ledger=ledger)
    if not verified:
        _report_unverified(project, from_run, reason, verification, facts, alerts=alerts)
        return {"outcome": "rolled_back", "verified": False}
    champion = ledger.champion(project)
    fresh = champion is not None and champion.run_id == from_run
    if fresh and champion and champion.previous:
        ledger.set_champion(project, champions.restored(champion.previous, clock.now()), from_run)
    try:
        registry.decide(rollback_plan.package_arn, "Rejected", reason)
    except NotFoundError:
        facts["package"] = "gone"
    ensure_monitoring(
        project, reset=fresh, settings=settings, objects=objects, ledger=ledger, alarms=alarms, schedules=schedules
    )
    alerts.publish(
        "Model Rolled Back",
        project,
        f"{project}: {from_run} was rolled back, {to_run} serves again",
        f"{reason}\n{to_run} serves again, verified by a live request."
        + (f" The rollback went on after these failures: {'; '.join(failed)}" if failed else ""),
        facts,
    )
    return {"outcome": "rolled_back", "verified": True}


def _report_unverified(
    project: str, what: str, reason: str, verification: Json, facts: Json, *, alerts: Alerts
) -> None:
    alerts.publish(
        "Rollback Not Verified",
        project,
        f"ACT NOW: {project}: the rollback of {what} is NOT verified",
        f"{reason}\n" + "\n".join(verification.get("reasons") or []),
        facts,
    )
