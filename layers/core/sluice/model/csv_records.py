"""CSV records by RFC 4180, strictly, with fields of any length.

Python's `csv.reader` refuses a field above `csv.field_size_limit`, which can be raised only for the whole process: a
file that one part of a program reads would decide what another part accepts. This reader has no such limit; a caller
bounds the lines that it hands over.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator


def read_record(lines: Iterator[str], delimiter: str = ",") -> list[str]:
    """Return the fields of the next record; [] for an empty line.

    `lines` keep their line ends. A quoted field may span several lines, and its quotes are doubled. Raises
    StopIteration when there is no line left, and csv.Error for quoting that RFC 4180 does not allow.
    """
    line = next(lines)
    if '"' not in line:
        content = _without_end(line)
        return content.split(delimiter) if content else []
    fields: list[str] = []
    position = 0
    while True:
        if not line.startswith('"', position):
            end = line.find(delimiter, position)
            if end < 0:
                fields.append(_without_end(line[position:]))
                return fields
            fields.append(_without_return(line[position:end]))
            position = end + len(delimiter)
            continue
        field, line, position = _quoted(line, position + 1, lines)
        fields.append(field)
        if line.startswith(delimiter, position):
            position += len(delimiter)
        elif line[position:] in ("", "\n", "\r", "\r\n"):
            return fields
        else:
            raise csv.Error(f"'{delimiter}' expected after '\"'")


def read_records(lines: Iterator[str], delimiter: str = ",") -> Iterator[list[str]]:
    """Yield the records of `lines`; empty lines are left out. Raises csv.Error."""
    while True:
        try:
            record = read_record(lines, delimiter)
        except StopIteration:
            return
        if record:
            yield record


def _quoted(line: str, position: int, lines: Iterator[str]) -> tuple[str, str, int]:
    """Return a quoted field's text, the line in which it ends, and the position behind its closing quote."""
    parts: list[str] = []
    while True:
        end = line.find('"', position)
        if end < 0:
            parts.append(line[position:])
            following = next(lines, None)
            if following is None:
                raise csv.Error("unexpected end of data")
            line, position = following, 0
            continue
        parts.append(line[position:end])
        if not line.startswith('"', end + 1):
            return "".join(parts), line, end + 1
        parts.append('"')
        position = end + 2


def _without_end(text: str) -> str:
    if text.endswith("\r\n"):
        return _without_return(text[:-2])
    return _without_return(text[:-1] if text.endswith(("\n", "\r")) else text)


def _without_return(text: str) -> str:
    if "\r" in text:
        raise csv.Error("a carriage return stands in a field without quotes")
    return text
