"""A run's end, whatever it was: the record, the lock, what waited meanwhile, the alert."""

from __future__ import annotations

import json

from sluice.errors import EndpointBusyError, InputError
from sluice.escaping import visible
from sluice.ports import ENDPOINT, Alarms, Alerts, Clock, Events, Json, Ledger, Models, Settings
from sluice.records.run_record import Approval, RunFacts
from sluice.serving import canary_alarms
from sluice.store.causes import failure_texts, reason_of
from sluice.store.run_records import report_line, run_record, update_run
from sluice.training import retraining

OUTCOMES = ("promoted", "rejected", "not_approved", "rolled_back", "failed")
_REASONS = {
    "ABORTED": "its execution was stopped (StopExecution), so nothing else of the run will happen",
    "TIMED_OUT": "its execution took longer than Step Functions allows",
}
NAME_LIMIT = 2_000  # characters of the names of a state and an error, which no service makes as long


def finish_run(
    project: str,
    run_id: str,
    outcome: str,
    error: Json | None = None,
    *,
    settings: Settings,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    alarms: Alarms,
    models: Models,
    clock: Clock,
) -> Json:
    """`{"outcome", "pending": number of datasets that arrived meanwhile}`.

    `error` is `{"state", "error", "cause", "before"}`, each optional; `before` is the failure before it. The lock is
    freed even when everything before fails; the first such failure is raised at the end, so that the state machine
    tries again.
    """
    if outcome not in OUTCOMES:
        raise InputError(f"a run ends as {', '.join(OUTCOMES)}; not as {outcome!r}")
    trouble: list[Exception] = []
    record = RunFacts()
    try:
        record = run_record(project, run_id, ledger=ledger) or record
        # kept on the run before the lock goes: a crash in between must not lose the arrivals
        held = ledger.lock(project)
        if held and held.get("run_id") == run_id and held.get("pending"):
            update_run(
                project,
                run_id,
                RunFacts(pending=list(held["pending"]), pending_reason=held["pending_reason"]),
                ledger=ledger,
            )
    except Exception as failure:
        trouble.append(failure)
    ledger.release_lock(project, run_id, of=ENDPOINT)
    released = ledger.release_lock(project, run_id)
    waiting = released or record.plain()
    pending = list(waiting.get("pending") or [])
    if pending and not record.pending_forwarded:
        retraining.request_waiting(project, pending, waiting.get("pending_reason"), events=events)
        update_run(project, run_id, RunFacts(pending_forwarded=True), ledger=ledger)
    _close(
        project,
        run_id,
        outcome,
        error,
        record,
        settings=settings,
        ledger=ledger,
        alerts=alerts,
        events=events,
        alarms=alarms,
        models=models,
        clock=clock,
    )
    if trouble:
        raise trouble[0]
    return {"outcome": outcome, "pending": len(pending)}


def stopped_run(detail: Json) -> Json:
    """What finish_run takes, of Step Functions' event about an execution that ended without the run's own end.

    Somebody stopped it, or an error came that no Catch gets. A run that has recorded its failure hears of it again,
    which changes nothing.

    Raises InputError where the event comes without the execution's input, as one of 248 KiB and more does.
    """
    if not detail.get("input"):
        raise InputError(f"the event of {detail.get('executionArn')} has no input, so its run is not known")
    plan, status = json.loads(detail["input"]), str(detail["status"])
    said = detail.get("cause") or ""
    known = _REASONS.get(status, "its execution failed")
    return {
        "project": plan["project"],
        "run_id": plan["run_id"],
        "outcome": "failed",
        "error": {
            "state": "the execution",
            "error": detail.get("error") or status,
            "cause": f"{known}: {said}" if said else known,
        },
    }


def _close(
    project: str,
    run_id: str,
    outcome: str,
    error: Json | None,
    record: RunFacts,
    *,
    settings: Settings,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    alarms: Alarms,
    models: Models,
    clock: Clock,
) -> None:
    if record.finished:
        return
    brief = _brief(error)
    facts = RunFacts(
        status="failed" if outcome == "failed" else "finished",
        ended_at=clock.now().isoformat(),
        outcome=outcome,
        error=brief,
    )
    known = update_run(project, run_id, facts, ledger=ledger)
    events.put("Run Finished", {"project": project, "run_id": run_id, "outcome": outcome})
    if outcome == "failed":
        brief = brief or {}
        state, name = brief.get("state", "an unknown state"), brief.get("error", "an unknown error")
        astray = _astray(project, ledger=ledger, models=models)
        urgent = "ACT NOW: " if astray else ""
        alerts.publish(
            "Run Failed",
            project,
            f"{urgent}{project}: run {run_id} failed at {state}",
            f"{state} failed with {name}: {brief.get('cause', 'no cause was given')}\n"
            + (astray or "The endpoint still serves the same model, and the next file starts a new run.")
            + report_line(record.report),
            {"run_id": run_id, "state": state, "error": name},
        )
    elif outcome == "not_approved":
        alerts.publish(
            "Model Not Approved",
            project,
            f"{project}: the model of {run_id} was not approved",
            f"{_decided(record.approval)} The model stays in the registry." + report_line(record.report),
            {"run_id": run_id},
        )
    if outcome == "failed":
        # last, because people must hear of the failure whether or not its alarms can be cleared away
        canary_alarms.remove(project, run_id, settings=settings, alarms=alarms)
    if known:
        update_run(project, run_id, RunFacts(finished=True), ledger=ledger)


def _decided(approval: Approval | None) -> str:
    """The decision with its reason, or since when the run has waited for one."""
    if approval is None or approval.decision is None:
        asked = f" since {approval.requested_at}" if approval and approval.requested_at else ""
        return f"Nobody has decided{asked}, and the contract's release.approval_timeout is over."
    return f"A person rejected it: {visible(approval.reason or 'no reason was given')}."


def _astray(project: str, *, ledger: Ledger, models: Models) -> str | None:
    """What to do about an endpoint that a release left half-way: it was stopped, or could not go back."""
    champion = ledger.champion(project)
    if champion is None or champion.serving == "asleep":
        return None
    try:
        state = models.endpoint(champion.endpoint)
    except EndpointBusyError:
        return f"Could not read the status of {champion.endpoint}. Check that it serves {champion.endpoint_config}."
    if state is None or (state.status == "InService" and state.config == champion.endpoint_config):
        return None
    if state.status != "InService":
        return (
            f"{champion.endpoint} is {state.status}, and no execution is waiting for it. Check that it serves "
            f"{champion.endpoint_config} afterwards."
        )
    shares = ", ".join(f"{variant.name} {variant.weight:g}" for variant in state.variants)
    return (
        f"{champion.endpoint} serves {state.config} ({shares}), not the champion's {champion.endpoint_config}, and "
        f"no execution is watching it. Restore it: aws sagemaker update-endpoint --endpoint-name {champion.endpoint} "
        f"--endpoint-config-name {champion.endpoint_config}"
    )


def _brief(error: Json | None) -> dict[str, str] | None:
    if not error:
        return None
    brief = {key: str(error[key])[:NAME_LIMIT] for key in ("state", "error") if error.get(key)}
    before = failure_texts(error.get("before"))
    brief["cause"] = reason_of(str(error.get("cause") or "")) + "".join(f"; before that, {each}" for each in before)
    return brief
