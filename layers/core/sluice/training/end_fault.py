"""A person says that a held change was broken data and is over: its rows stay out, and trainings may go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sluice.errors import InputError, NotFoundError
from sluice.escaping import visible
from sluice.ports import Alerts, Clock, Json, Ledger, ObjectStore
from sluice.store.held_changes import (
    HeldChange,
    arrived_meanwhile,
    change_of,
    held_changes,
    listed_changes,
    note_ended,
)
from sluice.store.run_records import project_contract
from sluice.training import responses
from sluice.training.held_answers import follow_verdict, report_once, verdict_for


def end_fault(
    project: str,
    by: str,
    reason: str = "",
    change_ids: Sequence[str] = (),
    until: datetime | None = None,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    clock: Clock,
) -> Json:
    """`{"decision": over, "changes", "datasets", "rows", "records"}`.

    Ends every change that is held now, or those of `change_ids` (or their beginnings), at `until` (default: now).
    A fault that is over and may have been real drift can be named, too: then it was broken, and keeps its end.
    Without it a change ends with the first measurement that does not show it, so that a fault lasts while nothing is
    measured.
    Rows of its time (`datasets`, `rows`) stay out of later runs, those of an unexplained change too. A measurement
    whose window reaches back to that time does not hold the change again; one that shows later requests with it does.

    Raises NotFoundError if nothing is held or no change has that id, and InputError if the id is ambiguous, the change
    is over, or `until` lies before a request that is known to have the fault, or in the future.
    """
    contract, champion = project_contract(project, ledger=ledger), ledger.champion(project)
    report = responses.latest_report(project, objects=objects)
    follow_verdict(project, contract, report, champion, objects=objects, ledger=ledger, alerts=alerts)
    changes = _meant(project, held_changes(project, ledger=ledger), change_ids)
    now = clock.now()
    verdict = verdict_for(report, champion)
    ends = {change.change_id: until or change.over or now for change in changes}
    for change in changes:
        over = ends[change.change_id]
        same = verdict is not None and verdict.holds and change.alike(verdict)
        shown = (verdict.last if verdict and same else None) or change.since
        if not shown < over <= now:
            raise InputError(
                f"{change.name} cannot have ended at {over.isoformat()}: it is known of a request at "
                f"{shown.isoformat()}, and now it is {now.isoformat()}"
            )
    ended = [note_ended(project, each, ends[each.change_id], now, by, reason, ledger=ledger) for each in changes]
    records = [report_once(project, change, "over", objects=objects, ledger=ledger, alerts=alerts) for change in ended]
    return {
        "decision": "over",
        "changes": [change.plain() for change in ended],
        **arrived_meanwhile(ended, ledger.datasets(project)),
        "records": records,
    }


def _meant(project: str, changes: list[HeldChange], change_ids: Sequence[str]) -> list[HeldChange]:
    if not change_ids:
        if lasting := [change for change in changes if change.open]:
            return lasting
        raise NotFoundError(f"nothing is held for {project}: there is no fault to end")
    chosen = {found.change_id: found for each in change_ids for found in [change_of(project, changes, each)]}
    for found in chosen.values():
        if not (found.open or found.doubted):
            how = f"was accepted as real by {visible(found.accepted['by'])}" if found.accepted else "is over"
            raise InputError(f"{listed_changes([found])} {how}: there is nothing to end")
    return list(chosen.values())
