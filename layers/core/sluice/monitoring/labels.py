"""The delayed labels of a measurement: which count, and what was left out."""

from __future__ import annotations

from sluice.datasets.late_labels import late_labels
from sluice.monitoring.look import Look
from sluice.ports import Clock, Metric, ObjectStore


def measure_labels(look: Look, *, objects: ObjectStore, clock: Clock) -> list[Metric]:
    found = late_labels(look.contract, objects=objects, clock=clock)
    look.labels = found.labels
    look.report["labels"] = found.to_json()
    look.problems |= found.problems
    return []
