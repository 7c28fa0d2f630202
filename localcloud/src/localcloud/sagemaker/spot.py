"""Managed spot training: what a request must say, and the machine that is taken away.

There is no market here, so a machine is never taken away by itself. To cause it, lay a file
`<state>/spot/<beginning of a job's name>` down: the next spot job of that name loses its machine once, so many seconds
into its training as the file says (0 when it is empty).
"""

from __future__ import annotations

import contextlib
from typing import Any

from localcloud.sagemaker import checks
from localcloud.settings import Settings


def check(request: dict[str, Any]) -> None:
    """Raises AWS's ValidationException when the limits do not go with spot, or without it."""
    condition = request.get("StoppingCondition") or {}
    longest = condition.get("MaxWaitTimeInSeconds")
    if request.get("EnableManagedSpotTraining"):
        if longest is None or longest < condition.get("MaxRuntimeInSeconds", 86_400):
            raise checks.invalid(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            )
    elif longest is not None:
        raise checks.invalid(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
        )


def interruption(job: str) -> float | None:
    """Seconds into the training after which this job's machine goes; None when it stays. Asking uses the file up."""
    folder = Settings.current().state / "spot"
    if not folder.is_dir():
        return None
    for path in sorted(folder.iterdir()):
        if job.startswith(path.name):
            with contextlib.suppress(FileNotFoundError):  # another job was faster
                seconds = float(path.read_text() or 0)
                path.unlink()
                return seconds
    return None
