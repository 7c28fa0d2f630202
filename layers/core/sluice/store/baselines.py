"""The baseline of a run, apart from its other records, whose types take longest to import."""

from __future__ import annotations

from sluice import keys
from sluice.ports import ObjectStore
from sluice.records.baseline import Baseline


def baseline_of(project: str, run_id: str, *, objects: ObjectStore) -> Baseline:
    """The data that the run's model learned from. Raises NotFoundError, DamagedRecordError."""
    key = keys.run(project, run_id, "evaluation", "baseline.json")
    return Baseline.parse(objects.read(key), objects.uri(key))
