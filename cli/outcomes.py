"""What became of a dropped file: waits for its terminal record, and says it in words."""

from __future__ import annotations

import time

from cli.errors import CliError
from cli.text import plural
from sluice.escaping import visible
from sluice.ports import Json, World

SHOWN = 10
"""Reasons that are printed."""


NEXT = {
    "HeaderMismatchError": (
        "the header lacks columns that the contract names under data.columns: mend the file's header, or change the "
        "contract (`sluice register`)"
    ),
    "EmptyFileError": "the file has no row: export it again",
    "UnreadableFileError": "save it as CSV (UTF-8), JSON lines or Parquet",
    "UnknownProjectError": "register the project first: `sluice register project.yaml`",
    "key": "data.key names columns that must be filled; mend the rows, or change data.key",
    "type": "give the column another type under data.columns, or mend the values",
    "nullable": "data.columns.<column>.nullable: false refuses empty cells; mend the rows, or allow them",
    "values": "add the new values to data.columns.<column>.values, or mend the rows",
    "min": "data.columns.<column>.min is the limit; mend the rows, or move it",
    "max": "data.columns.<column>.max is the limit; mend the rows, or move it",
    "min_rows": "data.expectations.min_rows is the limit: drop a larger file, or lower it",
    "max_nulls": "data.columns.<column>.max_nulls is the limit: fill the column, or raise it",
    "FileTooLargeError": "split the file into parts; docs/operations.md has the size that a function can take",
    "max_invalid_rows": "data.expectations.max_invalid_rows is the limit: mend the rows, or raise it",
}
"""What to do, by the rule or error that refused."""


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
    reasons = record.get("reasons") or []
    lines += [f"  {_reason(reason)}" for reason in reasons[:SHOWN]]
    if len(reasons) > SHOWN:
        lines.append(f"  … and {plural(len(reasons) - SHOWN, 'more reason')}")
    return lines + [f"  → {each}" for each in next_steps(record)]


def next_steps(record: Json) -> list[str]:
    """What to do about what was refused: the contract's key that decided, and where the rows are."""
    reasons = record.get("reasons") or []
    rules = [str(each.get("rule")) for each in reasons if isinstance(each, dict)] + [str(record.get("error"))]
    steps = list(dict.fromkeys(NEXT[rule] for rule in rules if rule in NEXT))
    if record.get("quarantined_rows") and record.get("dataset_id"):
        where = f"{record.get('project') or 'PROJECT'} {record['dataset_id']}"
        steps.append(f"the refused rows with their reasons: sluice quarantine {where}")
    return steps


def _reason(reason: Json | str) -> str:
    if isinstance(reason, str):
        return visible(reason)
    where = f"column {visible(reason['column'])}: " if reason.get("column") else ""
    count = f" ({reason['rows']} rows)" if reason.get("rows") else ""
    return f"{where}{reason.get('message') or reason.get('rule')}{count}"
