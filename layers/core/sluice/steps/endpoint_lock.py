"""The project's lock for those who change its endpoint outside of a run: a release must not meet them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sluice.errors import ConflictError
from sluice.ports import Json, World
from sluice.steps import retraining

_PREFIX = "endpoint-"
_LONGEST = timedelta(minutes=10)
"""Twice what the function that holds it may take: whoever holds it longer has died."""


@contextmanager
def endpoint_lock(world: World, project: str, purpose: str) -> Iterator[None]:
    """Held while the endpoint is changed. What arrives meanwhile waits, and is asked for at the end.

    Raises ConflictError when a run, or another change, holds the lock.
    """
    now = world.clock.now()
    # a name of its own for each try: the same name would let two deliveries of an event in at once
    holder = f"{_PREFIX}{purpose}-{now.strftime('%Y%m%dT%H%M%S%f')}"
    if not world.ledger.acquire_lock(project, holder, now):
        held = (world.ledger.lock(project) or {}).get("run_id", "nobody any more")
        raise ConflictError(f"the lock of {project!r} is held by {held}")
    try:
        yield
    finally:
        _release(world, project, holder)


def free_abandoned(world: World, project: str) -> None:
    """Frees the lock of a change whose process died: nobody else would, and no run could start."""
    held = world.ledger.lock(project)
    if held is None or not str(held["run_id"]).startswith(_PREFIX):
        return
    if world.clock.now() - datetime.fromisoformat(held["acquired_at"]) > _LONGEST:
        _release(world, project, held["run_id"])


def _release(world: World, project: str, holder: str) -> None:
    held: Json = world.ledger.lock(project) or {}
    if held.get("run_id") != holder:
        return
    # asked for before the lock goes: a crash in between asks twice, which starts one run, and loses none
    waiting = list(held.get("pending") or [])
    if waiting:
        retraining.request_waiting(world, project, waiting, held.get("pending_reason"))
    released = world.ledger.release_lock(project, holder) or {}
    late = [entry for entry in released.get("pending") or [] if entry not in waiting]
    if late:
        retraining.request_waiting(world, project, late, released.get("pending_reason"))
