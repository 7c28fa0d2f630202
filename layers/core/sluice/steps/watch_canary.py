"""A release waits: where an alarm finds what ends the wait at once."""

from __future__ import annotations

from sluice.ports import Executions, Json, Ledger
from sluice.records.run_record import RunFacts
from sluice.serving.abort_requests import ABORTED, abort_requested
from sluice.store.run_records import update_run


def watch_canary(project: str, run_id: str, token: str, *, ledger: Ledger, executions: Executions) -> Json:
    """`{"decision": watching | abort}`. The wait's time-out is the state machine's; nothing answers a quiet one.

    The token is stored before the request is looked for, and an abort is stored as a request before it
    looks for a token (`request_abort`): in whatever order the two come, one of them sees the other's.
    """
    update_run(project, run_id, RunFacts(bake_token=token), ledger=ledger)
    asked = abort_requested(project, run_id, ledger=ledger)
    if asked is None:
        return {"decision": "watching"}
    executions.fail(token, ABORTED, asked)
    return {"decision": "abort"}
