"""Retraining by the clock: the contract's `retrain.schedule` came round."""

from __future__ import annotations

from datetime import datetime

from sluice import names
from sluice.ports import Alerts, Clock, Events, Json, Ledger, ObjectStore
from sluice.store.run_records import project_contract
from sluice.training import governor, responses, retraining


def request_retraining(
    project: str,
    at: str | None = None,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    clock: Clock,
) -> Json:
    """`{"decision": retrain | hold | duplicate | ignored, "reasons"}`.

    `at` is the scheduled time (ISO), the same at a redelivery; without it every call is a request of its own. The
    clock is bound by max_per_week, and waits while a data fault lasts; a cooldown is for alarms.
    """
    contract = project_contract(project, ledger=ledger)
    every = contract.retrain.schedule
    if every is None:
        # the schedule goes at the next promotion; the contract counts at once
        return {"decision": "ignored", "reasons": ["the contract no longer has a retrain.schedule"]}
    due = datetime.fromisoformat(at) if at else clock.now()
    event_id = names.digest("retrain", project, due.isoformat())
    record = responses.record_key(project, due, event_id)
    if objects.exists(record):
        return {"decision": "duplicate", "reasons": ["this event was answered before"]}
    wanted = governor.Request("schedule", event_id, rows=retraining.accepted_rows(project, ledger=ledger))
    held = governor.limits(project, contract, wanted, ledger=ledger, clock=clock)
    decision, reasons = ("hold", held) if held else ("retrain", [f"the contract asks for a retraining every {every}"])
    if not held:
        retraining.request(project, wanted, reasons[0], due, ledger=ledger, events=events)
    inputs = {"schedule": every, "at": due.isoformat()}
    earlier = governor.earlier_retrainings(project, contract, event_id, ledger=ledger, clock=clock)
    facts = {"retrainings_in_week": governor.in_week(earlier, clock=clock), **wanted.facts()}
    responses.write_record(record, project, inputs, decision, reasons, facts, objects=objects)
    told = {"trigger": "schedule", "record": record}
    if held:
        subject = f"{project}: a scheduled retraining was not started"
        alerts.publish("Response Held", project, subject, "\n".join(reasons), told)
    else:
        subject = f"{project}: retraining because of its schedule"
        alerts.publish("Retraining Started", project, subject, reasons[0], told)
    return {"decision": decision, "reasons": reasons, "record": record}
