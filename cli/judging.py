"""A file on this machine under a contract: what the intake would say about it, before anything is uploaded."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np

from cli.giveaways import giveaways
from cli.outcomes import FIRST, described, refused_lines
from cli.text import plural
from cli.time_series import regular, times_of
from sluice.contract import Contract
from sluice.datasets.file_records import notes_of
from sluice.errors import InputError
from sluice.escaping import visible
from sluice.intake.validation import validate_file
from sluice.model.preparation.seasons import seasons_of
from sluice.model.shortening import listed
from sluice.ports import Json

_SHOWN = 20


def judged(path: Path, contract: Contract, *, drafting: bool = False) -> Json:
    """`{"file", "status", "rows", "quarantined_rows", "reasons", "message", "error", "notes", "left_out",
    "first_refused", "giveaways", "is_series", "seasons"}`.

    `status`: accepted, quarantined (the file as a whole, by the contract's expectations) or failed (it cannot be read);
    `left_out`: its columns that the contract does not name; `giveaways`: features that tell too much;
    `is_series`: whether the rows are at regular times; `seasons`: what repeats in their times. `drafting`: the contract
    is a draft, in which a series becomes a feature by its seasons: columns are then compared with those.
    """
    found: Json = {"file": str(path), "rows": 0, "quarantined_rows": 0, "reasons": [], "error": None}
    found |= {"left_out": [], "notes": {}, "first_refused": [], "giveaways": [], "is_series": False}
    found |= {"seasons": []}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            outcome = validate_file(path, contract, datetime.now(UTC), Path(scratch))
        except InputError as error:
            return {**found, "status": "failed", "error": type(error).__name__, "message": str(error)}
        with outcome.quarantine_path.open(encoding="utf-8") as lines:
            first = [json.loads(line) for line in islice(lines, FIRST)]
        times = times_of(outcome.accepted_path, contract.data.time) if outcome.rows else np.array([])
        is_regular, seasons = regular(times), seasons_of((times / 1e6).tolist()).units
        compared = with_seasons(contract) if drafting and is_regular and seasons else contract
        told = giveaways(outcome.accepted_path, compared) if outcome.rows else []
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
        "seasons": seasons,
    }


def with_seasons(contract: Contract) -> Contract:
    return contract.model_copy(update={"features": contract.features.model_copy(update={"time": "seasonal"})})


def judged_lines(found: Json) -> list[str]:
    lines = described(found)
    lines += refused_lines(found["first_refused"])
    if left_out := found["left_out"]:
        named = listed([visible(each) for each in left_out], _SHOWN)
        lines.append(f"  {plural(len(left_out), 'column')} that the contract does not name, left out: {named}")
    if read_as := found["notes"].get("read_as"):
        lines.append(f"  read as: {visible(read_as)}")
    return lines


def season_lines(found: Json, contract: Contract) -> list[str]:
    """What the model could learn of regular times; nothing where the contract says that it may not."""
    asked = "time" in contract.features.model_fields_set or contract.problem.learned_target is None
    if asked or not found["is_series"] or not found["seasons"]:
        return []
    units = found["seasons"]
    repeat, them, features = ("repeat", "them", "features") if len(units) > 1 else ("repeats", "it", "a feature")
    return [
        f"  note: {listed(units, len(units))} of {str(contract.data.time)!r} {repeat}, and the model does not learn "
        f"{them}: features.time: seasonal makes {them} {features}, and none ends this note"
    ]
