"""Rows that a quote which is never closed may have taken into its field.

Such a quote goes on to the next one, which opens a field of a row below. What stands in that field is then taken for
rows, or for fields of this one, up to the quote that closes it; there, a quote stands behind text:

    key,a,b,c           first reading         second reading
    r1,"x,1,2           r1 | x,1,2⏎r2,5,      r1 | "x | 1   | 2
    r2,5,", y",7           |  y" | 7          r2 | 5  | , y | 7

So a record of several lines is read again, with its open quote as a character like others. If all its lines are rows
of the header's width then, and there is a quote behind text where the first reading ends, nobody can say which one is
right. A record is never doubted in a file whose quotes all enclose fields.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from sluice.intake.records import MAX_RECORD_LINES
from sluice.model.csv_records import Quoting, has_stray_quote, read_record

WHY = (
    "this line and those next to it can be read in two ways: a quote may be open where none should be, and closed in "
    "another row. Close it, or double it"
)


@dataclass(frozen=True)
class SecondReading:
    """`rows`: each with its line, from 0; `lines`: how many there are. Only the last line may be of another record."""

    rows: list[tuple[int, list[str]]]
    lines: int


@dataclass(frozen=True)
class Unsettled:
    """A record of several lines whose second reading goes on in the next block, and the lines between."""

    record: Sequence[str]
    lines: Sequence[str]
    below: Sequence[str]


class _Counted:
    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken.append(line)
        return line


def second_reading(
    record: Sequence[str], lines: Sequence[str], below: Iterator[str], width: int, delimiter: str, quoting: Quoting
) -> SecondReading | None:
    """The other rows for which a record of several `lines` may stand, if that cannot be ruled out.

    `below`: the lines below it, of which more may be taken than the reading has. Raises what they raise.
    """
    if width < 2 or (first := _with_open_quote(lines[0], delimiter, quoting)) is None or len(first) != width:
        return None
    source = _Counted(chain(lines[1:], below))
    rows = [(0, first)]
    while (at := len(source.taken) + 1) < len(lines):
        try:
            row = read_record(source, delimiter, quoting)
        except (csv.Error, StopIteration):
            return None
        # where the first reading is wrong anyway, a row that is too long does not make it right
        if (len(row) != width and len(record) == width) or _is_escaped(source.taken, quoting):
            return None
        rows.append((at, row))
    if at > len(lines):
        doubtful = _is_behind_text("".join(source.taken[len(lines) - 1 :]), delimiter, quoting)
    else:
        # one that does not fit is refused as a whole
        doubtful = len(record) == width and has_stray_quote("".join(lines), delimiter, quoting)
    return SecondReading(rows, at) if doubtful else None


def may_be_read_twice(open_end: Unsettled, following: bytes, width: int, delimiter: str, quoting: Quoting) -> bool:
    """Whether the text behind a block gives its last record of several lines a second reading, or does not tell."""
    # only as much of it is decoded as is read
    text = io.TextIOWrapper(io.BytesIO(following), "utf-8", newline="")
    below = Lines(chain(open_end.below, text), MAX_RECORD_LINES - len(open_end.lines))
    found = second_reading(open_end.record, open_end.lines, below, width, delimiter, quoting)
    return found is not None or (below.ended and bool(following))


class Lines:
    """At most this many lines. `ended`: more of them were asked for than there are."""

    def __init__(self, lines: Iterable[str], most: int) -> None:
        self._lines, self._left = iter(lines), most
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self._left:
            raise StopIteration
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self._left -= 1
        return line


def _with_open_quote(line: str, delimiter: str, quoting: Quoting) -> list[str] | None:
    """The fields of a line whose last quote opens a field; that quote is kept as a character of it."""
    at = line.rfind(quoting.quote)
    if _is_escaped([line], quoting):
        return None
    try:
        before = read_record(iter([line[:at]]), delimiter, quoting) or [""]
        fields = read_record(iter([line[:at] + line[at + 1 :]]), delimiter, quoting)
    except csv.Error:
        return None
    place = len(before) - 1
    if place < len(fields):
        fields[place] = before[-1] + quoting.quote + fields[place][len(before[-1]) :]
    return fields


def _is_behind_text(below: str, delimiter: str, quoting: Quoting) -> bool:
    """Whether the first quote, of those that are not doubled, stands where no field begins."""
    at = below.replace(2 * quoting.quote, "\0\0").find(quoting.quote)
    blanks = " \t".replace(delimiter, "")
    before = below[:at].rstrip(blanks + quoting.quote)
    return at >= 0 and not (not before or before.endswith((delimiter, "\n", "\r")))


def _is_escaped(lines: Sequence[str], quoting: Quoting) -> bool:
    """What is escaped is not read a second time."""
    return quoting.escape is not None and any(quoting.escape in line for line in lines)
