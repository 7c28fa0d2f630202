"""The lock on a project's endpoint: one release, rollback, drill, sleep or waking changes it at a time.

The endpoint's lock is held during each long change: a release from its plan to its run's end, a rollback from
its plan to its end. Sleep and waking take seconds; they hold the lock of the runs beside it, so that no run starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sluice.errors import ConflictError
from sluice.ports import ENDPOINT, Clock, Events, Json, Ledger
from sluice.store.run_records import run_record
from sluice.training import retraining

_PREFIX = "endpoint-"
_MAX_AGE = timedelta(minutes=10)
"""Twice the time limit of the function that holds it: a holder beyond that has died."""
_MAX_CHANGE_AGE = timedelta(hours=3)
"""The longest that a rollback or a drill may take: the endpoint changes twice, for up to an hour each time."""


@contextmanager
def endpoint_lock(project: str, purpose: str, *, ledger: Ledger, events: Events, clock: Clock) -> Iterator[None]:
    """Held while the endpoint is changed. Datasets that arrive meanwhile wait, and a run is requested at the end.

    Raises ConflictError when a run, or another change, holds the lock.
    """
    now = clock.now()
    # a name of its own for each try: the same name would let two deliveries of an event in at once
    holder = f"{_PREFIX}{purpose}-{now.strftime('%Y%m%dT%H%M%S%f')}"
    if not ledger.acquire_lock(project, holder, now):
        held = (ledger.lock(project) or {}).get("run_id", "no run any longer")
        raise ConflictError(
            f"the lock of {project!r} is held by {held}: try again when it has ended; `sluice status {project}` shows "
            "what is in progress"
        )
    try:
        if other := take_endpoint(project, holder, ledger=ledger, clock=clock):
            raise ConflictError(
                f"the endpoint of {project!r} is being changed by {other}: try again when that has ended; `sluice "
                f"status {project}` shows what is in progress"
            )
        yield
    finally:
        ledger.release_lock(project, holder, of=ENDPOINT)
        _release(project, holder, ledger=ledger, events=events)


def take_endpoint(project: str, holder: str, *, ledger: Ledger, clock: Clock) -> str | None:
    """None when `holder` may change the endpoint now (or could already), else who else does.

    A lock is taken over from a run that has finished, and from anybody else who has held it for longer than a change
    takes: its process died.
    """
    now = clock.now()
    for _ in range(2):
        if ledger.acquire_lock(project, holder, now, of=ENDPOINT):
            return None
        held = ledger.lock(project, of=ENDPOINT)
        if held is None:
            continue
        run = run_record(project, held["run_id"], ledger=ledger)
        longest = _MAX_AGE if str(held["run_id"]).startswith(_PREFIX) else _MAX_CHANGE_AGE
        died = now - datetime.fromisoformat(held["acquired_at"]) > longest
        # a run's end frees its lock; a rollback has no run, and a drill nobody who ends it
        alone = run is None or run.trigger == "drill"
        if not ((run and run.finished) or (died and alone)):
            return str(held["run_id"])
        ledger.release_lock(project, held["run_id"], of=ENDPOINT)
    return "somebody else"


def free_abandoned(project: str, *, ledger: Ledger, events: Events, clock: Clock) -> None:
    """Frees the lock of a change whose process died: nobody else would, and no run could start."""
    held = ledger.lock(project)
    if held is None or not str(held["run_id"]).startswith(_PREFIX):
        return
    if clock.now() - datetime.fromisoformat(held["acquired_at"]) > _MAX_AGE:
        _release(project, held["run_id"], ledger=ledger, events=events)


def _release(project: str, holder: str, *, ledger: Ledger, events: Events) -> None:
    held: Json = ledger.lock(project) or {}
    if held.get("run_id") != holder:
        return
    # asked for before the lock goes: a crash in between asks twice, which starts one run, and loses none
    waiting = list(held.get("pending") or [])
    if waiting:
        retraining.request_waiting(project, waiting, held.get("pending_reason"), events=events)
    released = ledger.release_lock(project, holder) or {}
    late = [entry for entry in released.get("pending") or [] if entry not in waiting]
    if late:
        retraining.request_waiting(project, late, released.get("pending_reason"), events=events)
