"""The model that serves a project, and its endpoint."""

from __future__ import annotations

from console.source import Source
from sluice import names
from sluice.errors import EndpointBusyError
from sluice.ports import Json


def champion_of(source: Source, project: str) -> Json | None:
    """None before the first release."""
    found = source.kept.get(("champion", project), lambda: source.world.ledger.champion(project), 0.8)
    if found is None:
        return None
    return {
        "run_id": found.run_id,
        "promoted_at": found.promoted_at.isoformat(),
        "probation_until": found.probation_until.isoformat(),
        "metrics": {str(name): value for name, value in found.metrics.items() if isinstance(value, int | float)},
        "previous": (found.previous or {}).get("run_id"),
        "serving": found.serving,
        "endpoint": source.kept.get(("endpoint", project), lambda: endpoint_of(source, project), 0.8),
    }


def serving_run(source: Source, project: str) -> str | None:
    """The run whose model serves, or would if its endpoint were there."""
    found = source.kept.get(("champion", project), lambda: source.world.ledger.champion(project), 0.8)
    return found.run_id if found else None


def endpoint_of(source: Source, project: str) -> Json | None:
    """Status, and the traffic's shares by variant. None when there is none."""
    name = names.endpoint(source.stack, project)
    try:
        state = source.world.models.endpoint(name)
    except EndpointBusyError:
        return {"name": name, "status": "busy: SageMaker does not say now", "variants": []}
    if state is None:
        return None
    whole = sum(variant.weight for variant in state.variants) or 1.0
    return {
        "name": name,
        "status": state.status,
        "config": state.config,
        "failure": state.failure,
        "variants": [
            {
                "name": variant.name,
                "run_id": variant.name.removeprefix("v-"),
                "share": variant.weight / whole,
                "wanted": variant.desired_weight,
                "machines": variant.instances,
            }
            for variant in state.variants
        ],
    }
