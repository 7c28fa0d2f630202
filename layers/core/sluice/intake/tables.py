"""Two tables in one file: a second header, and rows below it.

A header of another width repeats names of the first one. One of the same width stands below a gap: a blank line, a row
without a value, or a title. It repeats names too, or has words where the contract's numbers and times stand above it
and below it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from sluice.errors import UnreadableFileError
from sluice.model.values import NO_LABEL

ROWS = 2
"""Rows below a second header that make it one, and rows above one of the same width."""
Records = Callable[[Sequence[int]], Sequence[Sequence[str]]]
"""The fields of rows of a block, by their places."""
Begun = tuple[int, int, int]
"""What looks like the header of a second table: its line, its number of fields, and the rows of that width below."""


class TableWatch:
    """Gets the records of a file, or of a part of one. `figures`: columns whose values have a digit each.

    A header of the same width is seen within a part only.
    """

    def __init__(self, header: Sequence[str], figures: Collection[str] = ()) -> None:
        self._names = {name for name in header if name}
        self._words = {name for name in self._names if not _has_digit(name)}
        self._figures = [at for at, name in enumerate(header) if name in figures]
        self._fits = 0
        self._gap = False
        """Whether the last line was blank or the title of something."""
        self._again: tuple[int, list[int], int] | None = None
        """What looks like a header of the same width: its line, the fields that have figures above, and rows below."""
        self._begun: Begun | None = None
        self._ahead: Counter[int] | None = Counter()
        """Number of fields → records before the first one that fits or looks like a header; None: one did."""
        self._led: Counter[int] = Counter()

    def misfit(self, row: int, record: Sequence[str]) -> None:
        """Raises UnreadableFileError where a second table is found to have begun.

        Its header repeats names of the first one; a row that is too long or too short does not.
        """
        self._gap = True
        names = [cell.strip() for cell in record]
        repeated = sum(name in self._names for name in set(names))
        if repeated >= 2 and 2 * repeated >= min(len(names), len(self._names)):
            self._end_of_lead()
            self._begun = row, len(record), 0
        elif self._begun:
            self._begun = self._grown(self._begun, len(record), 1)
        elif self._ahead is not None:
            self._ahead[len(record)] += 1

    def blank(self) -> None:
        """A blank line."""
        self._gap = True

    def fit(self, line: int, record: Sequence[str]) -> None:
        """A row that fits the first table. Raises UnreadableFileError where a second one is found to have begun."""
        self._fitted()
        self._look(line, record)
        self._fits += 1

    def fit_block(self, lines: Sequence[Any], below_gaps: Collection[int], records: Records, ends_blank: bool) -> None:
        """Rows that all fit. `below_gaps`: the places of those below a blank line or row; others are not looked at."""
        if not len(lines):
            self._gap = self._gap or ends_blank
            return
        self._fitted()
        gaps = {*below_gaps} | ({0} if self._gap else set())
        before, at = self._fits, 0
        starts = sorted(place for place in gaps | ({0} if self._again else set()) if place < len(lines))
        found = dict(zip(starts, records(starts), strict=True)) if starts else {}
        for start in starts:
            at = max(at, start)
            while at < len(lines) and (at in gaps or self._again or (at > start and self._gap)):
                self._fits, self._gap = before + at, at in gaps or (at > start and self._gap)
                self._look(int(lines[at]), found[at] if at in found else records([at])[0])
                at += 1
        self._fits, self._gap = before + len(lines), ends_blank or (at == len(lines) and self._gap)

    def _fitted(self) -> None:
        """What looked like a header of another width is none."""
        self._end_of_lead()
        self._begun = None

    def _look(self, line: int, record: Sequence[str]) -> None:
        if self._again:
            header, figures, rows = self._again
            is_row = all(_has_digit(record[at]) for at in figures) and any(record)
            self._again = (header, figures, rows + 1) if is_row else None
            if is_row and rows + 1 == ROWS:
                raise UnreadableFileError(
                    f"several tables are in one file: line {header} seems to be the header of a second one. Save each "
                    "table as a file of its own, or delete what is above that line if it is a row"
                )
        elif self._gap and self._fits >= ROWS:
            self._again = self._header(line, record)
        # a title is part of the gap that it stands below
        self._gap = not any(record) or (self._gap and len(record) > 2 and sum(map(bool, record)) == 1)

    def _header(self, line: int, record: Sequence[str]) -> tuple[int, list[int], int] | None:
        """What `_again` is, if the record may be the header of another table; the first one again is not."""
        filled = {at: cell.strip() for at, cell in enumerate(record) if cell.strip()}
        cells = set(filled.values())
        if len(cells) < max(2, len(filled)):
            return None
        figures = [at for at in self._figures if at in filled]
        repeated = len(cells & self._words)
        if repeated >= 2 and 2 * repeated >= len(cells):
            return line, [], 0
        is_words = not any(_has_digit(cell) or cell.lower() in NO_LABEL for cell in cells)
        return (line, figures, 0) if figures and is_words else None

    def to_json(self) -> dict[str, Any]:
        """What the part after this one, and the one before it, must know. JSON."""
        ahead = self._led if self._ahead is None else self._ahead
        return {"ahead": sorted(ahead.items()), "through": self._ahead is not None, "begun": self._begun}

    def after(self, begun: Begun | None, part: dict[str, Any]) -> Begun | None:
        """What has begun at the end of a part, of which `to_json` tells, if `begun` had before it.

        Raises UnreadableFileError where the second table is found within that part.
        """
        if begun:
            begun = self._grown(begun, begun[1], dict(map(tuple, part["ahead"])).get(begun[1], 0))
        if part["through"]:
            return begun
        return (part["begun"][0], part["begun"][1], part["begun"][2]) if part["begun"] else None

    def _end_of_lead(self) -> None:
        if self._ahead is not None:
            self._led, self._ahead = self._ahead, None

    def _grown(self, begun: Begun, width: int, rows: int) -> Begun:
        line, wide, count = begun
        if width == wide and (count := count + rows) >= ROWS:
            raise UnreadableFileError(
                f"several tables are in one file: a second header, with {wide} fields where the first has "
                f"{len(self._names)} names, stands on line {line}. Save each table as a file of its own"
            )
        return line, wide, count


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))
