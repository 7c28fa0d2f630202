"""The table on a sheet of an Excel workbook, to batches of text: where its header stands, and what its rows hold."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sluice.contract.file import FOUND, FileLayout
from sluice.errors import EmptyFileError
from sluice.intake.batches import Batches, Broken, Notes, text_batch
from sluice.intake.header_lines import MAX_HEADER_LINES, broken_above, is_header_below, may_be_row
from sluice.intake.limits import UNLIMITED, Limits
from sluice.intake.sheet_cells import Merged, NoValue, SheetRow, letters, merged_cells, sheet_rows
from sluice.intake.tables import TableWatch
from sluice.intake.workbook import Sheet, Workbook

_ROWS = 10_000
"""The rows of a batch, each cell of which is a Python object first."""


@dataclass(frozen=True)
class Table:
    """`names`: column of the sheet, from 0, and its name; of columns without a name, none."""

    book: Workbook
    sheet: Sheet
    names: Mapping[int, str]
    header_row: int | None
    """None: the table has no header."""
    last_above: int
    """Rows up to this one are not the table's."""
    preamble_rows: int = 0
    above: tuple[Broken, ...] = ()
    """Rows above the header that have its number of cells, and may be rows of the table."""

    @property
    def others(self) -> bool:
        """Whether another sheet has values."""
        return bool(self.book.others_with_values(self.sheet))

    def told(self) -> str:
        """What was read, in words; values of its rows are not among them."""
        header = "no header" if self.header_row is None else f"header at row {self.header_row}"
        preamble = f", {self.preamble_rows} preamble row{'s' * (self.preamble_rows > 1)}" if self.preamble_rows else ""
        return f"{self.book.told(self.sheet)}, {header}{preamble}"


def find_table(path: Path, expected: Sequence[str], layout: FileLayout = FOUND, limits: Limits = UNLIMITED) -> Table:
    """The table of the contract's sheet, or of the first one. `expected`: names that help to find its header; without
    any, it is the first row in which most of the usual number of cells are filled.

    Raises EmptyFileError, UnreadableFileError and FileTooLargeError.
    """
    book = Workbook(path, limits)
    sheet = book.chosen(layout.sheet)
    skipped = max(layout.skip, (layout.header or 1) - 1)
    with closing(_filled(book, sheet, limits)) as rows:
        below = (row for row in rows if row.number > skipped)
        sample = list(islice(below, 1 if layout.header else MAX_HEADER_LINES))
    if not sample:
        where = f" below row {skipped}" if skipped else ""
        others = "; name the sheet with the table in data.file.sheet" if book.others_with_values(sheet) else ""
        raise EmptyFileError(f"{book.told(sheet)} of the workbook: it has no value{where}{others}")
    if layout.header == 0:
        return Table(book, sheet, dict(enumerate(expected)), None, skipped, skipped)
    at = 0 if layout.header else _with_names(sample, expected) if expected else _first_full(sample)
    header = sample[at]
    names = _texts(header.cells)
    cells = [(row.number, [_texts(row.cells).get(column, "") for column in names]) for row in sample[:at]]
    above = [broken_above(number, header.number, texts) for number, texts in cells if may_be_row(texts, len(names))]
    return Table(book, sheet, names, header.number, header.number, skipped + at - len(above), tuple(above))


