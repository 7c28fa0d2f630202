"""The traffic plan of a release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sluice.contract import Release
from sluice.contract.durations import seconds


def weights(steps: Sequence[int]) -> list[dict[str, Any]]:
    """One entry a step.

    >>> weights([10, 100])[0]
    {'percent': 10, 'champion_weight': 0.9, 'variant_weight': 0.1}
    """
    return [
        {"percent": p, "champion_weight": round((100 - p) / 100, 2), "variant_weight": round(p / 100, 2)} for p in steps
    ]


def timing(release: Release) -> dict[str, int]:
    """Seconds: the bake of a step, the longest one, and the wait between two looks."""
    bake = seconds(release.bake)
    return {
        "bake_seconds": bake,
        "slice_seconds": max(1, bake // 5),
        "max_bake_seconds": release.longest_bake_seconds,
    }
