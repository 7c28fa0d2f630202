"""What a hypothesis says when it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sluice.watch.triage.comparison import Comparison
from sluice.watch.triage.window import Reason


@dataclass(frozen=True, eq=False)
class Finding:
    """A fault that explains what was seen.

    rows     places of the affected rows in the window; empty if rows are absent
    misfit   distance that is left when the fault is taken into account, 0 to 1: the smaller, the better it explains
    certain  True if no real change could look like this (an impossible value, an exact copy); else it must stand
             alone: if other columns changed, too, it may be real drift
    what     the suspected change, as the middle of a sentence: "is × 1000"
    """

    reason: Reason
    columns: tuple[str, ...]
    what: str
    rows: np.ndarray
    misfit: float = 0.0
    certain: bool = False
    evidence: dict[str, Any] = field(default_factory=dict)


Hypothesis = Callable[[Comparison], Iterator[Finding]]
"""Yields what it finds; nothing if it does not hold or cannot be tested."""
