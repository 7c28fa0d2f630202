"""The alarms of one release: made before it, removed after it, however it ended."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.contract import Release
from sluice.ports import Alarms, Settings
from sluice.release import endpoint_alarms


def ensure(
    project: str, run_id: str, served: Mapping[str, str], release: Release, *, settings: Settings, alarms: Alarms
) -> list[str]:
    """Names of the metric alarms; `served` are the dimensions of the canary's metrics.

    Their composite, made last, is the one that ends the release.
    """
    stack = settings.stack
    made = endpoint_alarms.canary_alarms(stack, project, run_id, served, release.max_p99_ms, release.max_error_rate)
    for alarm in made:
        alarms.put(alarm)
    described = f"The canary {run_id} of {project} fails or is too slow; the release is rolled back at once."
    alarms.put_any(endpoint_alarms.canary_name(stack, project, run_id), described, [alarm.name for alarm in made])
    return [alarm.name for alarm in made]


def remove(project: str, run_id: str, *, settings: Settings, alarms: Alarms) -> None:
    """The composite first: CloudWatch keeps what a composite depends on."""
    stack = settings.stack
    alarms.delete([endpoint_alarms.canary_name(stack, project, run_id)])
    alarms.delete(endpoint_alarms.canary_names(stack, project, run_id))
