"""What the state machine batch_predict is started with, by `plan_batch`; it reads it in JSONata as `$plan`."""

from __future__ import annotations

from typing import Any

from sluice.records.record import Record


class BatchPlan(Record):
    project: str
    key: str
    version_id: str
    run_id: str
    job: str
    model: str
    input_uri: str
    output_uri: str
    accept: str
    instance: str
    tags: list[dict[str, str]]
    file: dict[str, Any]
    """Counts of the file's rows, for its record and the alert."""
