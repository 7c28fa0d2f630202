"""Where the header of a file probably stands, when no contract says yet which names it has."""

from __future__ import annotations

import csv
from collections import Counter

from sluice.contract.file import FileLayout
from sluice.intake.blocks import Blocks, Opener
from sluice.intake.dialect import DELIMITERS
from sluice.intake.header_lines import MAX_HEADER_LINES
from sluice.intake.limits import UNLIMITED
from sluice.intake.records import next_record
from sluice.model.csv_records import Quoting


def likely_header(text: Opener, layout: FileLayout) -> int | None:
    """The line of the first record that has the usual number of fields, most of them filled; None for the first line.

    The usual number is that of most records among the first ones, under the delimiter that gives most of them as many.
    """
    found = [_under(text, delimiter, layout) for delimiter in ([layout.delimiter] if layout.delimiter else DELIMITERS)]
    # the first of equals is kept, so the order of the delimiters decides ties
    _, line = max(found, key=lambda item: item[0])
    return line


def _under(text: Opener, delimiter: str, layout: FileLayout) -> tuple[int, int | None]:
    """How many fields the records of the usual width have together, and where the first that may be a header stands."""
    quoting = Quoting(layout.quote, layout.escape, padded=True)
    lines = Blocks(text(), UNLIMITED, layout.quote)
    records: list[tuple[int, list[str]]] = []
    for _ in range(2 * MAX_HEADER_LINES):
        first = lines.next_filled()
        if first is None:
            break
        lines.push_back([first])
        before = lines.number
        try:
            record, _ = next_record(lines, delimiter, quoting)
        except csv.Error:
            lines.next()
            continue
        records.append((before + 1, record))
    widths = Counter(len(record) for _, record in records if len(record) > 1)
    if not widths:
        return 0, None
    (usual, count), *_ = widths.most_common(1)
    first_line = records[0][0]
    for line, record in records[:MAX_HEADER_LINES]:
        # rows may have a delimiter more at their end than the header has
        if (len(record) == usual or line == first_line) and 2 * sum(bool(cell.strip()) for cell in record) > usual:
            return count * usual, None if line == first_line else line
    return count * usual, None
