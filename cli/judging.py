"""A file on this machine under a contract: what the intake would say of it, before anything is uploaded."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from cli.giveaways import giveaways
from cli.outcomes import FIRST, described, refused_lines
from cli.text import plural
from cli.time_series import is_series
from sluice.contract import Contract
from sluice.datasets.file_records import notes_of
from sluice.errors import InputError
from sluice.escaping import visible
from sluice.intake.validation import validate_file
from sluice.model.shortening import listed
from sluice.ports import Json

_SHOWN = 20


def judged(path: Path, contract: Contract) -> Json:
    """`{"file", "status", "rows", "quarantined_rows", "reasons", "message", "error", "notes", "left_out",
    "first_refused", "giveaways", "is_series"}`.

    `status`: accepted, quarantined (the file as a whole, by the contract's expectations) or failed (it cannot be read);
    `left_out`: its columns that the contract does not name; `giveaways`: features that tell too much;
    `is_series`: whether the rows are at regular times.
    """
    found: Json = {"file": str(path), "rows": 0, "quarantined_rows": 0, "reasons": [], "error": None}
    found |= {"left_out": [], "notes": {}, "first_refused": [], "giveaways": [], "is_series": False}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            outcome = validate_file(path, contract, datetime.now(UTC), Path(scratch))
        except InputError as error:
            return {**found, "status": "failed", "error": type(error).__name__, "message": str(error)}
        with outcome.quarantine_path.open(encoding="utf-8") as lines:
            first = [json.loads(line) for line in islice(lines, FIRST)]
        told = giveaways(outcome.accepted_path, contract) if outcome.rows else []
        is_regular = bool(outcome.rows) and is_series(outcome.accepted_path, contract.data.time)
    return {
        **found,
        "status": "quarantined" if outcome.refusals else "accepted",
        "rows": outcome.rows,
        "quarantined_rows": outcome.quarantined,
        "reasons": outcome.reason_counts,
        "message": "; ".join(refusal["message"] for refusal in outcome.refusals) or None,
        "notes": notes_of(outcome, contract),
        **({"held_rows": outcome.rows} if outcome.refusals else {}),
        "left_out": outcome.extra_columns,
        "first_refused": [{"row": each["row"], "reasons": each["reasons"]} for each in first],
        "giveaways": told,
        "is_series": is_regular,
    }


def judged_lines(found: Json) -> list[str]:
    lines = described(found)
    lines += refused_lines(found["first_refused"])
    if left_out := found["left_out"]:
        named = listed([visible(each) for each in left_out], _SHOWN)
        lines.append(f"  {plural(len(left_out), 'column')} that the contract does not name, left out: {named}")
    if read_as := found["notes"].get("read_as"):
        lines.append(f"  read as: {visible(read_as)}")
    return lines
