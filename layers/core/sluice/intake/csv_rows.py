"""CSV to batches, in two ways that agree.

The fast way is Arrow's reader, a block at a time (`sluice.intake.csv_blocks`). A block on which it could be wrong takes
the exact way, record by record, which knows the source line of each record and hands on broken ones with their reason.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sluice.errors import EmptyFileError, UnreadableFileError
from sluice.intake.arrow_types import AS_TEXT, Plan
from sluice.intake.batches import ROWS_PER_BATCH, Batches, Broken, Notes, text_batch
from sluice.intake.blocks import Blocks, Opener
from sluice.intake.csv_blocks import MAX_RECORD_CHARACTERS, MAX_RECORD_LINES, BlockReader
from sluice.intake.limits import UNLIMITED, Limits
from sluice.model.csv_records import read_record

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Dialect:
    delimiter: str
    header: list[str]
    header_lines: int
    """Physical lines up to the end of the header, blank ones and Excel's `sep=` line included."""


def sniff(text: Opener, wanted: Sequence[str], limits: Limits = UNLIMITED) -> Dialect:
    """The delimiter under which the header shows most of the `wanted` columns; with none of them, the most columns.

    Raises EmptyFileError and UnreadableFileError.
    """
    lines = Blocks(text(), limits)
    first = lines.next_filled()
    if first is None:
        raise EmptyFileError("the file has only blank lines")
    forced = re.fullmatch(r"sep=(.)", first.strip("\r\n"), re.IGNORECASE)
    if forced:
        first = lines.next_filled()
        if first is None:
            raise EmptyFileError("the file has no header and no data row")
    lines.push_back([first])
    before = lines.number
    found: list[tuple[int, int, Dialect]] = []
    for delimiter in [forced[1]] if forced else DELIMITERS:
        try:
            record, used = _record(lines, delimiter)
        except csv.Error:
            continue
        lines.push_back(used)
        header = [name.strip() for name in record]
        known = sum(name in wanted for name in header)
        found.append((known, len(header), Dialect(delimiter, header, before + len(used))))
    if not found:
        raise UnreadableFileError("line 1: the header has a quote that is opened and never closed")
    # max() keeps the first of equals, so the order of DELIMITERS decides ties
    return max(found, key=lambda item: (item[0], item[1]))[2]


def read_csv(
    text: Opener,
    dialect: Dialect,
    notes: Notes,
    limits: Limits = UNLIMITED,
    *,
    plan: Plan = AS_TEXT,
    exact: bool = False,
) -> Batches:
    """Batches of the data rows. `plan`: what the fast way may read as more than text; `exact`: only the exact way."""
    lines = Blocks(text(), limits)
    for _ in range(dialect.header_lines):
        lines.next()
    row = lines.number
    fast = BlockReader(dialect.delimiter, dialect.header, plan) if not exact else None
    lines.unread()
    while block := lines.take():
        batch = fast.read(block, row + 1) if fast and dialect.delimiter in DELIMITERS else None
        if batch is not None:
            row += batch.lines
            notes.blank_lines += batch.blank_lines
            yield batch.batch
        else:
            lines.number = row
            lines.feed(block)
            yield from _exact(lines, dialect, notes)
            row = lines.number


def _exact(lines: Blocks, dialect: Dialect, notes: Notes) -> Batches:
    """The records of the lines that were fed; the last may go on in lines after them."""
    width = len(dialect.header)
    values: list[list[str]] = []
    rows: list[int] = []
    broken: list[Broken] = []
    for row, record, problem in _records(lines, dialect, notes):
        if problem:
            broken.append(Broken(row, "quoting", problem, record))
        elif len(record) != width:
            message = f"{len(record)} fields where the header has {width}"
            broken.append(Broken(row, "fields", message, record))
        else:
            values.append(record)
            rows.append(row)
        if len(values) + len(broken) >= ROWS_PER_BATCH:
            yield text_batch(dialect.header, values, rows, broken)
            values, rows, broken = [], [], []
    if values or broken:
        yield text_batch(dialect.header, values, rows, broken)


def _records(lines: Blocks, dialect: Dialect, notes: Notes) -> Iterator[tuple[int, list[str], str | None]]:
    """(source line, fields, what is wrong) of each record; blank lines are counted and left out."""
    delimiter, several = dialect.delimiter, len(dialect.header) > 1
    while lines.pending and (line := lines.next()) is not None:
        row = lines.number
        content = line.rstrip("\r\n")
        # a line of tabs is a row of missing values in a tab-separated file, and so is one of blanks under one column
        if not content or (several and delimiter not in content and not content.strip()):
            notes.blank_lines += 1
            continue
        if '"' not in content:
            yield row, content.split(delimiter), None
            continue
        lines.push_back([line])
        try:
            record, _ = _record(lines, delimiter)
        except csv.Error as error:
            lines.next()
            yield row, [content], f"broken quoting: {error}"
            continue
        yield row, record, None


def _record(lines: Blocks, delimiter: str) -> tuple[list[str], list[str]]:
    """The next record and the lines that it used. Raises csv.Error, and then no line is used."""
    used: list[str] = []

    def feed() -> Iterator[str]:
        size = 0
        while len(used) < MAX_RECORD_LINES and size < MAX_RECORD_CHARACTERS:
            line = lines.next()
            if line is None:
                return
            used.append(line)
            size += len(line)
            yield line

    try:
        return read_record(feed(), delimiter), used
    except csv.Error:
        lines.push_back(used)
        if len(used) >= MAX_RECORD_LINES:
            raise csv.Error(f"a quoted field is still open after {MAX_RECORD_LINES} lines") from None
        raise
    except StopIteration:
        lines.push_back(used)
        raise csv.Error("no record") from None
