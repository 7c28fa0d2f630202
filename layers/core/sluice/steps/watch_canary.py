"""A release waits: where an alarm finds what ends the wait at once."""

from __future__ import annotations

from sluice.ports import Json, World
from sluice.steps.run_records import update_run

ABORTED = "CanaryAborted"
"""The error by which the state machine leaves its wait for the rollback."""


def watch_canary(world: World, project: str, run_id: str, token: str) -> Json:
    """`{"decision": watching | abort}`. The wait's time-out is the state machine's; nobody answers a quiet one.

    The token is stored before the request is looked for, and whoever requests an abort stores the request before it
    looks for a token (`request_abort`): in whatever order the two come, one of them sees the other's.
    """
    update_run(world, project, run_id, {"bake_token": token})
    asked = abort_requested(world, project, run_id)
    if asked is None:
        return {"decision": "watching"}
    world.executions.fail(token, ABORTED, asked)
    return {"decision": "abort"}


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
