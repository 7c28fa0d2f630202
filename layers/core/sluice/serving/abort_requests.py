"""A release is asked to abort: by an alarm, or by a person. One that waits is woken at once."""

from __future__ import annotations

from sluice.ports import World
from sluice.records.run_record import AbortRequest, RunFacts
from sluice.store.run_records import run_record, update_run

ABORTED = "CanaryAborted"
"""The error by which the state machine leaves its wait for the rollback."""


def request_abort(world: World, project: str, run_id: str, reason: str) -> bool:
    """Asks the release of `run_id` to abort, at once where it waits. False when there is no such run."""
    asked = AbortRequest(reason=reason, at=world.clock.now().isoformat())
    if not update_run(world, project, run_id, RunFacts(abort_requested=asked)):
        return False
    run = run_record(world, project, run_id)
    if run and run.bake_token:
        world.executions.fail(run.bake_token, ABORTED, reason)
    return True


def abort_requested(world: World, project: str, run_id: str) -> str | None:
    """Why the release is to abort; None without a request."""
    run = run_record(world, project, run_id)
    return run.abort_requested.reason if run and run.abort_requested else None
