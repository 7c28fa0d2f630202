"""A release is asked to abort: by an alarm, or by a person. One that waits is woken at once."""

from __future__ import annotations

from sluice.ports import World
from sluice.store.run_records import update_run

ABORTED = "CanaryAborted"
"""The error by which the state machine leaves its wait for the rollback."""


def request_abort(world: World, project: str, run_id: str, reason: str) -> bool:
    """Asks the release of `run_id` to abort, at once where it waits. False when there is no such run."""
    asked = {"reason": reason, "at": world.clock.now().isoformat()}
    if not update_run(world, project, run_id, {"abort_requested": asked}):
        return False
    token = (world.ledger.run(project, run_id) or {}).get("bake_token")
    if token:
        world.executions.fail(token, ABORTED, reason)
    return True


def abort_requested(world: World, project: str, run_id: str) -> str | None:
    """Why the release is to abort; None while nobody asked."""
    asked = (world.ledger.run(project, run_id) or {}).get("abort_requested")
    if not asked:
        return None
    return str(asked.get("reason")) if isinstance(asked, dict) else "by a person"
