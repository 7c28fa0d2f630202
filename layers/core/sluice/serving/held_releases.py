"""A release that waits for traffic (`no_traffic: hold`): people hear of it once."""

from __future__ import annotations

from sluice.ports import ENDPOINT, Alerts, Ledger, ObjectStore
from sluice.records.run_record import RunFacts
from sluice.store.run_records import run_contract, run_record, update_run


def report_held_release(project: str, *, objects: ObjectStore, ledger: Ledger, alerts: Alerts) -> None:
    """Alerts once for the release that holds the endpoint's lock and waits for its first live request."""
    lock = ledger.lock(project, ENDPOINT)
    run = run_record(project, lock["run_id"], ledger=ledger) if lock else None
    if run is None or run.told_of_hold or run.release_outcome:
        return
    held = [part for part in (run.canary, run.replay) if part and part.no_traffic == "hold"]
    if not held:
        return
    run_id = run.run_id
    hours = run_contract(project, run_id, objects=objects).release.longest_hold_seconds / 3600
    alerts.publish(
        "Release Waits",
        project,
        f"{project}: the release of {run_id} waits for traffic",
        f"{'; '.join(held[0].reasons)}. It continues with the first live request. Without one it ends "
        f"{hours:.0f} h after its start, and the champion stays. Until then the machines of both models run and are "
        f"billed.",
        {"run_id": run_id},
    )
    update_run(project, run_id, RunFacts(told_of_hold=True), ledger=ledger)
