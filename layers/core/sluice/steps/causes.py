"""What went wrong, out of what the services wrap it in."""

from __future__ import annotations

import json

# in this order: a Lambda, a SageMaker job, a processing job, a Glue run, an execution
_REASONS = ("errorMessage", "FailureReason", "ExitMessage", "ErrorMessage", "Cause")


def message_of(cause: str) -> str:
    """What a person needs of a cause. Step Functions nests them: an execution's description holds its cause, that of a
    failed job the job's description, and a Lambda's a stack trace.
    """
    start = cause.find("{")
    if start < 0:
        return cause
    try:
        content = json.loads(cause[start:])
    except ValueError:
        return cause
    found = next((content[name] for name in _REASONS if content.get(name)), None)
    return cause[:start] + message_of(str(found)) if found else cause
