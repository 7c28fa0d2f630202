"""Two tables in one file: a second header of another width, and rows of that width below it."""

from __future__ import annotations

from collections.abc import Sequence

from sluice.errors import UnreadableFileError

ROWS = 2
"""Rows below a second header that make it one."""


class TableWatch:
    """Is shown each record whose number of fields is not the header's."""

    def __init__(self, header: Sequence[str]) -> None:
        self._names = {name for name in header if name}
        self._start: tuple[int, int] | None = None
        self._rows = 0

    def misfit(self, row: int, record: Sequence[str]) -> None:
        """Raises UnreadableFileError where a second table is found to have begun.

        Its header repeats names of the first one; a row that is too long or too short does not.
        """
        names = [cell.strip() for cell in record]
        repeated = sum(name in self._names for name in set(names))
        if repeated >= 2 and 2 * repeated >= min(len(names), len(self._names)):
            self._start, self._rows = (row, len(record)), 0
        elif self._start and self._start[1] == len(record):
            self._rows += 1
            if self._rows >= ROWS:
                line, width = self._start
                raise UnreadableFileError(
                    f"several tables are in one file: a second header, with {width} fields where the first has "
                    f"{len(self._names)} names, stands on line {line}. Save each table as a file of its own"
                )

    def fit(self) -> None:
        """A row of the first table: what looked like a second one is none."""
        self._start = None
