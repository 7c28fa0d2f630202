"""Triage's verdict, read from a measurement's report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

ANSWERS = ("hold", "retrain", "nothing", "ask")
HOLDING = ("hold", "ask")


@dataclass(frozen=True)
class ReportedVerdict:
    """`answer`: hold (the data are broken), ask (a person decides), retrain (real drift) or nothing (chance)."""

    answer: str
    reason: str
    columns: tuple[str, ...]
    sentence: str
    since: datetime | None
    """When the first affected request arrived, if that is known."""
    last: datetime | None = None
    """When the last one arrived."""
    confirmed: bool = True
    """Whether this measurement alone is enough to alert people; else a second one decides."""

    @property
    def holds(self) -> bool:
        return self.answer in HOLDING


def verdict_of(report: Mapping[str, Any]) -> ReportedVerdict | None:
    """None for a report without a verdict: of an older deployment, of too few rows, or damaged."""
    found = report.get("triage")
    if not isinstance(found, dict) or found.get("answer") not in ANSWERS:
        return None
    columns = found.get("columns")
    return ReportedVerdict(
        answer=str(found["answer"]),
        reason=str(found.get("reason") or "unexplained"),
        columns=tuple(sorted(map(str, columns))) if isinstance(columns, list) else (),
        sentence=str(found.get("sentence") or ""),
        since=_moment(found.get("since")),
        last=_moment(found.get("last")),
        confirmed=found.get("confirmed") is not False,
    )


def _moment(value: Any) -> datetime | None:
    """From epoch seconds, as triage has them, or from ISO text."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return None if value is None or isinstance(value, bool) else datetime.fromtimestamp(float(value), UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
