"""Refused rows as JSON lines: the source line, every reason, and the values; with a count of each reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.compute as pc

from sluice.intake.batches import Batch
from sluice.intake.rules import Violation


@dataclass(kw_only=True)
class Tally:
    """How many rows were refused, and how often each rule was broken in each column."""

    quarantined: int = 0
    reasons: Counter[tuple[str, str | None]] = field(default_factory=Counter)

    @property
    def reason_counts(self) -> list[dict[str, Any]]:
        """Rule, column and number of rows, the most frequent first. No value of any row."""
        ranked = sorted(self.reasons.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or ""))
        return [{"rule": rule, "column": column, "rows": rows} for (rule, column), rows in ranked]


def any_of(violations: Iterable[Violation], rows: int) -> pa.Array:
    """Rows that break at least one rule, as a mask."""
    bad = pa.repeat(pa.scalar(False), rows)
    for violation in violations:
        bad = pc.or_(bad, violation.mask)
    return bad


def write_refused(batch: Batch, violations: Sequence[Violation], bad: pa.Array, tally: Tally, out: TextIO) -> None:
    """Writes each refused row of the batch once, with every reason, in the order of the source."""
    records: list[tuple[int, list[dict[str, Any]], Any]] = []
    places = pc.indices_nonzero(bad).to_pylist()
    if places:
        reasons: dict[int, list[dict[str, Any]]] = {place: [] for place in places}
        texts = batch.texts(places)
        values = dict(zip(places, texts, strict=True))
        for violation in violations:
            reason = {"column": violation.column, "rule": violation.rule, "message": violation.message}
            hits = pc.indices_nonzero(violation.mask).to_pylist()
            tally.reasons[violation.rule, violation.column] += len(hits)
            for place in hits:
                reasons[place].append(_with_hint(reason, violation, values[place]))
        lines = batch.rows.take(pa.array(places)).to_pylist()
        for i, place in enumerate(places):
            records.append((lines[i], reasons[place], texts[i]))
    for broken in batch.broken:
        tally.reasons[broken.rule, broken.column] += 1
        whole: dict[str, Any] = {"column": broken.column, "rule": broken.rule, "message": broken.message}
        records.append((broken.row, [whole], broken.values))
    records.sort(key=lambda record: record[0])
    tally.quarantined += len(records)
    for row, why, values in records:
        # \u escapes, since broken JSON text may hold lone surrogates
        out.write(json.dumps({"row": row, "reasons": why, "values": values}) + "\n")


def _with_hint(reason: dict[str, Any], violation: Violation, values: dict[str, Any]) -> dict[str, Any]:
    text = values.get(violation.column or "")
    if violation.nearest is None or text is None or not (hint := violation.nearest(str(text))):
        return reason
    return {**reason, "message": f"{reason['message']}{hint}"}
