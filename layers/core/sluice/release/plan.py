"""The traffic plan of a release."""

from __future__ import annotations

from typing import Any

from sluice.contract import Release
from sluice.contract.durations import seconds
from sluice.records.release_plan import TrafficWeights


def weights(release: Release) -> list[TrafficWeights]:
    """One entry a step. A bandit begins with its first share and goes on by itself; a swapped fleet has no share.

    >>> weights(Release(steps=[10, 100]))[0]
    TrafficWeights(percent=10, champion_weight=0.9, variant_weight=0.1)
    """
    percents = [release.bandit.start] if release.bandit else release.steps
    if release.strategy == "blue_green":
        percents = [100]
    return [step(percent) for percent in percents]


def step(percent: int) -> TrafficWeights:
    """The weights that give the new variant `percent` of the requests; they add up to 1."""
    champion, variant = round((100 - percent) / 100, 2), round(percent / 100, 2)
    return TrafficWeights(percent=percent, champion_weight=champion, variant_weight=variant)


def routing(release: Release) -> dict[str, Any] | None:
    """SageMaker's TrafficRoutingConfiguration of a blue_green release."""
    if release.strategy != "blue_green" or release.routing is None:
        return None
    kind, size = release.routing
    sizes = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
    moved = {sizes[kind]: {"Type": "CAPACITY_PERCENT", "Value": size}} if kind in sizes else {}
    return {"Type": kind, "WaitIntervalInSeconds": seconds(release.bake), **moved}


def timing(release: Release) -> dict[str, int]:
    """Seconds: the bake of a step, the longest one, and the time between two measurements."""
    return {
        "bake_seconds": seconds(release.bake),
        "slice_seconds": release.slice_seconds,
        "max_bake_seconds": release.longest_bake_seconds,
    }
