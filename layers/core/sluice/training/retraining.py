"""What alarms and the clock share: how often a project may retrain, the request for it, the record of a response."""

from __future__ import annotations

from datetime import datetime, timedelta

from sluice import keys
from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.errors import DamagedRecordError
from sluice.ports import Clock, Events, Json, Ledger, ObjectStore
from sluice.store.run_records import project_contract, stored_json, write_json
from sluice.watch.triage import broken

WEEK = timedelta(days=7)

MAX_WAITING = 100
"""Datasets that an event names, beside their number: PutEvents takes 256 KB."""


def earlier_retrainings(project: str, contract: Contract, event_id: str, *, ledger: Ledger, clock: Clock) -> list[Json]:
    """Retrainings within the cooldown or the last seven days, oldest first, without that of `event_id` itself."""
    since = clock.now() - max(WEEK, timedelta(seconds=seconds(contract.retrain.cooldown)))
    return [
        entry
        for entry in ledger.responses(project, since)
        if entry.get("kind") == "retrain" and entry.get("event_id") != event_id
    ]


def in_week(earlier: list[Json], *, clock: Clock) -> int:
    """How many of `earlier` lie in the last seven days."""
    return sum(datetime.fromisoformat(entry["at"]) >= clock.now() - WEEK for entry in earlier)


def over_the_limit(contract: Contract, earlier: list[Json], *, clock: Clock) -> list[str]:
    """The weekly limit's reason against one more retraining; none when there may be one."""
    count, limit = in_week(earlier, clock=clock), contract.retrain.max_per_week
    return [f"{count} retrainings in the last 7 days, {limit} are allowed"] if count >= limit else []


def answer(
    project: str,
    kind: str,
    event_id: str,
    at: datetime,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    events: Events,
    clock: Clock,
) -> tuple[str, list[str], Json]:
    """(retrain | hold, reasons, facts) for an alarm of `kind` drift or quality; asks for the retraining."""
    contract = project_contract(project, ledger=ledger)
    report = latest_report(project, objects=objects)
    held, facts = _held(project, contract, kind, event_id, report, ledger=ledger, clock=clock)
    if held:
        return "hold", held, facts
    reason = f"{kind}: {'; '.join(report.get('reasons') or [])}" if kind == "drift" and report else f"alarm {kind}"
    request(project, kind, reason, at, event_id, ledger=ledger, events=events)
    return "retrain", [reason], facts


def _held(
    project: str, contract: Contract, kind: str, event_id: str, report: Json, *, ledger: Ledger, clock: Clock
) -> tuple[list[str], Json]:
    """Why there is no retraining, all reasons at once; the facts that were looked at."""
    retrain = contract.retrain
    others = earlier_retrainings(project, contract, event_id, ledger=ledger, clock=clock)
    reasons: list[str] = []
    if kind not in retrain.on:
        reasons.append(f"the contract's retrain.on does not name {kind}")
    if others:
        free = datetime.fromisoformat(others[-1]["at"]) + timedelta(seconds=seconds(retrain.cooldown))
        if clock.now() < free:
            reasons.append(f"cooldown until {free.isoformat()}")
    reasons += over_the_limit(contract, others, clock=clock)
    damage = broken(report)
    if damage:
        reasons += ["this looks like a broken feed, not like real drift", *damage]
    count = in_week(others, clock=clock)
    return reasons, {"retrainings_in_week": count, "report_at": report.get("at"), "damage": damage}


def latest_report(project: str, *, objects: ObjectStore) -> Json:
    """The latest measurement of the serving model; empty before the first. A damaged one stops no answer."""
    try:
        latest = stored_json(keys.monitor(project, "latest.json"), {}, objects=objects)
    except DamagedRecordError:
        return {}
    return latest if isinstance(latest, dict) else {}


def note(project: str, kind: str, at: datetime, event_id: str, *, ledger: Ledger) -> None:
    """Records that an alarm was reported and nothing else was done."""
    ledger.add_response(project, at, {"kind": "hold", "trigger": kind, "event_id": event_id})


def request(
    project: str, trigger: str, reason: str, at: datetime, event_id: str, *, ledger: Ledger, events: Events
) -> None:
    """Counts the retraining and asks for it. The same event again is counted once and starts one run."""
    # the response first: cool-down must count it even when this function dies after the request
    ledger.add_response(project, at, {"kind": "retrain", "trigger": trigger, "event_id": event_id})
    detail = {"project": project, "trigger": trigger, "reason": reason, "at": at.isoformat()}
    events.put("Training Requested", detail)


def request_waiting(project: str, waiting: list[str], reason: str | None, *, events: Events) -> None:
    """Asks for the run that had to wait for a lock; `waiting` are datasets, or a trigger such as `(drift)`."""
    # on the same data only a retraining makes a new run
    triggers = [entry.strip("()") for entry in waiting if entry.startswith("(")]
    events.put(
        "Training Requested",
        {
            "project": project,
            "trigger": triggers[0] if triggers else "arrivals",
            # an event is small; the run itself takes every accepted dataset
            "datasets": waiting[:MAX_WAITING],
            "datasets_count": len(waiting),
            "reason": f"arrivals during the last run: {reason or 'datasets arrived'}",
        },
    )


def record_key(project: str, at: datetime, event_id: str) -> str:
    """Where the record of a response lies; an event that has one was answered."""
    return keys.monitor(project, "responses", f"{at.strftime('%Y-%m-%dT%H%M%SZ')}-{event_id}.json")


def write_record(
    key: str, project: str, inputs: Json, decision: str, reasons: list[str], facts: Json, *, objects: ObjectStore
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
    write_json(key, record, objects=objects)
