"""Costs: an idle endpoint is deleted if the contract allows it. The champion stays champion, asleep."""

from __future__ import annotations

from dataclasses import replace

from sluice import keys
from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.errors import ConflictError
from sluice.ports import Champion, Json, World
from sluice.serving.endpoint_lock import endpoint_lock, free_abandoned
from sluice.store.run_records import write_json
from sluice.watch import idleness

_SETTLED = ("InService", "Failed", "OutOfService")


def sleep_endpoint(world: World, project: str, contract: Contract) -> Json:
    """`{"decision": awake | asleep, "reasons"}`. Never in probation, and never while a run holds the project's lock.

    Order: the champion is marked, an alert is sent, the endpoint is deleted. After a crash in between,
    the next measurement finds a sleeping champion whose endpoint still exists, and continues.
    `wake_endpoint` reverses it.
    """
    free_abandoned(world, project)
    champion = world.ledger.champion(project)
    if champion is None:
        return _awake("no model serves")
    asleep = champion.serving == "asleep"
    if asleep and world.models.endpoint(champion.endpoint) is None:
        return {"decision": "asleep", "reasons": ["the endpoint was idle"]}
    if not asleep and contract.release.idle_after is None:
        return _awake("the contract has no release.idle_after")
    stay, facts = _reasons_to_stay(world, champion, contract)
    if stay:
        return _awake(*stay)
    try:
        with endpoint_lock(world, project, "sleep"):
            # read again: a release may have ended between the measurement and the lock
            current = world.ledger.champion(project)
            if current != champion:
                return _awake("another model serves since this measurement began")
            return _sleep(world, project, champion, facts)
    except ConflictError as error:
        return _awake(str(error))


def _reasons_to_stay(world: World, champion: Champion, contract: Contract) -> tuple[list[str], Json]:
    state = world.models.endpoint(champion.endpoint)
    if state is None:
        return [f"there is no endpoint {champion.endpoint}"], {}
    facts: Json = {"config": state.config, "status": state.status}
    if state.status not in _SETTLED:
        return [f"{champion.endpoint} is {state.status}"], facts
    if champion.serving == "asleep" or contract.release.idle_after is None:
        return [], facts
    now = world.clock.now()
    if state.status != "InService":
        return [f"{champion.endpoint} is {state.status}: check it"], facts
    if [variant.name for variant in state.variants] != [champion.variant]:
        return [f"{champion.endpoint} does not serve {champion.variant} alone"], facts
    if now < champion.probation_until:
        return [f"in probation until {champion.probation_until.isoformat()}"], facts
    needed = seconds(contract.release.idle_after)
    start = now - idleness.window(needed)
    if state.created is not None:
        # the silence before it was woken is what it was put to sleep for
        start = max(start, state.created)
    requests = world.metrics.variant_sum(champion.endpoint, champion.variant, "Invocations", start, now)
    seen = world.metrics.variant_seconds(champion.endpoint, champion.variant, start, now)
    facts |= {"idle_after": contract.release.idle_after, "requests": requests, "seconds_seen": seen}
    return idleness.reasons_to_stay(requests, seen, needed), facts


def _sleep(world: World, project: str, champion: Champion, facts: Json) -> Json:
    now = world.clock.now()
    world.ledger.set_champion(project, replace(champion, serving="asleep"), champion.run_id)
    reasons = [f"no request for {facts['idle_after']}"] if "idle_after" in facts else ["the champion is asleep"]
    record = keys.monitor(project, "sleep", f"{now.strftime('%Y-%m-%dT%H%M%SZ')}.json")
    content = {"kind": "sleep", "project": project, "at": now.isoformat(), "run_id": champion.run_id}
    write_json(world, record, {**content, "inputs": facts, "decision": "asleep", "reasons": reasons})
    world.alerts.publish(
        "Endpoint Asleep",
        project,
        f"{project}: the idle endpoint is deleted",
        f"{champion.endpoint}: {reasons[0]}. It answers nothing and costs nothing until `sluice wake {project}`, or "
        "until the next model is released. Files in batch/ are scored without it.",
        {"run_id": champion.run_id, "record": record},
    )
    world.models.delete_endpoint(champion.endpoint)
    return {"decision": "asleep", "reasons": reasons, "record": record}


def _awake(*reasons: str) -> Json:
    return {"decision": "awake", "reasons": list(reasons)}
