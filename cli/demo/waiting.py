"""Waiting for evidence, with an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PAUSE = 0.3


class LateError(RuntimeError):
    """Something that the demonstration waits for did not happen in time."""


def until(look: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first truthy answer of `look`. Raises LateError after `seconds`, saying what did not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(PAUSE)
    raise LateError(f"waited {seconds:.0f} s for this: {what}")
