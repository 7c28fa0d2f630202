"""How a CSV file is laid out: what the contract names of it, and the rest as it is found in the first lines."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sluice.contract.file import FOUND, FileLayout
from sluice.errors import EmptyFileError, UnreadableFileError
from sluice.intake.batches import Broken
from sluice.intake.blocks import Blocks, Opener, Replayed
from sluice.intake.header_lines import MAX_HEADER_LINES, broken_above, is_header_below, may_be_row
from sluice.intake.limits import UNLIMITED, Limits
from sluice.intake.records import next_record
from sluice.model.csv_records import PADDED, Quoting

DELIMITERS = (",", ";", "\t", "|")
SAMPLED = 50
"""Records below the header that say whether the rows end with a delimiter."""
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", " ": "space"}
_ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with a mark", "iso8859-1": "Latin-1", "cp1252": "Windows-1252"}


@dataclass(frozen=True)
class Dialect:
    delimiter: str
    header: list[str]
    """The names as the file has them, without blanks around them; without a header those of the contract."""
    header_lines: int
    """Physical lines up to the end of the header, blank ones and Excel's `sep=` line included."""
    quoting: Quoting = PADDED
    header_line: int | None = 1
    """Where the header begins; None: there is none."""
    preamble_lines: int = 0
    """Lines that were left out above the first row or header."""
    trailing: int = 0
    """Blank fields with which the rows end and the header does not."""
    above: tuple[Broken, ...] = field(default=())
    """Lines above the header that have its number of fields, and may be rows."""

    aligned: bool = False
    """The delimiter is a blank, and the header has runs of them."""

    @property
    def fields(self) -> list[str]:
        """The header as far as the rows go."""
        return [*self.header, *[""] * self.trailing]

    @property
    def names(self) -> list[str]:
        """A name for each field, none twice, so that no field of a refused row is lost."""
        found: dict[str, None] = {}
        for at, name in enumerate(self.fields, 1):
            while name in found:
                name = f"{name} (field {at})".strip()
            found[name] = None
        return list(found)

    @property
    def unnamed(self) -> dict[str, str]:
        """The names of fields that the header leaves blank, each with what people call it."""
        pairs = enumerate(zip(self.names, self.header, strict=False), 1)
        return {name: f"field {at}" for at, (name, given) in pairs if not given}

    def told(self, encoding: str | None) -> str:
        """What the file was read as, in words; values of its rows are not among them."""
        quoting = self.quoting
        parts = [_NAMES.get(self.delimiter, repr(self.delimiter))]
        if encoding:
            parts.append(_ENCODINGS.get(encoding, encoding.upper()))
        if quoting.quote != '"':
            parts.append(f"quote {quoting.quote}")
        if quoting.escape:
            parts.append(f"escape {quoting.escape}")
        if self.header_line is None:
            parts.append("no header")
        else:
            parts.append(f"header at line {self.header_line}")
        if self.preamble_lines:
            parts.append(f"{self.preamble_lines} preamble line{'s' * (self.preamble_lines > 1)}")
        if self.trailing:
            parts.append("a delimiter at the end of the rows")
        return ", ".join(parts)


def sniff(text: Opener, wanted: Sequence[str], limits: Limits = UNLIMITED, layout: FileLayout = FOUND) -> Dialect:
    """The header and delimiter that show most of the `wanted` columns; with none of them, the first line's most fields.

    What `layout` names is not looked for. Raises EmptyFileError and UnreadableFileError.
    """
    quoting = Quoting(layout.quote, layout.escape, padded=True)
    text = Replayed(text)
    lines = Blocks(text(), limits, layout.quote)
    skipped = max(layout.skip, (layout.header or 1) - 1)
    for _ in range(skipped):
        lines.next()
    delimiters: Sequence[str] = [layout.delimiter] if layout.delimiter else DELIMITERS
    first = lines.next_filled()
    if first is None:
        raise EmptyFileError("the file has only blank lines" if not skipped else "no line is below those left out")
    forced = re.fullmatch(r"sep=(.)", first.strip("\r\n"), re.IGNORECASE)
    if forced and not layout.delimiter:
        delimiters, first = [forced[1]], lines.next_filled()
        if first is None:
            raise EmptyFileError("the file has no header and no data row")
    lines.push_back([first])
    if layout.header == 0:
        passed = lines.number if forced else layout.skip
        dialect = _without_header(lines, delimiters, list(wanted), quoting, passed)
        return replace(dialect, trailing=_trailing(text, limits, dialect))
    dialect = _header(lines, delimiters, wanted, quoting, 1 if layout.header else MAX_HEADER_LINES)
    filled, rows = _above(text, limits, dialect, layout.skip + bool(forced))
    if layout.header:
        # what stands above is left out because the contract says so
        rows = []
    preamble = layout.skip + filled - len(rows)
    return replace(dialect, above=tuple(rows), preamble_lines=preamble, trailing=_trailing(text, limits, dialect))


