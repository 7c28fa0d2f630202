"""A release is asked to abort: by an alarm, or by a person. One that waits is woken at once."""

from __future__ import annotations

from sluice.ports import Clock, Executions, Ledger
from sluice.records.run_record import AbortRequest, RunFacts
from sluice.store.run_records import run_record, update_run

ABORTED = "CanaryAborted"
"""The error by which the state machine leaves its wait for the rollback."""


def request_abort(
    project: str, run_id: str, reason: str, *, ledger: Ledger, executions: Executions, clock: Clock
) -> bool:
    """Asks the release of `run_id` to abort, at once where it waits. False when there is no such run."""
    asked = AbortRequest(reason=reason, at=clock.now().isoformat())
    if not update_run(project, run_id, RunFacts(abort_requested=asked), ledger=ledger):
        return False
    run = run_record(project, run_id, ledger=ledger)
    if run and run.bake_token:
        executions.fail(run.bake_token, ABORTED, reason)
    return True


def abort_requested(project: str, run_id: str, *, ledger: Ledger) -> str | None:
    """Why the release is to abort; None without a request."""
    run = run_record(project, run_id, ledger=ledger)
    return run.abort_requested.reason if run and run.abort_requested else None
