"""Batch: the file's terminal record and the alert."""

from __future__ import annotations

from sluice.datasets.batch_counts import counts_of
from sluice.errors import InputError
from sluice.escaping import visible
from sluice.ports import Json, World
from sluice.store.causes import failure_texts


def finish_batch(
    world: World,
    project: str,
    key: str,
    version_id: str,
    status: str,
    output_uri: str | None = None,
    error: Json | None = None,
    file: Json | None = None,
) -> Json:
    """`{"status", "recorded"}`; `status` is scored | failed. A second call changes and tells nothing.

    `file` holds the counts of the file's rows, as `plan_batch` has made them.
    """
    if status not in ("scored", "failed"):
        raise InputError(f"a batch ends as scored or failed, not as {status!r}")
    why = failure_texts(error)
    record = {
        "status": "accepted" if status == "scored" else "failed",
        "kind": "batch",
        "output_uri": output_uri,
        "reasons": why,
        "at": world.clock.now().isoformat(),
        **({"file": file} if file else {}),
    }
    recorded = world.ledger.record_arrival(world.objects.bucket, key, version_id, record)
    if recorded and status == "scored":
        world.alerts.publish(
            "Batch Finished",
            project,
            f"{project}: a batch is scored",
            "\n".join([f"{visible(key)} → {visible(output_uri)}", *([counts_of(file)] if file else [])]),
            {"key": key},
        )
    elif recorded:
        world.alerts.publish(
            "Batch Failed", project, f"{project}: a batch failed", "\n".join([visible(key), *why]), {"key": key}
        )
    return {"status": status, "recorded": recorded}
