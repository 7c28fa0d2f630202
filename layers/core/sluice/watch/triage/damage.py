"""What a report shows of a broken feed if triage has no verdict: a model must not learn from one.

`sluice.monitoring.drift` measures the missing and the unseen values of the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MISSING_JUMP = 0.1
UNSEEN_SHARE = 0.1


def broken(report: Mapping[str, Any]) -> list[str]:
    """Sentences that say why a window looks like a broken feed; none when it looks like real drift."""
    facts = report.get("damage") or {}
    found = [
        f"{name}: {jump:.0%} more missing values than in training"
        for name, jump in (facts.get("missing_jump") or {}).items()
        if jump > MISSING_JUMP
    ]
    found += [
        f"{name}: {share:.0%} of the values never occurred in training"
        for name, share in (facts.get("unseen_share") or {}).items()
        if share > UNSEEN_SHARE
    ]
    return found
