"""CSV to batches, in two ways that agree.

The fast way is Arrow's reader, a block at a time (`sluice.intake.csv_blocks`). A block on which it could be wrong takes
the exact way, record by record, which knows the source line of each record and hands on broken ones with their reason.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from sluice.errors import UnreadableFileError
from sluice.intake.arrow_types import AS_TEXT, Plan
from sluice.intake.batches import ROWS_PER_BATCH, Batches, Broken, Notes, text_batch
from sluice.intake.blocks import Blocks, Opener
from sluice.intake.blocks_ahead import BlocksAhead
from sluice.intake.csv_blocks import BlockReader
from sluice.intake.dialect import Dialect
from sluice.intake.limits import UNLIMITED, Limits
from sluice.intake.open_quotes import WHY, second_reading
from sluice.intake.parts import Boundary
from sluice.intake.records import MAX_RECORD_LINES, next_record
from sluice.intake.tables import TableWatch


def read_csv(
    text: Opener,
    dialect: Dialect,
    notes: Notes,
    limits: Limits = UNLIMITED,
    *,
    plan: Plan = AS_TEXT,
    exact: bool = False,
    before: int = 0,
) -> Batches:
    """Batches of the data rows. `plan`: what the fast way may read as more than text; `exact`: only the exact way.

    `before`: lines of the file before this text.
    """
    unnamed, blank = dialect.unnamed, pa.array(["", *plan.nulls], pa.string())
    for batch in _read(text, dialect, notes, limits, plan, exact, before):
        for name, told in unnamed.items():
            filled = _filled(batch.columns[name], blank)
            if dialect.aligned and (line := pc.min(batch.rows.filter(filled)).as_py()):
                # a value in a gap of the header stands beside its own column, which would be missing
                raise UnreadableFileError(
                    "the columns are aligned by runs of blanks, but each blank is a delimiter: line "
                    f"{line} has a value in {told}, where the header has a blank. Write the file with one delimiter "
                    "between two columns"
                )
            if count := pc.sum(filled).as_py():
                notes.unnamed_columns[told] += count
        yield batch
        del batch  # it would be in memory while the next one is read


def _filled(cells: pa.Array, blank: pa.Array) -> pa.Array:
    texts = pc.utf8_trim_whitespace(pc.fill_null(cells.cast(pa.string()), ""))
    return pc.invert(pc.is_in(texts, value_set=blank))


def _read(
    text: Opener, dialect: Dialect, notes: Notes, limits: Limits, plan: Plan, exact: bool, before: int
) -> Batches:
    lines = _below_header(text, dialect, limits, before)
    row = lines.number
    fast = None if exact else BlockReader(dialect, plan)
    slow = _ExactReader(lines, dialect, notes, plan)
    tables = notes.tables = slow.tables
    if dialect.above:
        yield text_batch(dialect.names, [], [], list(dialect.above))
    with BlocksAhead(lines, fast) as coming:
        while block := coming.take():
            found = coming.read(block, row + 1)
            following = b""
            if fast and found and found.open_end:
                following = coming.following()
                found = None if fast.is_doubtful(found.open_end, following) else found
            if found is not None:
                row += found.lines
                notes.blank_lines += found.blank_lines
                tables.fit_block(found.batch.rows.to_numpy(), found.below_gaps, found.records, found.ends_blank)
                # nothing here keeps the block in memory while its rows are used and the next one is read
                batches = [found.batch]
                del found, block, following
                yield batches.pop()
            else:
                coming.give_back()
                lines.number = row
                lines.feed(block + (lines.take() if following else b""))
                yield from slow.read()
                row = lines.number


def csv_boundaries(text: Opener, dialect: Dialect, limits: Limits, size: int) -> Iterator[Boundary]:
    """Where a text may be cut between two records, about every `size` bytes.

    The first is below the header, the last the text's end. Reads no value; the exact way looks at blocks on whose
    records the fast one might be wrong, and at as many lines below them as it needs.
    """
    lines = _below_header(text, dialect, limits)
    row = lines.number
    yield lines.taken, lines.taken, row
    fast, slow = BlockReader(dialect, AS_TEXT), _ExactReader(lines, dialect, Notes("csv"), AS_TEXT)
    following = b""
    while block := following or lines.take(size):
        following = b""
        found = fast.line_count(block)
        if found and (open_end := found[1]):
            following = lines.take(size)
            found = None if fast.is_doubtful(open_end, following) else found
        if found is None:
            lines.number = row
            lines.feed(block + following)
            following = b""
            for _ in slow.records():
                pass
            row = lines.number
        else:
            row += found[0]
        end = lines.taken - len(following)
        yield end, end, row


def _below_header(text: Opener, dialect: Dialect, limits: Limits, before: int = 0) -> Blocks:
    lines = Blocks(text(), limits, dialect.quoting.quote)
    lines.number = before
    for _ in range(dialect.header_lines):
        lines.next()
    lines.unread()
    return lines


class _ExactReader:
    def __init__(self, lines: Blocks, dialect: Dialect, notes: Notes, plan: Plan) -> None:
        self._lines, self._dialect, self._notes = lines, dialect, notes
        self._names = dialect.names
        self._header = dialect.fields
        self.tables = TableWatch(dialect.header, plan.figures)

    def read(self) -> Batches:
        """The records of the lines that were fed; the last may go on in lines after them."""
        width, trailing = len(self._names), self._dialect.trailing
        values: list[list[str]] = []
        rows: list[int] = []
        broken: list[Broken] = []
        for row, record, problem in self.records():
            if problem:
                broken.append(Broken(row, "quoting", problem, record))
            elif len(record) != width:
                self.tables.misfit(row, record)
                message = f"{len(record)} fields where the header has {width}"
                broken.append(Broken(row, "fields", message, record))
            elif trailing and any(cell.strip() for cell in record[-trailing:]):
                message = f"there is a value after the last column, where the other rows end with {trailing} blank"
                broken.append(Broken(row, "fields", message, record))
            elif self._is_header(record):
                self._notes.repeated_headers += 1
            else:
                self.tables.fit(row, record)
                values.append(record)
                rows.append(row)
            if len(values) + len(broken) >= ROWS_PER_BATCH:
                yield text_batch(self._names, values, rows, broken)
                values, rows, broken = [], [], []
        if values or broken:
            yield text_batch(self._names, values, rows, broken)

    def _is_header(self, record: list[str]) -> bool:
        first = record[0].removeprefix("\ufeff").strip()
        return first == self._header[0] and [first, *(cell.strip() for cell in record[1:])] == self._header

    def records(self) -> Iterator[tuple[int, list[str], str | None]]:
        """(source line, fields, what is wrong) of each record; blank lines are counted and left out."""
        lines, delimiter, quoting = self._lines, self._dialect.delimiter, self._dialect.quoting
        several = len(self._names) > 1
        while lines.pending and (line := lines.next()) is not None:
            row = lines.number
            content = line.rstrip("\r\n")
            # a line of tabs is a row of missing values under tabs, and so is one of blanks under one column
            if not content or (several and delimiter not in content and not content.strip()):
                self._notes.blank_lines += 1
                self.tables.blank()
                continue
            if quoting.quote not in content and not (quoting.escape and quoting.escape in content):
                yield row, content.split(delimiter), None
                continue
            lines.push_back([line])
            try:
                record, used = next_record(lines, delimiter, quoting)
            except csv.Error as error:
                lines.next()
                yield row, [content], f"broken quoting: {error}"
                continue
            if len(used) > 1 and (doubtful := self._second_reading(record, used)):
                yield from ((row + at, fields, WHY) for at, fields in doubtful)
                continue
            yield row, record, None

    def _second_reading(self, record: list[str], used: list[str]) -> list[tuple[int, list[str]]]:
        """The rows for which a record of several lines, and lines below it, may stand; none if it is beyond doubt."""
        lines, below = self._lines, list[str]()

        def taken() -> Iterator[str]:
            while len(used) + len(below) < MAX_RECORD_LINES and (line := lines.next()) is not None:
                below.append(line)
                yield line

        dialect = self._dialect
        found = second_reading(record, used, taken(), len(self._names), dialect.delimiter, dialect.quoting)
        lines.push_back(below[found.lines - len(used) :] if found else below)
        return found.rows if found else []
