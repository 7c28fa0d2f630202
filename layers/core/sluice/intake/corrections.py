"""Corrected rows come back: each under the number that it had, if it is still in quarantine."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sluice.errors import CorrectionError
from sluice.intake.batches import Batch, Batches, Broken
from sluice.intake.quarantine_columns import ROW, shown

_WHOLE = re.compile(r"\s*(\d{1,18})(?:[.,]0+)?\s*")
_DAMAGED = ("json", "parquet", "sheet")
"""Rules under which a cell has no value, and what the quarantine shows in its place is not a value either."""


@dataclass
class Correction:
    """The rows of a quarantine that may come back, and what was left out of them.

    `dataset`: whose quarantine it is; `rows`: the number of each refused row → the texts that the quarantine shows in
    place of cells without a value, by column; `before`: numbers of rows that earlier corrections had accepted.
    """

    dataset: str
    rows: Mapping[int, Mapping[str, str]]
    before: Collection[int] = frozenset()
    accepted_before: int = 0
    _seen: set[int] = field(default_factory=set)

    def batches(self, source: Batches, columns: Sequence[str]) -> Batches:
        """The batches of a file that has `columns` and ROW, with the numbers of ROW as theirs.

        A row that an earlier correction had accepted is left out and counted. Raises CorrectionError for a row that
        does not fit the header, whose number is missing, is there twice, or is not in the quarantine: then it is
        unknown which row is meant.
        """
        for batch in source:
            if batch.broken:
                first = batch.broken[0]
                raise CorrectionError(f"line {first.row} of the file {first.message}; correct it, and send it again")
            numbers = [
                self._number(text, line)
                for text, line in zip(batch.columns[ROW].to_pylist(), batch.rows.to_pylist(), strict=True)
            ]
            fresh = [number not in self.before for number in numbers]
            self.accepted_before += fresh.count(False)
            broken = self._unchanged(batch, numbers, fresh, columns)
            refused = {row.row for row in broken}
            kept = pa.array([new and number not in refused for new, number in zip(fresh, numbers, strict=True)])
            yield Batch(
                {name: batch.columns[name].filter(kept) for name in columns},
                pa.array(numbers, pa.int64()).filter(kept),
                broken,
                {name: mask if isinstance(mask, bool) else mask.filter(kept) for name, mask in batch.native.items()},
            )

    def _number(self, text: Any, line: int) -> int:
        # a spreadsheet may have written 17 as 17.0
        found = _WHOLE.fullmatch(str(text))
        if found is None:
            raise CorrectionError(
                f"line {line} has no row number in {ROW!r}; keep that column as `sluice quarantine` wrote it"
            )
        number = int(found[1])
        if number in self._seen:
            raise CorrectionError(f"{ROW} {number} is there twice, again on line {line}; keep one of the rows")
        if number not in self.rows:
            raise CorrectionError(
                f"line {line}: row {number} is not in the quarantine of dataset {self.dataset}. Is the file that of "
                "another dataset?"
            )
        self._seen.add(number)
        return number

    def _unchanged(
        self, batch: Batch, numbers: Sequence[int], fresh: Sequence[bool], columns: Sequence[str]
    ) -> list[Broken]:
        """Rows that still have no value where a value could be made of what the quarantine shows."""
        blank: pa.Array | None = None
        for name in columns:
            empty = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(batch.columns[name].cast(pa.string())), ""), True)
            blank = empty if blank is None else pc.and_(blank, empty)
        places = set(pc.indices_nonzero(blank).to_pylist()) if blank is not None else set()
        found = []
        for place, number in enumerate(numbers):
            if not fresh[place]:
                continue
            if place in places:
                why = "has no value in any column of the contract; fill in its columns from `_line`"
                found.append(Broken(number, "empty", why, dict.fromkeys(columns)))
                continue
            damaged = self.rows[number]
            same = [name for name in columns if name in damaged and batch.columns[name][place].as_py() == damaged[name]]
            if same:
                why = f"{same[0]!r} still holds what stood in place of a cell without a value"
                found.append(Broken(number, "unchanged", why, batch.texts([place])[0], same[0]))
        return found


def quarantined_rows(lines: Iterable[bytes]) -> dict[int, dict[str, str]]:
    """`Correction.rows` from the lines of rows.jsonl."""
    return {entry["row"]: _damaged(entry) for entry in map(json.loads, lines)}


def _damaged(entry: Mapping[str, Any]) -> dict[str, str]:
    values = entry["values"]
    if not isinstance(values, dict):
        return {}
    names = {reason["column"] for reason in entry["reasons"] if reason["rule"] in _DAMAGED and reason["column"]}
    return {name: shown(values.get(name)) for name in names}
