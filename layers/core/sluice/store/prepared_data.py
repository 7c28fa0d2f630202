"""What the cleaning job did to a run's data: its manifest, as facts of the run and as sentences."""

from __future__ import annotations

from typing import Any

from sluice import keys
from sluice.ports import Json, ObjectStore
from sluice.store.run_records import stored_json

ASKED_FOR = ("superseded_by_key", "older_than_window", "thinned_by_age")
"""Losses that the contract asks for: recorded and shown, but no reason for an alert."""
MAX_RECORDED = 20


def prepared_data(project: str, run_id: str, *, objects: ObjectStore) -> Json:
    """`{"rows_read", "rows": {part: n}, "losses": [{"reason", "column", "rows", "of", "text"}]}`; empty before the job.

    At most MAX_RECORDED losses, the largest first; `losses_more` counts the others, which the manifest has.
    """
    manifest: dict[str, Any] | None = stored_json(
        keys.run(project, run_id, "prepared", "manifest.json"), objects=objects
    )
    if not manifest:
        return {}
    losses = sorted(manifest.get("losses") or [], key=lambda loss: -int(loss["rows"]))
    kept = [{name: loss[name] for name in ("reason", "column", "rows", "of", "text")} for loss in losses[:MAX_RECORDED]]
    return {
        "rows_read": manifest.get("rows_read"),
        "rows": manifest.get("rows"),
        "losses": kept,
        "losses_more": len(losses) - len(kept),
    }


def unexpected(facts: Json) -> list[str]:
    """The sentences of what people may not expect: everything but what the contract asks for."""
    told = [loss["text"] for loss in facts.get("losses") or [] if loss["reason"] not in ASKED_FOR]
    more = facts.get("losses_more")
    return [*told, f"{more} more are in the manifest"] if told and more else told
