"""How a file writes yes and no, so that a request to copy and an answer in words are written as the file is."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from sluice.intake.batches import Batch, Notes
from sluice.model.values import BLANKS, category_text


def note_spellings(batch: Batch, booleans: Mapping[str, pa.Array], notes: Notes) -> None:
    """The first text for true, and the first for false, of each column. `booleans`: the batch's, as they were read."""
    first: dict[tuple[str, str], int] = {}
    for name, values in booleans.items():
        known = notes.spellings.get(name, {})
        for truth in ("true", "false"):
            if truth not in known and (place := pc.index(values, truth == "true").as_py()) >= 0:
                first[name, truth] = place
    if not first:
        return
    places = sorted(set(first.values()))
    rows = dict(zip(places, batch.texts(places), strict=True))
    for (name, truth), place in first.items():
        text = rows[place][name]
        written = text.strip(BLANKS) if isinstance(text, str) else category_text(text)
        notes.spellings.setdefault(name, {})[truth] = written
