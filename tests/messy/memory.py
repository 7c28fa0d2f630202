"""How much memory one file takes in a process that reads many."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

MAX_MEGABYTES = 512
FLOOR_MEGABYTES = 200
"""What a process has before it reads a file: the libraries."""
_RESET_PEAK = "5"
"""proc(5), clear_refs: the peak becomes what the process has now."""


class Growth:
    """Starts when it is made. On Linux, what earlier files took does not count; elsewhere it hides smaller files."""

    def __init__(self) -> None:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
        self._before = _peak()

    def megabytes(self) -> float:
        """The peak since the start, above what the process had then."""
        return _peak() - self._before

    def fault(self) -> str | None:
        """In words, if the peak would be too much in a process that has read no other file."""
        grown = self.megabytes()
        return f"{grown:.0f} MB more" if FLOOR_MEGABYTES + grown > MAX_MEGABYTES else None


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
