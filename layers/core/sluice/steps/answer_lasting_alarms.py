"""After each measurement: what triage found is noted, and alarms that stay in ALARM are answered again.

CloudWatch sends an event on a change of state only, so an alarm that lasts is asked after with each measurement.

After a retraining the alarm is left alone for the contract's cooldown. Then it is answered again: with a retraining
where the contract allows one; otherwise an alert says that it is still in ALARM, and why nothing is done. That alert
comes once a cooldown, not with each measurement.

Triage may find real drift that no column's score shows, and so no alarm: it is answered as the drift alarm is.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sluice import names
from sluice.contract.durations import seconds
from sluice.ports import RUN, Alarms, Alerts, Clock, Events, Json, Ledger, ObjectStore, Settings
from sluice.store.run_records import project_contract
from sluice.training import responses, retraining
from sluice.training.answer_volume import answer_volume
from sluice.training.held_answers import follow_verdict, verdict_for

ANSWERED = ("drift", "quality")
"""These start a retraining. For the others people are reminded: after the probation, only a person can act."""
REMINDED = {
    "champion-errors": "the serving model fails, but it is not in probation, so nothing is rolled back",
    "probation": "the serving model is worse than the one before, but it is not in probation, so nothing is rolled "
    "back",
}


def answer_lasting_alarms(
    project: str,
    at: str,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    alarms: Alarms,
    clock: Clock,
) -> Json:
    """`{"decision": quiet | answered, "answers": {kind: retrain | hold | wait}}` after a measurement made `at` (ISO).

    The same measurement again does nothing twice.
    """
    kinds = {names.alarm(settings.stack, project, kind): kind for kind in (*ANSWERED, *REMINDED)}
    states = alarms.states(kinds)
    lasting = {kind: f"{kind} is still in ALARM" for alarm, kind in kinds.items() if states.get(alarm) == "ALARM"}
    if ledger.contract(project) is not None:
        contract, champion = project_contract(project, ledger=ledger), ledger.champion(project)
        report = responses.latest_report(project, objects=objects)
        follow_verdict(project, contract, report, champion, objects=objects, ledger=ledger, alerts=alerts)
        verdict = verdict_for(report, champion)
        # where a score is beyond its limit the alarm goes into ALARM by itself, a minute from now
        if verdict and verdict.answer == "retrain" and report.get("decision") != "drifted" and report.get("at") == at:
            lasting.setdefault("drift", "triage finds real drift, although no column's score is beyond its limit")
    answers = {
        kind: _answer(
            project,
            kind,
            why,
            datetime.fromisoformat(at),
            objects=objects,
            ledger=ledger,
            alerts=alerts,
            events=events,
            clock=clock,
        )
        for kind, why in lasting.items()
    }
    if ledger.contract(project) is not None:
        asked = answer_volume(
            project,
            datetime.fromisoformat(at),
            objects=objects,
            ledger=ledger,
            alerts=alerts,
            events=events,
            clock=clock,
        )
        answers |= {"volume": asked} if asked else {}
    return {"decision": "answered" if answers else "quiet", "answers": answers}


def _answer(
    project: str,
    kind: str,
    why: str,
    at: datetime,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    clock: Clock,
) -> str:
    contract, now = project_contract(project, ledger=ledger), clock.now()
    cooldown = timedelta(seconds=seconds(contract.retrain.cooldown))
    champion = ledger.champion(project)
    event_id = names.digest("lasting", project, kind, at.isoformat())
    record = responses.record_key(project, at, event_id)
    recent = [
        each
        for each in ledger.responses(project, now - cooldown)
        if datetime.fromisoformat(each["at"]) > now - cooldown and each.get("event_id") != event_id
    ]
    in_probation = bool(champion and champion.previous and now < champion.probation_until)
    if objects.exists(record) or (in_probation and kind != "drift"):
        # in a probation the rollback that the alarm's event started is the answer
        return "wait"
    facts: Json
    if kind in REMINDED:
        decision, reasons, facts = "hold", [REMINDED[kind]], {}
    elif any(each.get("kind") == "retrain" for each in recent):
        return "wait"
    elif lock := ledger.lock(project, RUN):
        decision, reasons, facts = "hold", [f"{lock['run_id']} is in progress, and may resolve it"], {}
    else:
        decision, reasons, facts = retraining.answer(
            project, kind, event_id, at, objects=objects, ledger=ledger, alerts=alerts, events=events, clock=clock
        )
    if decision == "wait" or (decision == "hold" and any(each.get("trigger") == kind for each in recent)):
        return "wait"
    reasons = [why, *reasons]
    if decision == "hold":
        responses.note(project, kind, at, event_id, ledger=ledger)
    inputs: Json = {"alarm": kind, "lasting": True, "at": at.isoformat(), "champion": champion and champion.run_id}
    responses.write_record(record, project, inputs, decision, reasons, facts, objects=objects)
    titles = {
        "retrain": ("Retraining Started", f"{project}: retraining, because {why}"),
        "hold": ("Response Held", f"{project}: {why}, and nothing was started"),
    }
    title, subject = titles[decision]
    alerts.publish(title, project, subject, "\n".join(reasons), {"alarm": kind, "record": record})
    return decision
