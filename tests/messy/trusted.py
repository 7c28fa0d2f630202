"""The trusted reading of a file: Python's csv with the dialect that a person named, and pyarrow for Parquet.

Nothing here knows Sluice. A record keeps the physical line on which it begins, as Sluice's rows do.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
BLANKS = " \t\r\n\u00a0"
MAX_FIELD = 10**8


@dataclass(frozen=True)
class Dialect:
    """How a file is written, as a person would name it; the members are explained in judged.yaml."""

    encoding: str = "utf-8-sig"
    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    header: int = 1
    skip: int = 0
    padded: bool = False
    container: str | None = None
    names: tuple[str, ...] = ()
    line_end: str | None = None

    @classmethod
    def of(cls, judged: dict[str, Any]) -> Dialect:
        known = {name: judged[name] for name in cls.__dataclass_fields__ if name in judged}
        return cls(**known | {"names": tuple(judged.get("names", ()))})


@dataclass
class Truth:
    """`solid`: rows by line that must be accepted as they stand. `allowed`: what else may be accepted, by line.

    `loose`: lines of rows that are neither: too short, too long, blank, or with a broken quote.
    """

    names: list[str]
    solid: dict[int, list[str]] = field(default_factory=dict)
    allowed: dict[int, list[list[str]]] = field(default_factory=dict)
    loose: list[int] = field(default_factory=list)
    blank_lines: int = 0
    damaged: bool = False
    """A quote is broken somewhere, so that the end of a record is a matter of opinion."""

    def digest(self) -> str:
        """Pins the reading without a copy of it."""
        text = json.dumps([self.names, sorted(self.solid.items())], ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def unpacked(body: bytes, container: str | None) -> bytes:
    if container == "gzip":
        return gzip.decompress(body)
    if container == "zip":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            (member,) = archive.namelist()
            return archive.read(member)
    return body


@contextmanager
def _long_fields() -> Iterator[None]:
    """The limit is the whole process's, and other tests read it: it is put back."""
    before = csv.field_size_limit(MAX_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


@_long_fields()
def read_csv(body: bytes, dialect: Dialect, not_data: list[int] | None = None, loose: list[int] | None = None) -> Truth:
    """Raises UnicodeDecodeError where the encoding is not the file's."""
    text = unpacked(body, dialect.container).decode("utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding)
    records = list(_records(text, dialect, set(not_data or ())))
    blank = sum(1 for _, _, cells, _ in records if not cells)
    records = [record for record in records if record[2]]
    if dialect.header:
        names, records = [cell.strip(BLANKS) for cell in records[0][2]] if records else [], records[1:]
    else:
        width = max((len(cells) for _, _, cells, _ in records), default=0)
        names = list(dialect.names) or [f"c{i}" for i in range(1, width + 1)]
    truth = Truth(names, blank_lines=blank)
    for line, raw, cells, broken in records:
        if broken:
            truth.damaged = True
            truth.loose.append(line)
            for at, one in enumerate(raw, line):
                if not _broken([one], dialect):
                    cells_of_line = next(_reader([one], dialect), [])
                    if len(cells_of_line) == len(names):
                        truth.allowed.setdefault(at, []).append(cells_of_line)
            for reading in (cells, _closed_at_delimiters("".join(raw), dialect)):
                if len(reading) == len(names):
                    truth.allowed.setdefault(line, []).append(reading)
        elif len(cells) == len(names) and any(cell.strip(BLANKS) for cell in cells) and line not in (loose or ()):
            truth.solid[line] = cells
        else:
            truth.loose.append(line)
            if len(cells) >= len(names) and not any(cell.strip(BLANKS) for cell in cells[len(names) :]):
                truth.allowed.setdefault(line, []).append(cells[: len(names)])
            if not any(cell.strip(BLANKS) for cell in cells):
                truth.allowed.setdefault(line, []).append([""] * len(names))
    return truth


def _records(text: str, dialect: Dialect, not_data: set[int]) -> Iterator[tuple[int, list[str], list[str], bool]]:
    """Yields line, physical lines, cells and whether a quote is broken; without cells for a blank line."""
    if dialect.line_end:
        lines = [part + dialect.line_end for part in text.split(dialect.line_end)]
    else:
        lines = LINE.findall(text)
    at, first, taken = 0, 0, []

    def feed() -> Iterator[str]:
        nonlocal at, first
        for number, line in enumerate(lines, 1):
            at = number
            # a line that is not data is one only where no quoted cell is open
            if number < (dialect.header or dialect.skip + 1) or (not taken and number in not_data):
                continue
            taken.append(line)
            yield line.replace("\n", "\0") if dialect.line_end == "\r" else line

    for cells in _reader(feed(), dialect):
        first = at - len(taken) + 1
        raw, taken = list(taken), []
        if dialect.line_end == "\r":
            cells = [cell.replace("\0", "\n") for cell in cells]
        if not "".join(raw).strip(BLANKS) and len(cells) < 2:
            cells = []
        yield first, raw, cells, bool(cells) and _broken(raw, dialect)


def _reader(lines: Any, dialect: Dialect, strict: bool = False) -> Any:
    return csv.reader(
        iter(lines),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        escapechar=dialect.escape,
        skipinitialspace=dialect.padded and dialect.delimiter != " ",
        strict=strict,
    )


def _broken(lines: list[str], dialect: Dialect) -> bool:
    try:
        return len(list(_reader([line.replace("\0", "") for line in lines], dialect, strict=True))) != 1
    except csv.Error:
        return True


def _closed_at_delimiters(record: str, dialect: Dialect) -> list[str]:
    """The other sensible reading of a broken quote: one that does not stand beside a delimiter is a character."""
    if not dialect.quote:
        return []
    quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
    cell = rf"(?:{quote}(?P<quoted>.*?){quote}|(?P<plain>[^{delimiter}]*))(?:{delimiter}|\Z)"
    body, cells = record.rstrip("\r\n") + dialect.delimiter, []
    for found in re.finditer(cell, body, re.DOTALL):
        quoted = found["quoted"]
        cells.append(found["plain"] if quoted is None else quoted.replace(dialect.quote * 2, dialect.quote))
    return cells[:-1] if cells and found.end() == len(body) and found[0] == "" else cells


def read_parquet(path: Any, unit: str | None = None) -> dict[str, list[Any]]:
    """Columns by name, as Python values; lists and structs are left out."""
    table = pq.read_table(path, coerce_int96_timestamp_unit=unit)
    flat = [f.name for f in table.schema if not f.type.num_fields]
    return {name: table[name].cast("int64").to_pylist() if unit else table[name].to_pylist() for name in flat}
