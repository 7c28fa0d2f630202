"""What alarms and the clock share: how often a project may retrain, the request for it, the record of a response."""

from __future__ import annotations

from datetime import datetime, timedelta

from sluice import keys
from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.ports import Json, World
from sluice.steps.run_records import write_json

WEEK = timedelta(days=7)


def earlier_retrainings(world: World, project: str, contract: Contract, event_id: str) -> list[Json]:
    """Retrainings within the cooldown or the last seven days, oldest first, without that of `event_id` itself."""
    since = world.clock.now() - max(WEEK, timedelta(seconds=seconds(contract.retrain.cooldown)))
    return [
        entry
        for entry in world.ledger.responses(project, since)
        if entry.get("kind") == "retrain" and entry.get("event_id") != event_id
    ]


def in_week(world: World, earlier: list[Json]) -> int:
    """How many of `earlier` lie in the last seven days."""
    return sum(datetime.fromisoformat(entry["at"]) >= world.clock.now() - WEEK for entry in earlier)


def over_the_limit(world: World, contract: Contract, earlier: list[Json]) -> list[str]:
    """The weekly limit's reason against one more retraining; none when there may be one."""
    count, limit = in_week(world, earlier), contract.retrain.max_per_week
    return [f"{count} retrainings in the last 7 days, {limit} are allowed"] if count >= limit else []


def request(world: World, project: str, trigger: str, reason: str, at: datetime, event_id: str) -> None:
    """Counts the retraining and asks for it. The same event again is counted once and starts one run."""
    # the response first: cool-down must count it even when this function dies after the request
    world.ledger.add_response(project, at, {"kind": "retrain", "trigger": trigger, "event_id": event_id})
    detail = {"project": project, "trigger": trigger, "reason": reason, "at": at.isoformat()}
    world.events.put("Training Requested", detail)


def request_waiting(world: World, project: str, waiting: list[str], reason: str | None) -> None:
    """Asks for the run that had to wait for a lock; `waiting` are datasets, or a trigger such as `(drift)`."""
    # on the same data only a retraining makes a new run
    triggers = [entry.strip("()") for entry in waiting if entry.startswith("(")]
    world.events.put(
        "Training Requested",
        {
            "project": project,
            "trigger": triggers[0] if triggers else "arrivals",
            "datasets": waiting[:100],
            "reason": f"arrivals during the last run: {reason or 'datasets arrived'}",
        },
    )


def record_key(project: str, at: datetime, event_id: str) -> str:
    """Where the record of a response lies; an event that has one was answered."""
    return keys.monitor(project, "responses", f"{at.strftime('%Y-%m-%dT%H%M%SZ')}-{event_id}.json")


def write_record(
    world: World, key: str, project: str, inputs: Json, decision: str, reasons: list[str], facts: Json
) -> None:
    """To be called after the action, which is safe to repeat: a crash in between must not swallow the response."""
    record = {
        "kind": "response",
        "project": project,
        "inputs": inputs,
        "decision": decision,
        "reasons": reasons,
        **facts,
    }
    write_json(world, key, record)
