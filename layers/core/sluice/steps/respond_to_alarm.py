"""Response to an alarm: abort a canary, roll back in probation, retrain, or hold and tell."""

from __future__ import annotations

from datetime import datetime, timedelta

from sluice import names
from sluice.contract.durations import seconds
from sluice.ports import Alarms, Alerts, Champion, Clock, Events, Executions, Json, Ledger, ObjectStore, Settings
from sluice.records.run_record import RunRecord
from sluice.release import endpoint_alarms
from sluice.serving.abort_requests import request_abort
from sluice.store.run_records import project_contract, run_record, run_records
from sluice.training import responses, retraining

_RECENT_RUNS = 5
_ECHO = timedelta(minutes=3)
"""How long an alarm may stay in ALARM for what a removed fleet did: its period, CloudWatch's delay, its evaluation."""


def respond_to_alarm(
    event_detail: Json,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    alarms: Alarms,
    executions: Executions,
    clock: Clock,
) -> Json:
    """`{"decision": ignored | duplicate | abort | roll_back | retrain | hold | wait, "reasons"}`.

    `event_detail` is the `detail` of a CloudWatch Alarm State Change. An alarm and its state's timestamp identify an
    event: the same again does nothing twice. `wait`: the next measurement decides and answers an alarm that lasts;
    nobody is alerted before.
    """
    state = event_detail["state"]
    parts = str(event_detail["alarmName"]).split("/")
    if len(parts) < 3 or parts[0] != settings.stack:
        return _ignored("not an alarm of a project")
    if state["value"] != "ALARM":
        return _ignored(f"state {state['value']}")
    project, kind = parts[1], parts[-1]
    alarm = str(event_detail["alarmName"])
    at = _time(state.get("timestamp")) or clock.now()
    event_id = names.digest(alarm, at.isoformat())
    record_key = responses.record_key(project, at, event_id)
    if objects.exists(record_key):
        return {"decision": "duplicate", "reasons": ["this event was answered before"]}
    champion = ledger.champion(project)
    if kind == "canary" and len(parts) == 4:
        decision, reasons, facts = _abort(
            project, parts[2], kind, settings=settings, ledger=ledger, alarms=alarms, executions=executions, clock=clock
        )
    elif kind == "champion-errors" and (swap := _swap(project, at, ledger=ledger)):
        decision, reasons, facts = _of_a_swap(project, swap, ledger=ledger, executions=executions, clock=clock)
    elif kind in ("quality", "probation") and (other := _measured_before(project, champion, objects=objects)):
        # a measurement that ended after the promotion: the new model must not be rolled back for the old one's answers
        decision, reasons, facts = "hold", [f"{kind} was measured for {other}, which no longer serves"], {}
    elif kind in ("champion-errors", "quality", "probation") and _in_probation(champion, clock=clock):
        decision, reasons, facts = _roll_back(
            project, kind, event_id, champion, settings=settings, executions=executions
        )
    elif kind in ("drift", "quality") and alarms.states([alarm]).get(alarm) == "OK":
        # the event came late, or the alarm flaps: a newer measurement has shown it to be over
        decision, reasons, facts = "hold", [f"{kind} is no longer in ALARM"], {}
    elif kind in ("drift", "quality"):
        decision, reasons, facts = retraining.answer(
            project, kind, event_id, at, objects=objects, ledger=ledger, alerts=alerts, events=events, clock=clock
        )
    elif kind in ("champion-errors", "probation"):
        what = "fails" if kind == "champion-errors" else "is worse than the one before"
        decision, facts = "hold", {}
        reasons = [f"the serving model {what}, but it is not in probation, so nothing is rolled back"]
    else:
        return _ignored(f"no response is known for {kind}")
    inputs = {"alarm": alarm, "state": state["value"], "at": at.isoformat(), "champion": champion and champion.run_id}
    silent = decision == "wait" or (
        decision == "hold" and _told_before(project, kind, event_id, ledger=ledger, clock=clock)
    )
    if decision == "hold":
        # from here the cooldown counts, until it is said again that nothing is done
        responses.note(project, kind, at, event_id, ledger=ledger)
    responses.write_record(record_key, project, inputs, decision, reasons, facts, objects=objects)
    if not silent:
        _report(project, kind, decision, reasons, record_key, alerts=alerts)
    return {"decision": decision, "reasons": reasons, "record": record_key}


