"""Costs: an idle endpoint is deleted if the contract allows it. The champion stays champion, asleep."""

from __future__ import annotations

from dataclasses import replace

from sluice import keys
from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.errors import ConflictError
from sluice.moments import utc
from sluice.ports import Alerts, Champion, Clock, Events, Json, Ledger, Metrics, Models, ObjectStore
from sluice.serving.endpoint_lock import endpoint_lock, free_abandoned
from sluice.store.run_records import write_json
from sluice.watch import idleness

_SETTLED = ("InService", "Failed", "OutOfService")


def sleep_endpoint(
    project: str,
    contract: Contract,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    metrics: Metrics,
    models: Models,
    clock: Clock,
) -> Json:
    """`{"decision": awake | asleep, "reasons"}`. Never in probation, and never while a run holds the project's lock.

    Order: the champion is marked, an alert is sent, the endpoint is deleted. After a crash in between,
    the next measurement finds a sleeping champion whose endpoint still exists, and continues.
    `wake_endpoint` reverses it.
    """
    free_abandoned(project, ledger=ledger, events=events, clock=clock)
    champion = ledger.champion(project)
    if champion is None:
        return _awake("no model serves")
    asleep = champion.serving == "asleep"
    if asleep and models.endpoint(champion.endpoint) is None:
        return {"decision": "asleep", "reasons": ["the endpoint was idle"]}
    if not asleep and contract.release.idle_after is None:
        return _awake("the contract has no release.idle_after")
    stay, facts = _reasons_to_stay(champion, contract, metrics=metrics, models=models, clock=clock)
    if stay:
        return _awake(*stay)
    try:
        with endpoint_lock(project, "sleep", ledger=ledger, events=events, clock=clock):
            # read again: a release may have ended between the measurement and the lock
            current = ledger.champion(project)
            if current != champion:
                return _awake("another model serves since this measurement began")
            # asked again: it may have slept and been woken meanwhile, and the silence was that of the endpoint before
            stay, facts = _reasons_to_stay(champion, contract, metrics=metrics, models=models, clock=clock)
            if stay:
                return _awake(*stay)
            return _sleep(
                project, champion, facts, objects=objects, ledger=ledger, alerts=alerts, models=models, clock=clock
            )
    except ConflictError as error:
        return _awake(str(error))


def _reasons_to_stay(
    champion: Champion, contract: Contract, *, metrics: Metrics, models: Models, clock: Clock
) -> tuple[list[str], Json]:
    state = models.endpoint(champion.endpoint)
    if state is None:
        return [f"there is no endpoint {champion.endpoint}"], {}
    facts: Json = {"config": state.config, "status": state.status}
    if state.status not in _SETTLED:
        return [f"{champion.endpoint} is {state.status}"], facts
    if champion.serving == "asleep" or contract.release.idle_after is None:
        return [], facts
    now = clock.now()
    if state.status != "InService":
        return [f"{champion.endpoint} is {state.status}: check it"], facts
    if [variant.name for variant in state.variants] != [champion.variant]:
        return [f"{champion.endpoint} does not serve {champion.variant} alone"], facts
    if now < champion.probation_until:
        return [f"in probation until {utc(champion.probation_until)}"], facts
    needed = seconds(contract.release.idle_after)
    start = now - idleness.window(needed)
    if state.created is not None:
        # the silence before it was woken is what it was put to sleep for
        start = max(start, state.created)
    requests = metrics.variant_sum(champion.endpoint, champion.variant, "Invocations", start, now)
    seen = metrics.variant_seconds(champion.endpoint, champion.variant, start, now)
    facts |= {"idle_after": contract.release.idle_after, "requests": requests, "seconds_seen": seen}
    return idleness.reasons_to_stay(requests, seen, needed), facts


def _sleep(
    project: str,
    champion: Champion,
    facts: Json,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    models: Models,
    clock: Clock,
) -> Json:
    now = clock.now()
    ledger.set_champion(project, replace(champion, serving="asleep"), champion.run_id)
    reasons = [f"no request for {facts['idle_after']}"] if "idle_after" in facts else ["the champion is asleep"]
    record = keys.monitor(project, "sleep", f"{now.strftime('%Y-%m-%dT%H%M%SZ')}.json")
    content = {"kind": "sleep", "project": project, "at": now.isoformat(), "run_id": champion.run_id}
    write_json(record, {**content, "inputs": facts, "decision": "asleep", "reasons": reasons}, objects=objects)
    alerts.publish(
        "Endpoint Asleep",
        project,
        f"{project}: the idle endpoint was deleted",
        f"{champion.endpoint}: {reasons[0]}. It answers nothing and costs nothing until it is woken, or until the next "
        "model is released. Files in batch/ are scored without it.",
        {"run_id": champion.run_id, "record": record},
    )
    models.delete_endpoint(champion.endpoint)
    return {"decision": "asleep", "reasons": reasons, "record": record}


def _awake(*reasons: str) -> Json:
    return {"decision": "awake", "reasons": list(reasons)}