def read_table(
    table: Table,
    wanted: Sequence[str],
    notes: Notes,
    limits: Limits = UNLIMITED,
    figures: Collection[str] = (),
) -> Batches:
    """Batches with the `wanted` columns, each of which the header has once; `figures`: those of numbers and times.

    A row is broken where a wanted cell has no value, or is merged with another cell that has it. Raises
    UnreadableFileError for a second table below the first.
    """
    places = {name: column for column, name in table.names.items()}
    columns = {places[name]: name for name in wanted}
    covered = _Covered(merged_cells(table.book, table.sheet), columns)
    header = _texts(table.names.items()) if table.header_row is not None else {}
    values: list[list[str | None]] = []
    rows: list[int] = []
    broken = list(table.above)
    tables = TableWatch(list(table.names.values()), figures)
    last = table.last_above
    with closing(_filled(table.book, table.sheet, limits)) as source:
        for row in source:
            if row.number <= table.last_above:
                continue
            if row.number - last > 1:
                notes.blank_lines += row.number - last - 1
                tables.blank()
            last = row.number
            if header and _texts(row.cells) == header:
                notes.repeated_headers += 1
                continue
            cells = dict(row.cells)
            tables.fit(row.number, [cells.get(column, "").strip() for column in table.names])
            notes.hidden_rows += row.hidden
            fault = _fault(row, columns) or covered.fault(row.number) or _beyond(table, cells)
            if fault is None:
                notes.unnamed_columns.update(letters(column) for column in cells if column not in table.names)
                values.append([cells.get(column) for column in columns])
                rows.append(row.number)
            else:
                rule, message, name = fault
                shown = {table.names.get(column, letters(column)): str(text) for column, text in row.cells}
                broken.append(Broken(row.number, rule, message, shown, name))
            if len(values) + len(broken) >= _ROWS:
                yield text_batch(wanted, values, rows, broken)
                values, rows, broken = [], [], []
    if values or broken:
        yield text_batch(wanted, values, rows, broken)


_Fault = tuple[str, str, str | None]
"""Rule, message, and the column, if it is one."""


def _fault(row: SheetRow, columns: Mapping[int, str]) -> _Fault | None:
    for column, text in row.cells:
        if type(text) is NoValue and column in columns:
            name = columns[column]
            return "sheet", f"{name!r} holds {text}, in cell {letters(column)}{row.number}", name
    return None


def _beyond(table: Table, cells: Mapping[int, str]) -> _Fault | None:
    """Without a header, nothing says what stands behind the contract's last column."""
    beyond = [column for column in cells if column not in table.names] if table.header_row is None else []
    if not beyond:
        return None
    return "fields", f"there is a value in column {letters(beyond[0])}, after the contract's last column", None


class _Covered:
    """Wanted cells that merged ones cover; only the first of merged cells has their value."""

    def __init__(self, merged: Sequence[Merged], columns: Mapping[int, str]) -> None:
        self._columns = columns
        wanted = [one for one in merged if any(one.first <= column <= one.last for column in columns)]
        self._coming = deque(wanted)
        self._open: list[Merged] = []

    def fault(self, row: int) -> _Fault | None:
        """Rows are asked for in their order."""
        while self._coming and self._coming[0].first_row <= row:
            self._open.append(self._coming.popleft())
        if not self._open:
            return None
        self._open = [one for one in self._open if one.last_row >= row]
        for one in self._open:
            for column, name in self._columns.items():
                if one.first <= column <= one.last and (row, column) != (one.first_row, one.first):
                    how = "unmerge them, and fill in the value of each row"
                    return "merged", f"{name!r} is part of the merged cells {one.ref}; {how}", name
        return None


def _filled(book: Workbook, sheet: Sheet, limits: Limits) -> Generator[SheetRow, None, None]:
    """The rows with a cell that is not blank, without their blank cells."""
    for row in sheet_rows(book, sheet, limits):
        if cells := [cell for cell in row.cells if cell[1].strip()]:
            yield row._replace(cells=cells)


def _texts(cells: Iterable[tuple[int, str]]) -> dict[int, str]:
    return {column: text.strip() for column, text in cells}


def _with_names(sample: Sequence[SheetRow], expected: Sequence[str]) -> int:
    """The place of the row that shows most of the expected names."""
    needed, best, at = set(expected), -1, 0
    for place, row in enumerate(sample):
        names = _texts(row.cells).values()
        known = len(needed.intersection(names))
        if place == 0 or is_header_below(known, best, len(needed), len(names)):
            best, at = known, place
    return at


def _first_full(sample: Sequence[SheetRow]) -> int:
    """The place of the first row in which most of the usual number of cells are filled."""
    (usual, _), *_ = Counter(len(row.cells) for row in sample).most_common(1)
    return next(place for place, row in enumerate(sample) if 2 * len(row.cells) > usual)
