"""The alarms of one release: made before it, removed after it, however it ended."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.contract import Release
from sluice.ports import World
from sluice.release import endpoint_alarms


def ensure(world: World, project: str, run_id: str, served: Mapping[str, str], release: Release) -> list[str]:
    """Names of the metric alarms; `served` are the dimensions of the canary's metrics.

    Their composite, made last, is the one that ends the release.
    """
    stack = world.settings.stack
    made = endpoint_alarms.canary_alarms(stack, project, run_id, served, release.max_p99_ms, release.max_error_rate)
    for alarm in made:
        world.alarms.put(alarm)
    described = f"The canary {run_id} of {project} fails or is too slow; the release is rolled back at once."
    world.alarms.put_any(endpoint_alarms.canary_name(stack, project, run_id), described, [alarm.name for alarm in made])
    return [alarm.name for alarm in made]


def remove(world: World, project: str, run_id: str) -> None:
    """The composite first: CloudWatch keeps what a composite depends on."""
    stack = world.settings.stack
    world.alarms.delete([endpoint_alarms.canary_name(stack, project, run_id)])
    world.alarms.delete(endpoint_alarms.canary_names(stack, project, run_id))
