"""A person says that a held change is real: it is recorded, and a retraining is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from sluice import names
from sluice.errors import InputError, NotFoundError
from sluice.escaping import visible
from sluice.ports import Alerts, Clock, Events, Json, Ledger, ObjectStore
from sluice.store.held_changes import (
    HeldChange,
    arrived_meanwhile,
    change_of,
    held_changes,
    listed_changes,
    note_accepted,
)
from sluice.store.run_records import project_contract
from sluice.training import governor, responses, retraining
from sluice.training.held_answers import follow_verdict


def accept_drift(
    project: str,
    by: str,
    reason: str = "",
    change_ids: Sequence[str] = (),
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    clock: Clock,
) -> Json:
    """`{"decision": retrain | hold, "changes", "datasets", "rows", "reasons", "record"}`.

    Accepts every change that is held now. If none is, it accepts the fault that is over and whose rows are still left
    out, a doubted one before others. `change_ids` (or their beginnings) choose some of several. Rows of the time of an
    accepted fault (`datasets`, `rows`) are learned from again. The retraining passes the governor; if it is held, the
    change stays accepted.
    Raises NotFoundError if nothing is held or no change has that id, and InputError if several could be meant.
    """
    contract, champion = project_contract(project, ledger=ledger), ledger.champion(project)
    report = responses.latest_report(project, objects=objects)
    follow_verdict(project, contract, report, champion, objects=objects, ledger=ledger, alerts=alerts)
    changes = _meant(project, held_changes(project, ledger=ledger), change_ids)
    now = clock.now()
    for change in changes:
        note_accepted(project, change, now, by, reason, ledger=ledger)
    again = arrived_meanwhile([change for change in changes if change.fault], ledger.datasets(project))
    registered = ledger.contract(project)
    event_id = names.digest("accepted", project, *(change.change_id for change in changes))
    wanted = governor.Request(
        trigger="drift",
        event_id=event_id,
        reason=changes[-1].reason,
        columns=tuple(sorted({name for change in changes for name in change.columns})),
        rows=retraining.accepted_rows(project, ledger=ledger),
        contract_version=registered[1] if registered else "",
        since=min(change.since for change in changes),
        by_person=True,
    )
    held = governor.limits(project, contract, wanted, ledger=ledger, clock=clock)
    what = "; ".join(change.name for change in changes)
    accepted = f"{visible(by)} says that the change is real ({what})" + (f": {visible(reason)}" if reason else "")
    if not held:
        retraining.request(project, wanted, accepted, now, ledger=ledger, events=events)
    decision = "hold" if held else "retrain"
    reasons = [accepted, *held]
    record = responses.record_key(project, now, event_id)
    answer: Json = {
        "decision": decision,
        "changes": [change.plain() for change in changes],
        **again,
        "reasons": reasons,
        "record": record,
    }
    inputs: Json = {"alarm": "accept-drift", "at": now.isoformat(), "by": by, "reason": reason}
    inputs["champion"] = champion and champion.run_id
    facts = {name: answer[name] for name in ("changes", "datasets", "rows")}
    responses.write_record(record, project, inputs, decision, reasons, {**facts, **wanted.facts()}, objects=objects)
    subject = f"{project}: a held change was accepted as real"
    ids = [change.change_id for change in changes]
    alerts.publish("Drift Accepted", project, subject, "\n".join(reasons), {"changes": ids, "record": record})
    return answer


def _meant(project: str, changes: list[HeldChange], change_ids: Sequence[str]) -> list[HeldChange]:
    if change_ids:
        chosen = {found.change_id: found for each in change_ids for found in [change_of(project, changes, each)]}
        for found in chosen.values():
            if found.accepted:
                raise InputError(f"{listed_changes([found])} was accepted by {visible(found.accepted['by'])} before")
        return list(chosen.values())
    if held := [change for change in changes if change.open]:
        return held
    out = [change for change in changes if change.doubted] or [change for change in changes if change.left_out]
    if len(out) > 1:
        raise InputError(
            f"nothing is held now; several faults are over: choose one with --change: {listed_changes(out)}"
        )
    if not out:
        raise NotFoundError(f"nothing is held for {project}, and no rows are left out because of a fault")
    return out
