"""What the state machine judge_parts is started with, for a file that is too large for one function."""

from __future__ import annotations

from sluice.records.record import Record


class LargeFile(Record):
    bucket: str
    key: str
    version_id: str
    project: str
    dataset_id: str
    size: int
