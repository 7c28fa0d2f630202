"""Hands a file that one function cannot read over to the state machine judge_parts.

From then on, only that machine records what becomes of the file: a repeated event, or a letter from the dead-letter
queue, finds the execution by its name and does nothing.
"""

from __future__ import annotations

from sluice import keys, names
from sluice.datasets.upload import Upload
from sluice.ports import Executions, Json, Settings
from sluice.records.large_file import LargeFile


def for_parts(key: str, *, settings: Settings) -> bool:
    """Whether a file of this key may be judged in parts: any in raw/ but corrections, which a quarantine bounds."""
    return bool(settings.parts_arn) and key.startswith("raw/") and keys.corrected(key) is None


def hand_over(upload: Upload, size: int, *, settings: Settings, executions: Executions) -> Json:
    """Starts the machine, once for each version of an object, however often this is called."""
    file = LargeFile(
        bucket=upload.bucket,
        key=upload.key,
        version_id=upload.version,
        project=upload.project,
        dataset_id=upload.dataset,
        size=size,
    )
    executions.start(settings.parts_arn, names.execution(upload.project, upload.dataset), file.plain())
    return {"status": "in progress", "project": upload.project, "dataset_id": upload.dataset}
