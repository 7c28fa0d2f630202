"""A measurement asks for the retraining by volume that the governor held when the rows arrived."""

from __future__ import annotations

from datetime import datetime, timedelta

from sluice import names
from sluice.contract.durations import seconds
from sluice.ports import RUN, Alerts, Clock, Events, Json, Ledger, ObjectStore
from sluice.store.run_records import project_contract
from sluice.training import governor, responses, retraining
from sluice.training.volume import TRIGGER, new_rows, request_for


def answer_volume(
    project: str,
    at: datetime,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    clock: Clock,
) -> str | None:
    """retrain | hold | wait; None while there are not as many rows as `retrain.on_rows` asks for.

    A hold is recorded and reported once a cooldown. `at` is the time of the measurement, which is the same at a
    repetition.
    """
    contract = project_contract(project, ledger=ledger)
    volume = new_rows(contract, ledger=ledger)
    if volume is None or not volume.due or volume.at is None:
        return None
    if ledger.lock(project, RUN):
        return "wait"
    wanted = request_for(project, volume)
    held = governor.limits(project, contract, wanted, ledger=ledger, clock=clock)
    cooldown = timedelta(seconds=seconds(contract.retrain.cooldown))
    event_id = names.digest("volume-measured", project, at.isoformat())
    record = responses.record_key(project, at, event_id)
    if objects.exists(record) or (held and _told(project, clock.now() - cooldown, event_id, ledger=ledger)):
        return "wait"
    if held:
        responses.note(project, TRIGGER, at, event_id, ledger=ledger)
    else:
        retraining.request(project, wanted, volume.reason, volume.at, ledger=ledger, events=events)
    decision, reasons = ("hold" if held else "retrain"), [volume.reason, *held]
    inputs: Json = {"alarm": TRIGGER, "at": at.isoformat(), "datasets": list(volume.datasets)}
    responses.write_record(record, project, inputs, decision, reasons, wanted.facts(), objects=objects)
    told = {"trigger": TRIGGER, "record": record}
    if held:
        subject = f"{project}: a retraining for new rows was not started"
        alerts.publish("Response Held", project, subject, "\n".join(reasons), told)
    else:
        subject = f"{project}: retraining because of new rows"
        alerts.publish("Retraining Started", project, subject, volume.reason, told)
    return decision


def _told(project: str, since: datetime, event_id: str, *, ledger: Ledger) -> bool:
    return any(
        entry.get("kind") == "hold" and entry.get("trigger") == TRIGGER and entry.get("event_id") != event_id
        for entry in ledger.responses(project, since)
    )
