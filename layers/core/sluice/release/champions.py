"""The champion as JSON, and back."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta

from sluice.ports import Champion, Json


def to_json(champion: Champion) -> Json:
    """Without its own predecessor: a rollback goes one step back, and records must not nest without end."""
    content = asdict(replace(champion, previous=None))
    content["promoted_at"] = champion.promoted_at.isoformat()
    content["probation_until"] = champion.probation_until.isoformat()
    return content


def restored(previous: Json, now: datetime) -> Champion:
    """The predecessor as champion again: it has no predecessor to return to, and its probation is over."""
    return Champion(
        run_id=previous["run_id"],
        variant=previous["variant"],
        endpoint=previous["endpoint"],
        endpoint_config=previous["endpoint_config"],
        model=previous["model"],
        package_arn=previous["package_arn"],
        promoted_at=now,
        probation_until=now - timedelta(seconds=1),
        previous=None,
        metrics=dict(previous.get("metrics") or {}),
        anchor=previous.get("anchor"),
    )
