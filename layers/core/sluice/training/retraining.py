"""Requests for a retraining: what alarms, measurements, the clock and people share."""

from __future__ import annotations

from datetime import datetime

from sluice.contract import Contract
from sluice.escaping import visible
from sluice.ports import Alerts, Clock, Events, Json, Ledger, ObjectStore
from sluice.store.held_changes import HeldChange, arrived_meanwhile, held_changes
from sluice.store.run_records import project_contract
from sluice.training.governor import Request, count_retraining, earlier_retrainings, in_week, limits, tried_before
from sluice.training.held_answers import follow_verdict, sentences, verdict_for, waits_for_confirmation
from sluice.training.responses import latest_report
from sluice.training.usable_rows import rows_of, usable_datasets
from sluice.watch.triage import broken
from sluice.watch.verdicts import ReportedVerdict

MAX_WAITING = 100
"""Datasets that an event names, beside their number: PutEvents takes 256 KB."""


def answer(
    project: str,
    kind: str,
    event_id: str,
    at: datetime,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    clock: Clock,
) -> tuple[str, list[str], Json]:
    """(retrain | hold | wait, reasons, facts) for an alarm of `kind` drift or quality; asks for the retraining.

    What triage says about the newest measurement comes first: a fault never trains, and what has no explanation is
    for a person to decide. `wait`: one measurement may show such a change, and the next one decides. A report without
    a verdict is judged by its missing values and unknown categories.
    """
    contract = project_contract(project, ledger=ledger)
    champion = ledger.champion(project)
    report = latest_report(project, objects=objects)
    change = follow_verdict(project, contract, report, champion, objects=objects, ledger=ledger, alerts=alerts)
    verdict = verdict_for(report, champion)
    wanted = _request(project, contract, kind, event_id, report, verdict, change, ledger=ledger)
    damage = [] if verdict else broken(report)
    held = []
    if champion and at < champion.promoted_at:
        held.append(f"the alarm is older than the serving model {champion.run_id}: it was about another one")
    waits = change is not None and change.accepted is None and not change.confirmed
    if change and change.accepted is None:
        held += [waits_for_confirmation(change)] if waits else sentences(project, change)
    elif verdict and verdict.holds and change is None:
        held.append("the newest measurement shows the time before a person said that the fault is over")
    elif verdict and verdict.answer == "nothing" and kind == "drift":
        told = f": {visible(verdict.sentence)}" if verdict.sentence else ""
        held.append(f"the newest measurement shows no change beyond chance{told}")
    if damage:
        held += ["this looks like a broken feed, not like real drift", *damage]
    held += limits(project, contract, wanted, change, ledger=ledger, clock=clock)
    earlier = earlier_retrainings(project, contract, event_id, ledger=ledger, clock=clock)
    facts: Json = {
        "retrainings_in_week": in_week(earlier, clock=clock),
        "report_at": report.get("at"),
        "damage": damage,
        "triage": report.get("triage") if verdict else None,
        "change_id": change and change.change_id,
        **wanted.facts(),
    }
    if held:
        return "wait" if waits else "hold", held, facts
    reason = f"{kind}: {'; '.join(report.get('reasons') or [])}" if kind == "drift" and report else f"alarm {kind}"
    reasons = [reason]
    if verdict and verdict.sentence:
        reasons.append(visible(verdict.sentence))
    last = tried_before(project, wanted, ledger=ledger)
    if last:
        reasons.append(last.text(wanted))
    reasons += _doubts(project, ledger=ledger)
    if change and change.accepted:
        reasons.append(f"accepted as real by {visible(change.accepted['by'])} at {change.accepted['at']}")
    request(project, wanted, "; ".join(reasons), at, ledger=ledger, events=events)
    return "retrain", reasons, facts


def _doubts(project: str, *, ledger: Ledger) -> list[str]:
    """Rows that a retraining leaves out for faults that may have been real drift: a sentence for each fault."""
    datasets = ledger.datasets(project)
    found = []
    for change in held_changes(project, ledger=ledger):
        if change.doubted and (rows := arrived_meanwhile([change], datasets)["rows"]):
            accept = f"`sluice accept-drift {project} --change {change.change_id}`"
            found.append(f"{rows:,} rows of the time of {change.name} stay out of it; if that was real: {accept}")
    return found


def _request(
    project: str,
    contract: Contract,
    kind: str,
    event_id: str,
    report: Json,
    verdict: ReportedVerdict | None,
    change: HeldChange | None,
    *,
    ledger: Ledger,
) -> Request:
    registered = ledger.contract(project)
    columns = verdict.columns if verdict else ()
    drift = report.get("drift")
    if kind == "drift" and not columns and isinstance(drift, dict) and drift.get("column"):
        columns = (str(drift["column"]),)
    since = change.since if change else verdict.since if verdict and verdict.answer == "retrain" else None
    return Request(
        trigger=kind,
        event_id=event_id,
        reason=verdict.reason if verdict else "",
        columns=columns if kind == "drift" else (),
        size=_size(contract, kind, report),
        rows=accepted_rows(project, ledger=ledger),
        contract_version=registered[1] if registered else "",
        enough_rows=contract.retrain.min_rows,
        since=since,
    )


def _size(contract: Contract, kind: str, report: Json) -> float | None:
    """How large the drift or the loss of quality is: the score, or how far it is beyond the contract's limit."""
    found = report.get(kind)
    value = found.get("score" if kind == "drift" else "value") if isinstance(found, dict) else None
    if not isinstance(value, int | float):
        return None
    if kind == "drift":
        return float(value)
    wanted = contract.monitor.quality
    limit = None if wanted is None else wanted.min if wanted.min is not None else wanted.max
    return None if limit is None else abs(float(value) - limit)


def accepted_rows(project: str, *, ledger: Ledger) -> int:
    """Rows of the datasets that a run would learn from now."""
    return rows_of(usable_datasets(project, ledger=ledger))


def request(project: str, wanted: Request, reason: str, at: datetime, *, ledger: Ledger, events: Events) -> None:
    """Counts the retraining and asks for it. The same event again is counted once and starts one run."""
    count_retraining(project, wanted, at, ledger=ledger)
    detail = {"project": project, "trigger": wanted.trigger, "reason": reason, "at": at.isoformat()}
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