def _header(lines: Blocks, delimiters: Sequence[str], wanted: Sequence[str], quoting: Quoting, most: int) -> Dialect:
    """The first line that shows more of the wanted names than those above it, under the delimiter that shows them."""
    best, needed = (0, 0), set(wanted)
    chosen: Dialect | None = None
    for tried in range(most):
        first = lines.next_filled()
        if first is None:
            break
        lines.push_back([first])
        before, above = lines.number, best[0]
        for delimiter in delimiters:
            try:
                record, used = next_record(lines, delimiter, quoting)
            except csv.Error:
                continue
            lines.push_back(used)
            names = [name.strip() for name in record]
            known = len(needed.intersection(names))
            if tried and not is_header_below(known, above, len(needed), sum(map(bool, names))):
                continue
            # the first of equals is kept, so the order of the delimiters decides ties
            if chosen is None or (known, len(names)) > best:
                best = (known, len(names))
                runs = delimiter == " " and _has_runs("".join(used), quoting.quote)
                chosen = Dialect(delimiter, names, before + len(used), quoting, before + 1, aligned=runs)
        if best[0] == len(needed):
            break
        lines.next()
    if chosen is None:
        raise UnreadableFileError("line 1: the header has a quote that is opened and never closed")
    return chosen


def _has_runs(header: str, quote: str) -> bool:
    """Whether blanks adjoin, or begin the header, outside quotes."""
    mark = re.escape(quote)
    plain = re.sub(f"{mark}[^{mark}]*{mark}", "_", header.rstrip())
    return plain.startswith(" ") or "  " in plain


def _without_header(
    lines: Blocks, delimiters: Sequence[str], names: list[str], quoting: Quoting, passed: int
) -> Dialect:
    """The names are the contract's, by position; the delimiter is the one that gives most records as many fields."""
    fits = {}
    for delimiter in delimiters:
        records = _sample(lines, delimiter, quoting, MAX_HEADER_LINES)
        # rows may end with a delimiter
        fits[delimiter] = sum(len(each) >= len(names) and not any(each[len(names) :]) for each in records)
    delimiter = max(fits, key=lambda each: fits[each])
    # blank lines above the first row are counted where the rows are read
    return Dialect(delimiter, names, passed, quoting, None, passed)


def _sample(lines: Blocks, delimiter: str, quoting: Quoting, most: int) -> list[list[str]]:
    """The next filled records; the lines are handed out again."""
    found: list[list[str]] = []
    taken: list[str] = []
    while len(found) < most and (line := lines.next_filled()) is not None:
        lines.push_back([line])
        try:
            record, used = next_record(lines, delimiter, quoting)
        except csv.Error:
            taken += [str(lines.next())]
            continue
        taken += used
        found.append(record)
    lines.push_back(taken)
    return found


def _above(text: Opener, limits: Limits, dialect: Dialect, first: int) -> tuple[int, list[Broken]]:
    """How many filled lines stand above the header, from line `first` + 1 on, and those of them that may be rows."""
    width, header = len(dialect.header), dialect.header_line or 0
    lines = Blocks(text(), limits, dialect.quoting.quote)
    for _ in range(first):
        lines.next()
    filled, found = 0, []
    while lines.number < header - 1:
        row = lines.number + 1
        try:
            record, used = next_record(lines, dialect.delimiter, dialect.quoting)
        except csv.Error:
            record, used = [], [str(lines.next())]
        if lines.number >= header:
            # an open quote, which ends where the header begins
            lines.push_back(used[1:])
            record, used = [], used[:1]
        filled += sum(bool(line.strip()) for line in used)
        if may_be_row(record, width):
            found.append(broken_above(row, header, record))
    return filled, found


def _trailing(text: Opener, limits: Limits, dialect: Dialect) -> int:
    """How many blank fields more than the header most rows of the sample have at their end."""
    lines = Blocks(text(), limits, dialect.quoting.quote)
    for _ in range(dialect.header_lines):
        lines.next()
    records = _sample(lines, dialect.delimiter, dialect.quoting, SAMPLED)
    width = len(dialect.header)
    blank = Counter(
        len(record) for record in records if len(record) > width and not any(map(str.strip, record[width:]))
    )
    usual, count = max(blank.items(), key=lambda item: item[1], default=(width, 0))
    # one row alone may as well be too long by a blank cell
    return usual - width if count > 1 and 3 * count >= 2 * len(records) else 0