def _told_before(project: str, kind: str, event_id: str, *, ledger: Ledger, clock: Clock) -> bool:
    """Whether people heard within the cooldown that nothing is done about this alarm: it flaps. The record is kept."""
    if kind not in ("drift", "quality") or ledger.contract(project) is None:
        return False
    cooldown = timedelta(seconds=seconds(project_contract(project, ledger=ledger).retrain.cooldown))
    return any(
        entry.get("kind") == "hold" and entry.get("trigger") == kind and entry.get("event_id") != event_id
        for entry in ledger.responses(project, clock.now() - cooldown)
    )


def _abort(
    project: str,
    run_id: str,
    kind: str,
    *,
    settings: Settings,
    ledger: Ledger,
    alarms: Alarms,
    executions: Executions,
    clock: Clock,
) -> tuple[str, list[str], Json]:
    states = alarms.states(endpoint_alarms.canary_names(settings.stack, project, run_id))
    ringing = sorted(name.rpartition("/")[2] for name, value in states.items() if value == "ALARM")
    reason = f"alarm {', '.join(ringing) or kind}"
    run = run_record(project, run_id, ledger=ledger)
    if run is None:
        return "hold", [f"{reason}, but there is no run {run_id}"], {}
    if over := run.release_outcome or (run.finished and "finished"):
        return "hold", [f"{reason} came when the release of {run_id} was over ({over})"], {"run_id": run_id}
    request_abort(project, run_id, reason, ledger=ledger, executions=executions, clock=clock)
    return "abort", [f"{reason}: the release of {run_id} aborts"], {"run_id": run_id}


def _swap(project: str, at: datetime, *, ledger: Ledger) -> RunRecord | None:
    """The blue_green release whose fleet may be what failed: its variant has the champion's name and metrics."""
    for run in run_records(project, ledger=ledger)[:_RECENT_RUNS]:
        if run.release is None or run.release.mode != "blue_green" or run.release_outcome == "promoted":
            continue
        ended = run.ended_at
        if not ended or at - datetime.fromisoformat(ended) < _ECHO:
            return run
    return None


def _of_a_swap(
    project: str, run: RunRecord, *, ledger: Ledger, executions: Executions, clock: Clock
) -> tuple[str, list[str], Json]:
    run_id = run.run_id
    facts = {"run_id": run_id}
    if run.ended_at or run.release_outcome:
        why = f"the fleet of {run_id}, just rolled back, had the champion's variant name: it may have failed"
        return "hold", [why, "if the champion itself fails, a person must act"], facts
    request_abort(
        project,
        run_id,
        "alarm champion-errors, of the variant whose fleet is swapped",
        ledger=ledger,
        executions=executions,
        clock=clock,
    )
    return "abort", [f"the fleet of {run_id} has the champion's variant name: the release aborts"], facts


def _measured_before(project: str, champion: Champion | None, *, objects: ObjectStore) -> str | None:
    """The model of the latest measurement, if that is not the one that serves."""
    run_id = responses.latest_report(project, objects=objects).get("run_id")
    return str(run_id) if champion and run_id not in (None, champion.run_id) else None


def _in_probation(champion: Champion | None, *, clock: Clock) -> bool:
    return bool(champion and champion.previous and clock.now() < champion.probation_until)


def _roll_back(
    project: str, kind: str, event_id: str, champion: Champion | None, *, settings: Settings, executions: Executions
) -> tuple[str, list[str], Json]:
    reason = f"alarm {kind} while the model is in probation"
    name = names.bounded(f"{project}-rollback-{event_id}", names.EXECUTION_LIMIT)
    # of this model: a second alarm must not roll its predecessor back too
    request = {"project": project, "reason": reason, "from_run": champion.run_id if champion else None}
    arn = executions.start(settings.rollback_arn, name, request)
    return "roll_back", [reason], {"execution_arn": arn}


def _report(project: str, kind: str, decision: str, reasons: list[str], record: str, *, alerts: Alerts) -> None:
    titles = {
        "retrain": ("Retraining Started", f"{project}: retraining because of {kind}"),
        "roll_back": ("Rollback Started", f"{project}: rolling back because of {kind}"),
        "hold": ("Response Held", f"{project}: {kind} is in ALARM, and nothing was started"),
        "abort": ("Canary Abort Requested", f"{project}: {kind} is in ALARM, the release aborts"),
    }
    title, subject = titles[decision]
    alerts.publish(title, project, subject, "\n".join(reasons), {"alarm": kind, "record": record})


def _time(text: str | None) -> datetime | None:
    """CloudWatch writes `2026-11-22T12:00:00.000+0000`."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _ignored(why: str) -> Json:
    return {"decision": "ignored", "reasons": [why]}
