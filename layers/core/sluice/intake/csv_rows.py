"""CSV to batches of text, in two ways that agree.

The fast way is Arrow's reader. It serves only files on which it cannot be wrong: no blank line, no lone carriage
return, every quote next to a delimiter or line end, and at the end as many rows as lines. All else takes the exact
way, record by record, which knows the source line of each record and hands on broken ones with their reason.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from sluice.errors import EmptyFileError, UnreadableFileError
from sluice.intake.batches import ROWS_PER_BATCH, Batch, Batches, Broken, Notes, text_batch
from sluice.model.csv_records import read_record

DELIMITERS = (",", ";", "\t", "|")
MAX_RECORD_LINES = 500
"""A quoted field that stays open for longer is an unclosed quote: its line is refused and reading goes on below it."""
MAX_RECORD_CHARACTERS = 8 * 2**20
_CHUNK = 4 * 2**20
_BLOCK = 4 * 2**20


@dataclass(frozen=True)
class Dialect:
    delimiter: str
    header: list[str]
    header_lines: int
    """Physical lines up to the end of the header, blank ones and Excel's `sep=` line included."""


def sniff(path: Path, wanted: Sequence[str]) -> Dialect:
    """The delimiter under which the header shows most of the `wanted` columns; with none of them, the most columns.

    Raises EmptyFileError and UnreadableFileError.
    """
    with path.open("r", encoding="utf-8", newline="") as file:
        lines = _Lines(file)
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
                record, used = lines.record(delimiter)
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


def read_csv(path: Path, dialect: Dialect, notes: Notes, *, exact: bool = False) -> Batches:
    """Batches of the data rows. Raises `Restart` when what was read so far is void and `exact` is needed."""
    if not exact:
        if not _is_simple(path, dialect.delimiter):
            raise Restart
        yield from _fast(path, dialect)
    else:
        yield from _exact(path, dialect, notes)


class Restart(Exception):  # noqa: N818 (a signal, not an error)
    """The fast way met something that it may not judge; the exact way has to read the file from the start."""


def _is_simple(path: Path, delimiter: str) -> bool:
    """Return True if the fast way cannot be wrong about this file's records."""
    if delimiter not in DELIMITERS:
        return False
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            chunk += file.readline()
            # each chunk starts at a line's start, so a line end before it is always right
            text = b"\n" + chunk.replace(b"\r\n", b"\n")
            if b"\r" in text or b"\0" in text or b"\n\n" in text:
                return False
            if not chunk.endswith(b"\n"):
                text += b"\n"
            if not _quotes_enclose_fields(text, delimiter.encode()):
                return False
    return True


def _quotes_enclose_fields(text: bytes, delimiter: bytes) -> bool:
    """Return True if the quotes open and close whole fields in turn, and none stands within a field."""
    quotes = text.count(b'"')
    edges = rb"[\n" + re.escape(delimiter) + rb"]"
    return not quotes or quotes == 2 * len(re.findall(edges + rb'"[^"\n]*"(?=' + edges + rb")", text))


def _count_lines(path: Path) -> int:
    lines, last = 0, b"\n"
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return lines + (last != b"\n")


def _fast(path: Path, dialect: Dialect) -> Batches:
    expected = _count_lines(path) - dialect.header_lines
    if expected <= 0:
        return
    names = [str(i) for i in range(len(dialect.header))]
    line = dialect.header_lines
    try:
        reader = pa_csv.open_csv(
            path,
            read_options=pa_csv.ReadOptions(
                column_names=names, skip_rows=dialect.header_lines, block_size=_BLOCK, use_threads=False
            ),
            parse_options=pa_csv.ParseOptions(delimiter=dialect.delimiter, ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, null_values=[]
            ),
        )
        for record_batch in reader:
            rows = len(record_batch)
            numbers = pa.array(range(line + 1, line + rows + 1), pa.int64())
            line += rows
            yield Batch(dict(zip(dialect.header, record_batch.columns, strict=True)), numbers)
    except pa.ArrowInvalid:
        raise Restart from None
    if line - dialect.header_lines != expected:
        raise Restart


def _exact(path: Path, dialect: Dialect, notes: Notes) -> Batches:
    width = len(dialect.header)
    with path.open("r", encoding="utf-8", newline="") as file:
        lines = _Lines(file)
        for _ in range(dialect.header_lines):
            lines.next()
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


def _records(lines: _Lines, dialect: Dialect, notes: Notes) -> Iterator[tuple[int, list[str], str | None]]:
    """(source line, fields, what is wrong) of each record; blank lines are counted and left out."""
    delimiter, several = dialect.delimiter, len(dialect.header) > 1
    while (line := lines.next()) is not None:
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
            record, _ = lines.record(delimiter)
        except csv.Error as error:
            lines.next()
            yield row, [content], f"broken quoting: {error}"
            continue
        yield row, record, None


class _Lines:
    """Physical lines with their number, and a way back."""

    def __init__(self, file: io.TextIOBase) -> None:
        self._file = iter(file)
        self._again: deque[str] = deque()
        self.number = 0
        """Lines handed out so far."""

    def next(self) -> str | None:
        line = self._again.popleft() if self._again else next(self._file, None)
        if line is not None:
            self.number += 1
        return line

    def push_back(self, lines: Sequence[str]) -> None:
        self._again.extendleft(reversed(lines))
        self.number -= len(lines)

    def next_filled(self) -> str | None:
        while (line := self.next()) is not None:
            if line.strip():
                return line
        return None

    def record(self, delimiter: str) -> tuple[list[str], list[str]]:
        """The next record and the lines that it used. Raises csv.Error, and then no line is used."""
        used: list[str] = []

        def feed() -> Iterator[str]:
            size = 0
            while len(used) < MAX_RECORD_LINES and size < MAX_RECORD_CHARACTERS:
                line = self.next()
                if line is None:
                    return
                used.append(line)
                size += len(line)
                yield line

        try:
            return read_record(feed(), delimiter), used
        except csv.Error:
            self.push_back(used)
            if len(used) >= MAX_RECORD_LINES:
                raise csv.Error(f"a quoted field is still open after {MAX_RECORD_LINES} lines") from None
            raise
        except StopIteration:
            self.push_back(used)
            raise csv.Error("no record") from None
