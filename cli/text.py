"""How the commands write: tables, times, numbers; and what they write goes through `say`, which lets nothing act."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from cli import progress
from sluice.escaping import visible, visible_lines

_PLAIN = {"─": "-", "→": "->", "…": "...", "✓": "+", "✗": "x", "–": "-", "·": "-", "≥": ">=", "≤": "<="}
"""What the commands write themselves, where the terminal has no such character."""


def say(text: str = "", file: TextIO | None = None) -> None:
    """Prints the lines of `text`; what would move the cursor, colour, reorder or hide becomes a visible escape."""
    progress.stop()
    print(visible_lines(text), file=file, flush=True)


def print_whatever_comes() -> None:
    """Makes sure that no character ends a command: the output may not be UTF-8, and a name may not be text."""
    codecs.register_error("legible", _legible)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="legible")


def _legible(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    escaped = (_PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in lost)
    return "".join(escaped), error.end


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns as wide as their widest cell; None is a dash."""
    lines = [[*header], *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([text[0], "  ".join("─" * width for width in widths), *text[1:]])


def number(value: Any) -> str:
    """Four significant digits; integers, text and None as they are.

    >>> number(0.912345), number(3000), number(None)
    ('0.9123', '3000', '-')
    """
    return f"{value:.4g}" if isinstance(value, float) else _cell(value)


def moment(text: str | datetime | None) -> str:
    """A time in UTC, to the second."""
    if not text:
        return "-"
    at = datetime.fromisoformat(text) if isinstance(text, str) else text
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def duration(start: str | None, end: str | datetime | None) -> str:
    """
    >>> duration("2026-01-01T00:00:00+00:00", "2026-01-01T01:01:05+00:00")
    '1h01m05s'
    """
    if not start or not end:
        return "-"
    last = datetime.fromisoformat(end) if isinstance(end, str) else end
    return seconds_in_words((last - datetime.fromisoformat(start)).total_seconds())


def seconds_in_words(seconds: float) -> str:
    """
    >>> seconds_in_words(3665.2), seconds_in_words(65), seconds_in_words(0.4)
    ('1h01m05s', '1m05s', '0s')
    """
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02}m{rest:02}s"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def indent(text: str, by: int = 2) -> str:
    return "\n".join(" " * by + line if line else line for line in text.splitlines())


def plural(count: int, noun: str) -> str:
    """
    >>> plural(1, "run"), plural(13_611, "row")
    ('1 run', '13,611 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _cell(value: Any) -> str:
    return "-" if value is None or value == "" else visible(value)
