"""Rollback outside of a release: what to go back to."""

from __future__ import annotations

from sluice.errors import ArtifactError, EndpointBusyError
from sluice.ports import Alerts, Champion, Clock, Executions, Ledger, ObjectStore, Signer
from sluice.records.boundary import json_boundary
from sluice.records.release_plan import NoRollback, Rollback, RollbackPlan
from sluice.serving.abort_requests import request_abort
from sluice.serving.endpoint_lock import take_endpoint
from sluice.serving.sealed_models import verified_champion


@json_boundary
def plan_rollback(
    project: str,
    reason: str,
    holder: str,
    from_run: str | None = None,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    signer: Signer,
    executions: Executions,
    clock: Clock,
) -> Rollback:
    """The plan that roll_back follows, or why there is none.

    `from_run` is the model that the rollback is about: when another serves by now, it is done. `holder` is the
    execution, which holds the endpoint's lock from here to complete_rollback. Impossible as well when the
    predecessor's archive is not the one that was sealed: its instances would load it.

    Raises EndpointBusyError while a release changes the endpoint; it is asked to abort, so that asking again helps:
    its own way back would bring the model back that is to go.
    """
    if done := _done(ledger.champion(project), from_run):
        return done
    if other := take_endpoint(project, holder, ledger=ledger, clock=clock):
        request_abort(
            project, other, f"the champion is rolled back: {reason}", ledger=ledger, executions=executions, clock=clock
        )
        raise EndpointBusyError(f"the endpoint of {project} is being changed by {other}")
    champion = ledger.champion(project)
    if done := _done(champion, from_run):
        return done
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
            verified_champion(project, previous, objects=objects, signer=signer)
        except ArtifactError as error:
            why = f"its predecessor {previous['run_id']} cannot serve: {error}"
    if champion is None or previous is None or why:
        alerts.publish(
            "Rollback Impossible",
            project,
            f"ACT NOW: {project} cannot be rolled back",
            f"A rollback was requested ({reason}), but {why}. The endpoint is unchanged.",
            {"champion": champion.run_id if champion else None},
        )
        return NoRollback(decision="impossible", reasons=[str(why)])
    return RollbackPlan(
        decision="possible",
        endpoint=champion.endpoint,
        target_config=previous["endpoint_config"],
        target_variant=previous["variant"],
        from_run=champion.run_id,
        to_run=previous["run_id"],
        package_arn=champion.package_arn,
        reasons=[reason],
    )


def _done(champion: Champion | None, from_run: str | None) -> NoRollback | None:
    if from_run is None or champion is None or champion.run_id == from_run:
        return None
    return NoRollback(decision="done", reasons=[f"{champion.run_id} serves, no longer {from_run}"])
