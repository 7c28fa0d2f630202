"""The leakage alarm: columns that tell a model what it will not know when it has to predict.

It never drops a column. It names the column, the evidence and what to do; `features.known_before` ends a warning.
"""

from __future__ import annotations

from typing import Any

from channels import crash
from leakage.alarm import examine
from project_data import ProjectData

__all__ = ["examine", "found_in"]


def found_in(data: ProjectData) -> dict[str, Any]:
    """`examine` of the training rows. It advises, so its own failure is a note and does not end the training."""
    try:
        return examine(data.contract, data.schema, data.rows, data.labels, data.y, data.task.seed)
    except Exception as error:
        print(f"leakage: {crash(error)}", flush=True)
        return {"suspects": [], "accepted": [], "notes": [f"no column was examined: {crash(error)}"]}
