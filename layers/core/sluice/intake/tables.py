"""Two tables in one file: a second header of another width, and rows of that width below it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sluice.errors import UnreadableFileError

ROWS = 2
"""Rows below a second header that make it one."""
Begun = tuple[int, int, int]
"""What looks like the header of a second table: its line, its number of fields, and the rows of that width below."""


class TableWatch:
    """Gets each record of a file, or of a part of one, that has another number of fields than the header."""

    def __init__(self, header: Sequence[str]) -> None:
        self._names = {name for name in header if name}
        self._begun: Begun | None = None
        self._ahead: Counter[int] | None = Counter()
        """Number of fields → records before the first one that fits or looks like a header; None: one did."""
        self._led: Counter[int] = Counter()

    def misfit(self, row: int, record: Sequence[str]) -> None:
        """Raises UnreadableFileError where a second table is found to have begun.

        Its header repeats names of the first one; a row that is too long or too short does not.
        """
        names = [cell.strip() for cell in record]
        repeated = sum(name in self._names for name in set(names))
        if repeated >= 2 and 2 * repeated >= min(len(names), len(self._names)):
            self._end_of_lead()
            self._begun = row, len(record), 0
        elif self._begun:
            self._begun = self._grown(self._begun, len(record), 1)
        elif self._ahead is not None:
            self._ahead[len(record)] += 1

    def fit(self) -> None:
        """A row of the first table: what looked like a second one is none."""
        self._end_of_lead()
        self._begun = None

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
