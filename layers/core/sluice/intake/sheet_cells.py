"""The rows of a sheet of an Excel workbook, as a stream: the cells with a value, in the order of their columns."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Generator
from functools import lru_cache
from typing import NamedTuple

from sluice.errors import FileTooLargeError, UnreadableFileError
from sluice.intake.batches import Number
from sluice.intake.changed_cells import exact_text
from sluice.intake.limits import Limits
from sluice.intake.number_formats import PLAIN, shown_time
from sluice.intake.workbook import Sheet, Texts, Workbook, XmlReader, readable, unescaped

MAX_COLUMNS, MAX_ROWS = 16_384, 1_048_576
_MAX_MERGED = 2_000_000
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?\bref\s*=\s*[\"']([A-Za-z0-9:$]+)[\"']")
_PLACE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_DAMAGED = "the workbook is damaged: its cells are not in the order of their rows and columns; save it again"


class NoValue(str):
    """What stands in a cell that has no value: an error, or a formula that no program has computed."""

    __slots__ = ()


class SheetRow(NamedTuple):
    """`cells`: column, from 0, and text. What is not text in the sheet is a `Number`."""

    number: int
    cells: list[tuple[int, str]]
    hidden: bool


class Merged(NamedTuple):
    """Cells that are one, by their first and last row (from 1) and column (from 0). Only the first has the value."""

    ref: str
    first_row: int
    last_row: int
    first: int
    last: int


def sheet_rows(book: Workbook, sheet: Sheet, limits: Limits) -> Generator[SheetRow, None, None]:
    """The rows with a cell that is not blank."""
    found: list[SheetRow] = []
    parser = _Rows(book, limits, found.append)
    xml = XmlReader(parser.start, parser.end, parser.text)
    with readable():
        for chunk in book.chunks(sheet.part):
            xml.feed(chunk)
            yield from found
            found.clear()
        xml.close()
        yield from found


def merged_cells(book: Workbook, sheet: Sheet) -> list[Merged]:
    """Those over several rows or columns, by their first row. They are listed behind the rows of a sheet."""
    refs: dict[str, None] = {}
    before = b""
    for chunk in book.chunks(sheet.part):
        before += chunk
        refs.update(dict.fromkeys(ref.decode() for ref in _MERGED.findall(before)))
        before = before[-200:]
        if len(refs) > _MAX_MERGED:
            raise FileTooLargeError(
                f"the sheet has more than {_MAX_MERGED:,} merged cells. Unmerge them, or save the sheet as CSV (UTF-8)"
            )
    found = []
    for ref in refs:
        first, _, last = ref.partition(":")
        row, column = _place(first)
        last_row, last_column = _place(last or first)
        if (row, column) != (last_row, last_column):
            found.append(Merged(ref, row, last_row, column, last_column))
    return sorted(found, key=lambda merged: merged.first_row)


class _Rows:
    """Handlers of the XML of a sheet."""

    def __init__(self, book: Workbook, limits: Limits, done: Callable[[SheetRow], None]) -> None:
        self._book, self._limits, self._done = book, limits, done
        self._texts = Texts()
        self._row, self._column = 0, -1
        self._hidden = self._in_cell = self._in_value = self._is_formula = False
        self._kind, self._style = "n", ""
        self._value: list[str] = []
        self._cells: list[tuple[int, str]] = []
        self._size = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            column = self._column + 1
            if ref := attributes.get("r"):
                column = _column(ref.rstrip("0123456789"))
            if column <= self._column:
                raise UnreadableFileError(_DAMAGED)
            self._column, self._in_cell, self._is_formula = column, True, False
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
        elif tag == "v":
            self._in_value = self._in_cell
        elif tag == "row":
            number = attributes.get("r")
            row = self._row + 1 if number is None else int(number) if number.isdigit() else 0
            if not self._row < row <= MAX_ROWS:
                raise UnreadableFileError(_DAMAGED)
            self._row, self._column, self._size = row, -1, 0
            self._hidden = attributes.get("hidden") in ("1", "true")
        elif tag == "f":
            self._is_formula = True
        elif self._in_cell:
            self._texts.start(tag, attributes)

    def text(self, text: str) -> None:
        if self._in_value:
            self._value.append(text)
        elif self._in_cell:
            self._texts.add(text)
        else:
            return
        self._size += len(text)
        self._limits.check_line(self._size)

    def end(self, tag: str) -> None:
        if tag == "v":
            self._in_value = False
        elif tag == "c":
            self._in_cell = False
            value = self._found("".join(self._value))
            self._value.clear()
            if value:
                self._cells.append((self._column, value))
        elif tag == "row":
            if self._cells:
                self._done(SheetRow(self._row, self._cells, self._hidden))
                self._cells = []
        elif self._in_cell:
            self._texts.end(tag)

    def _found(self, stored: str) -> str | None:
        kind = self._kind
        if kind == "inlineStr":
            return unescaped(self._texts.taken())
        if self._is_formula and (self._book.recalculated or (not stored and kind != "str")):
            return NoValue("a formula whose value no program has computed")
        if kind == "s":
            return self._shared(stored)
        if kind == "str":
            return unescaped(stored)
        if not stored:
            return None
        if kind == "n":
            return self._number(stored.strip())
        if kind == "b":
            return Number("true" if stored.strip() in ("1", "true") else "false")
        if kind == "e":
            return NoValue(f"the error {stored[:20]}")
        return Number(stored.strip()) if kind == "d" else NoValue(f"a value of the unknown type {kind[:20]!r}")

    def _shared(self, stored: str) -> str:
        try:
            place = int(stored)
            return self._book.strings[place] if place >= 0 else NoValue("a text that the workbook does not have")
        except (ValueError, IndexError):
            return NoValue("a text that the workbook does not have")

    def _number(self, digits: str) -> str:
        formats, style = self._book.formats, self._style
        how = formats[int(style)] if style.isdigit() and int(style) < len(formats) else PLAIN
        if how.kind == "number" and _INTEGER.fullmatch(digits):
            return Number(digits.rjust(how.zeros, "0") if how.zeros else "0" if digits == "-0" else digits)
        try:
            value = float(digits) if "_" not in digits else math.nan
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            return NoValue("not a number, or beyond the range of a double")
        if how.kind == "number":
            return Number(exact_text(digits))
        told = shown_time(value, how.kind, self._book.is_1904)
        return NoValue("a date that there is not, such as one before 1900") if told is None else Number(told)


@lru_cache(maxsize=MAX_COLUMNS)
def _column(letters: str) -> int:
    """
    >>> _column("A"), _column("XFD")
    (0, 16383)
    """
    column = 0
    for letter in letters.upper():
        if not "A" <= letter <= "Z":
            raise UnreadableFileError(_DAMAGED)
        column = 26 * column + ord(letter) - ord("A") + 1
    if not 0 < column <= MAX_COLUMNS:
        raise UnreadableFileError(_DAMAGED)
    return column - 1


def letters(column: int) -> str:
    """
    >>> letters(0), letters(16383)
    ('A', 'XFD')
    """
    found = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(ord("A") + rest) + found
    return found


def _place(ref: str) -> tuple[int, int]:
    found = _PLACE.fullmatch(ref)
    if found is None:
        raise UnreadableFileError(_DAMAGED)
    return int(found[2]), _column(found[1])
