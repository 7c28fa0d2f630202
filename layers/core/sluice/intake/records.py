"""The next CSV record of the lines of a file, within bounds that an unclosed quote cannot leave."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from sluice.intake.blocks import Blocks
from sluice.model.csv_records import Quoting, read_record

MAX_RECORD_LINES = 500
"""A quoted field that stays open for longer is an unclosed quote: its line is refused and reading goes on below it."""
MAX_RECORD_CHARACTERS = 8 * 2**20


def next_record(lines: Blocks, delimiter: str, quoting: Quoting) -> tuple[list[str], list[str]]:
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
        return read_record(feed(), delimiter, quoting), used
    except csv.Error:
        lines.push_back(used)
        if len(used) >= MAX_RECORD_LINES:
            raise csv.Error(f"a quoted field is still open after {MAX_RECORD_LINES} lines") from None
        raise
    except StopIteration:
        lines.push_back(used)
        raise csv.Error("no record") from None
