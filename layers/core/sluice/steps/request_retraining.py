"""Retraining by the clock: the contract's `retrain.schedule` came round."""

from __future__ import annotations

from datetime import datetime

from sluice import names
from sluice.ports import Json, World
from sluice.store.run_records import project_contract
from sluice.training import retraining


def request_retraining(world: World, project: str, at: str | None = None) -> Json:
    """`{"decision": retrain | hold | duplicate | ignored, "reasons"}`.

    `at` is the scheduled time (ISO), the same at a redelivery; without it every call is a request of its own. The
    clock is bound by max_per_week only: a cooldown, or a check of the drift, is for alarms.
    """
    contract = project_contract(world, project)
    every = contract.retrain.schedule
    if every is None:
        # the schedule goes at the next promotion; the contract counts at once
        return {"decision": "ignored", "reasons": ["the contract has no retrain.schedule any more"]}
    due = datetime.fromisoformat(at) if at else world.clock.now()
    event_id = names.digest("retrain", project, due.isoformat())
    record = retraining.record_key(project, due, event_id)
    if world.objects.exists(record):
        return {"decision": "duplicate", "reasons": ["this event was answered before"]}
    earlier = retraining.earlier_retrainings(world, project, contract, event_id)
    held = retraining.over_the_limit(world, contract, earlier)
    decision, reasons = ("hold", held) if held else ("retrain", [f"the contract asks for a retraining every {every}"])
    if not held:
        retraining.request(world, project, "schedule", reasons[0], due, event_id)
    inputs = {"schedule": every, "at": due.isoformat()}
    facts = {"retrainings_in_week": retraining.in_week(world, earlier)}
    retraining.write_record(world, record, project, inputs, decision, reasons, facts)
    told = {"trigger": "schedule", "record": record}
    if held:
        subject = f"{project}: a scheduled retraining was not started"
        world.alerts.publish("Response Held", project, subject, "\n".join(reasons), told)
    else:
        subject = f"{project}: retraining because of its schedule"
        world.alerts.publish("Retraining Started", project, subject, reasons[0], told)
    return {"decision": decision, "reasons": reasons, "record": record}
