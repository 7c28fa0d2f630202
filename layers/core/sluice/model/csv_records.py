"""CSV records by RFC 4180, strictly, with fields of any length; and by the quoting that a contract names.

Python's `csv.reader` refuses a field above `csv.field_size_limit`, which can be raised only for the whole process: a
file that one part of a program reads would decide what another part accepts. This reader has no such limit; a caller
bounds the lines that it hands over.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass

_ENDS = ("", "\n", "\r", "\r\n")
_NULL = "\\N"


@dataclass(frozen=True)
class Quoting:
    """How fields that hold delimiters, quotes or line ends are written.

    `escape`: the character behind it stands for itself, within quotes and outside of them; a doubled quote counts
    too. A field that is `\\N` alone, without quotes, keeps both characters: so MySQL, PostgreSQL, Hive and Redshift
    write a missing value in files whose escape is `\\`. `padded`: blanks before an opening quote and behind a closing
    one do not count, as in `1, "a, b"`.
    """

    quote: str = '"'
    escape: str | None = None
    padded: bool = False


RFC_4180 = Quoting()
PADDED = Quoting(padded=True)


def read_record(lines: Iterator[str], delimiter: str = ",", quoting: Quoting = RFC_4180) -> list[str]:
    """Return the fields of the next record; [] for an empty line.

    `lines` keep their line ends. A quoted field may span several lines, and its quotes are doubled. Raises
    StopIteration when there is no line left, and csv.Error for quoting that RFC 4180 (or `quoting`) does not allow.
    """
    line = next(lines)
    quote, escape = quoting.quote, quoting.escape
    if quote not in line and not (escape and escape in line):
        content = _without_end(line)
        return content.split(delimiter) if content else []
    if escape:
        return _Escaped(line, lines, delimiter, quoting).record()
    fields: list[str] = []
    position = 0
    while True:
        start = _padding_end(line, position, delimiter) if quoting.padded else position
        if not line.startswith(quote, start):
            end = line.find(delimiter, position)
            if end < 0:
                fields.append(_without_end(line[position:]))
                return fields
            fields.append(_without_return(line[position:end]))
            position = end + len(delimiter)
            continue
        field, last, after = _quoted(line, start + 1, lines, quoting)
        if quoting.padded:
            after = _padding_end(last, after, delimiter)
        if last.startswith(delimiter, after):
            fields.append(field)
            line, position = last, after + len(delimiter)
        elif last[after:] in _ENDS:
            return [*fields, field]
        else:
            raise csv.Error(f"'{delimiter}' expected after '{quote}'")


def has_stray_quote(record: str, delimiter: str = ",", quoting: Quoting = RFC_4180) -> bool:
    """Return whether a quote stands in a field that it does not enclose. `record`: the unchanged text of one record.

    >>> has_stray_quote("1,'a ''b''',2", ",", Quoting("'")), has_stray_quote("1,a 'b',2", ",", Quoting("'"))
    (False, True)
    """
    position = 0
    while True:
        start = _padding_end(record, position, delimiter) if quoting.padded else position
        if record.startswith(quoting.quote, start):
            _, _, end = _quoted(record, start + 1, iter(()), quoting)
            end = _padding_end(record, end, delimiter) if quoting.padded else end
        else:
            end = record.find(delimiter, position)
            if quoting.quote in record[position : end if end >= 0 else len(record)]:
                return True
        if end < 0 or not record.startswith(delimiter, end):
            return False
        position = end + len(delimiter)


def read_records(lines: Iterator[str], delimiter: str = ",") -> Iterator[list[str]]:
    """Yield the records of `lines`; empty lines are left out. Raises csv.Error."""
    while True:
        try:
            record = read_record(lines, delimiter)
        except StopIteration:
            return
        if record:
            yield record


def _padding_end(line: str, position: int, delimiter: str) -> int:
    """Where the blanks (spaces, and tabs that are not the delimiter) from `position` on end."""
    while position < len(line) and line[position] in " \t" and line[position] != delimiter:
        position += 1
    return position


def _quoted(line: str, position: int, lines: Iterator[str], quoting: Quoting) -> tuple[str, str, int]:
    """Return a quoted field's text, the line in which it ends, and the position behind its closing quote."""
    parts: list[str] = []
    quote = quoting.quote
    while True:
        end = line.find(quote, position)
        escaped = line.find(quoting.escape, position) if quoting.escape else -1
        if escaped >= 0 and (end < 0 or escaped < end) and escaped + 1 < len(line):
            parts += [line[position:escaped], line[escaped + 1]]
            position = escaped + 2
            continue
        if end < 0:
            parts.append(line[position:])
            following = next(lines, None)
            if following is None:
                raise csv.Error("unexpected end of data")
            line, position = following, 0
            continue
        parts.append(line[position:end])
        if not line.startswith(quote, end + 1):
            return "".join(parts), line, end + 1
        parts.append(quote)
        position = end + 2


class _Escaped:
    """A record whose first line holds an escape character: read from one special character to the next."""

    def __init__(self, line: str, lines: Iterator[str], delimiter: str, quoting: Quoting) -> None:
        self._line, self._lines, self._delimiter, self._quoting = line, lines, delimiter, quoting
        self._position = 0

    def record(self) -> list[str]:
        fields = []
        while True:
            fields.append(self._field())
            if not self._line.startswith(self._delimiter, self._position):
                return fields
            self._position += len(self._delimiter)

    def _field(self) -> str:
        """The next field; behind it stand a delimiter or the record's end."""
        quoting, delimiter = self._quoting, self._delimiter
        start = _padding_end(self._line, self._position, delimiter) if quoting.padded else self._position
        if self._line.startswith(quoting.quote, start):
            field, self._line, self._position = _quoted(self._line, start + 1, self._lines, quoting)
            if quoting.padded:
                self._position = _padding_end(self._line, self._position, delimiter)
            rest = self._line[self._position :]
            if not rest.startswith(delimiter) and rest not in _ENDS:
                raise csv.Error(f"'{delimiter}' expected after '{quoting.quote}'")
            return field
        if quoting.escape == _NULL[0] and self._line.startswith(_NULL, start):
            end = start + len(_NULL)
            end = _padding_end(self._line, end, delimiter) if quoting.padded else end
            if self._line.startswith(delimiter, end) or self._line[end:] in _ENDS:
                self._position = end
                return _NULL
        parts: list[str] = []
        while True:
            end = self._line.find(delimiter, self._position)
            escaped = self._line.find(str(quoting.escape), self._position)
            if escaped < 0 or 0 <= end < escaped:
                parts.append(self._plain(end))
                return "".join(parts)
            if self._line[escaped + 1 :] in _ENDS:
                raise csv.Error("the line ends with an escape character")
            parts += [_without_return(self._line[self._position : escaped]), self._line[escaped + 1]]
            self._position = escaped + 2

    def _plain(self, end: int) -> str:
        start, self._position = self._position, end if end >= 0 else len(self._line)
        text = self._line[start : self._position]
        return _without_return(text) if end >= 0 else _without_end(text)


def _without_end(text: str) -> str:
    if text.endswith("\r\n"):
        return _without_return(text[:-2])
    return _without_return(text[:-1] if text.endswith(("\n", "\r")) else text)


def _without_return(text: str) -> str:
    if "\r" in text:
        raise csv.Error("a field without quotes contains a carriage return")
    return text
