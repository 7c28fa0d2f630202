"""What a measurement's triage means for a project: which change is held, and what people hear of it.

Both paths to a response read it, the alarm's and the measurement's. Each change that is confirmed is reported once, and
its end once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sluice import names
from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.escaping import visible
from sluice.model.shortening import listed
from sluice.moments import utc
from sluice.ports import Alerts, Champion, Json, Ledger, ObjectStore
from sluice.store.held_changes import HeldChange, arrived_within, held_changes, note_verdict
from sluice.training.responses import record_key, write_record
from sluice.watch.verdicts import ReportedVerdict, verdict_of

MAX_TOLD = 20
"""Datasets that an alert names; the record has all of them."""


def verdict_for(report: Json, champion: Champion | None) -> ReportedVerdict | None:
    """The verdict of a measurement of the model that serves now; that of an earlier model says nothing of it."""
    if champion is None or report.get("run_id") != champion.run_id:
        return None
    return verdict_of(report)


def follow_verdict(
    project: str,
    contract: Contract,
    report: Json,
    champion: Champion | None,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
) -> HeldChange | None:
    """Notes what the newest measurement says, and reports each change that is confirmed, and its end.

    Returns the change that is held now; None if there is none, or the measurement was inconclusive.
    """
    verdict = verdict_for(report, champion)
    if verdict is None or champion is None:
        return None
    at = datetime.fromisoformat(str(report["at"]))
    window = timedelta(seconds=seconds(contract.monitor.window))
    held = note_verdict(project, verdict, at, champion.run_id, window, ledger=ledger)
    for change in held_changes(project, ledger=ledger):
        if not change.confirmed:
            continue
        if change.open:
            report_once(project, change, "begins", objects=objects, ledger=ledger, alerts=alerts)
        elif change.over == at:
            report_once(project, change, "over", objects=objects, ledger=ledger, alerts=alerts)
    return held


def sentences(project: str, change: HeldChange) -> list[str]:
    """Why nothing is trained, and how to go on."""
    return [*_why(change), _how_to_go_on(project, change)]


def _why(change: HeldChange) -> list[str]:
    first = f"first seen at {utc(change.since)}"
    told = visible(change.sentence) or change.name
    if change.fault:
        return [
            f"the data look broken, not really changed ({change.name}): {told}",
            f"{first}; rows that arrive until it is over are left out of later runs",
        ]
    return [
        f"the requests have changed, and triage does not know whether the data are broken{change.where}: {told}",
        f"{first}; no alarm starts a retraining until a person decides or it is over",
    ]


def _how_to_go_on(project: str, change: HeldChange) -> str:
    if change.fault:
        return (
            f"correct it at its source; if the change is real: `sluice accept-drift {project}`; once it is over and no "
            f"measurement shows it: `sluice end-fault {project}`"
        )
    return f"is the change real? If so: `sluice accept-drift {project}`; if not, correct it at its source"


def waits_for_confirmation(change: HeldChange) -> str:
    """Why nothing is trained yet, and nobody is alerted yet either."""
    return (
        f"one measurement may show broken data ({change.name}, since {change.since.isoformat()}); the next one decides"
    )


def report_once(
    project: str, change: HeldChange, what: str, *, objects: ObjectStore, ledger: Ledger, alerts: Alerts
) -> str:
    """Reports the change (`what`: begins | over), once. Returns the key of the record.

    Alert first, then the record that keeps it from being sent again: a crash in between repeats, loses nothing.
    """
    at = change.over if what == "over" and change.over else change.found_at
    key = record_key(project, at, names.digest(change.change_id, what))
    if objects.exists(key):
        return key
    affected = arrived_within(change, ledger.datasets(project))
    rows = sum(int(each.get("rows") or 0) for each in affected)
    ids = [str(each["dataset_id"]) for each in affected]
    if what == "begins":
        kind = "Data Fault" if change.fault else "Change Held"
        subject = f"{project}: the data look broken ({change.reason})" if change.fault else f"{project}: is it real?"
        decision, reasons = "hold" if change.fault else "ask", sentences(project, change)
        said = _why(change)  # an alert of its kind ends with how to go on
    else:
        kind, decision = "Held Change Over", "over"
        subject = f"{project}: was {change.name} real drift?" if change.doubted else f"{project}: {change.name} is over"
        said = reasons = [f"{change.name} is over: {_who_says_so(change)}"]
        if change.left_out:
            between = f"from {utc(change.since)} to {utc(change.over)}"
            of = f"{len(ids)} dataset{'' if len(ids) == 1 else 's'}"
            reasons.append(
                f"{rows:,} rows of {of} arrived {between} and stay out of later runs: {listed(ids, MAX_TOLD, key)}"
                if ids
                else f"no dataset arrived {between}, so no row stays out of later runs"
            )
            accept = f"`sluice accept-drift {project} --change {change.change_id}`"
            if change.doubted:
                broken = f"`sluice end-fault {project} --change {change.change_id}`"
                reasons.append(f"was it real from its beginning? If so: {accept}; if the data were broken: {broken}")
            elif ids:
                reasons.append(f"to learn from them: {accept}")
    facts = {"change_id": change.change_id, "reason": change.reason, "columns": list(change.columns), "record": key}
    alerts.publish(kind, project, subject, "\n".join(said), facts)
    inputs: Json = {"alarm": "triage", "at": at.isoformat(), "champion": change.champion}
    found: Json = {"change": change.plain(), "datasets": ids, "rows": rows}
    write_record(key, project, inputs, decision, reasons, found, objects=objects)
    return key


def _who_says_so(change: HeldChange) -> str:
    if change.doubted:
        return "the newest measurement takes what its window shows for real drift, requests of that time included"
    if change.ended is None:
        return "the newest measurement no longer shows it"
    why = f" ({visible(change.ended['reason'])})" if change.ended["reason"] else ""
    return f"{visible(change.ended['by'])} says so{why}"
