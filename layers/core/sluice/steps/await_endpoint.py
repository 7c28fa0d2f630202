"""Waits, by being retried, until an endpoint has settled."""

from __future__ import annotations

import math

from sluice.errors import EndpointBusyError, NotFoundError, ReleaseError
from sluice.ports import Json, Ledger, Models
from sluice.serving.abort_requests import abort_requested

SETTLED = "InService"
BROKEN = frozenset({"Failed", "OutOfService", "UpdateRollbackFailed"})


def await_endpoint(
    endpoint: str, project: str | None = None, run_id: str | None = None, *, ledger: Ledger, models: Models
) -> Json:
    """The settled endpoint's active configuration and weights; `reason` is SageMaker's, of a change that failed.

    With the run of a release it waits no longer than until an abort is requested: then it raises ReleaseError.

    Raises EndpointBusyError while it changes (the state machine's Retry is the polling loop), NotFoundError when there
    is none, ReleaseError when it cannot serve.
    """
    if project and run_id and (asked := abort_requested(project, run_id, ledger=ledger)):
        raise ReleaseError(f"abort was requested: {asked}")
    state = models.endpoint(endpoint)
    if state is None:
        raise NotFoundError(f"endpoint {endpoint} does not exist")
    if state.status in BROKEN:
        raise ReleaseError(f"endpoint {endpoint} is {state.status}: {state.failure or 'no reason given'}")
    unsettled = [v.name for v in state.variants if not math.isclose(v.weight, v.desired_weight, rel_tol=1e-4)]
    if state.status != SETTLED or unsettled:
        raise EndpointBusyError(f"endpoint {endpoint} is {state.status} ({state.config})")
    return {
        "endpoint": endpoint,
        "config": state.config,
        "reason": state.failure or "no reason given",
        "weights": {variant.name: variant.weight for variant in state.variants},
    }
