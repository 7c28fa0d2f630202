"""What became of a dropped file: waits for its terminal record, and says it in words."""

from __future__ import annotations

import time

from cli.errors import CliError
from sluice.escaping import visible
from sluice.ports import Json, World

SHOWN = 10
"""Reasons that are printed."""


def await_outcome(world: World, key: str, version: str, seconds: float) -> Json:
    """The terminal record of this version of a file. Raises CliError when there is none after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if record := world.ledger.arrival(world.objects.bucket, key, version):
            return record
        time.sleep(0.3)
    raise CliError(
        f"no verdict on {visible(key)} after {seconds:.0f} s; it is not lost: see `sluice status`, or --wait"
    )


def accepted(record: Json) -> bool:
    """Whether the file, or at least a row of it, counts."""
    return bool(record["status"] == "accepted")


def described(record: Json) -> list[str]:
    """The terminal record of a file in raw/, labels/ or batch/, in words."""
    kind, refused = record.get("kind", "raw"), record.get("quarantined_rows", 0)
    if kind == "labels":
        counts = (
            f"{record.get('labels', 0)} labels from {record.get('rows', 0)} rows, "
            f"{record.get('without_label', 0)} rows without a label, {refused} refused, "
            f"{record.get('duplicates', 0)} repeated, {record.get('conflicts', 0)} contradicting"
        )
    elif kind == "batch":
        counts = f"scored, see {visible(record['output_uri'])}" if record.get("output_uri") else "not scored"
    else:
        counts = f"{record.get('rows', 0)} rows accepted, {refused} refused"
    lines = [f"{record['status']}: {counts}"]
    if record.get("message"):
        lines.append(f"  {visible(record['message'])}")
    return lines + [f"  {_reason(reason)}" for reason in (record.get("reasons") or [])[:SHOWN]]


def _reason(reason: Json | str) -> str:
    if isinstance(reason, str):
        return visible(reason)
    where = f"column {visible(reason['column'])}: " if reason.get("column") else ""
    count = f" ({reason['rows']} rows)" if reason.get("rows") else ""
    return f"{where}{reason.get('message') or reason.get('rule')}{count}"
