"""Columns of a file and what they seem to be, read by the very readers and rules that will judge the file later."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from cli.conventions import Conventions, conventions
from cli.formats import Formats, Way
from cli.layouts import likely_header
from cli.paired_keys import distinct_pairs, is_period, pairs_of
from cli.stand_ins import StandIns
from sluice.contract.data import COLUMN_PATTERN, MAX_COLUMN_NAME
from sluice.contract.file import FOUND, FileLayout
from sluice.contract.models import Column
from sluice.errors import EmptyFileError, FileTooLargeError, HeaderMismatchError, InputError, UnreadableFileError
from sluice.escaping import short, visible
from sluice.intake.limits import UNLIMITED
from sluice.intake.opening import Arrival
from sluice.intake.rules import judge
from sluice.intake.source import Source, open_source

ROWS = 200_000
"""Rows that are looked at; a later row may still not fit, and the intake will say so."""
MANY = 50
"""More distinct values than this are no longer counted one by one."""
LISTED = 20
CODES = 0.01
"""From this share of values with leading zeros on, a column holds codes."""
COUNTED = 1.1
"""A counter whose rows were in part left out ends at up to this many times the rows."""
MANY_BROKEN = 0.05
"""A greater share of rows that do not fit the header may come from other signs than the usual ones."""
_SIGNS: tuple[dict[str, str], ...] = (
    {"escape": "\\"},
    {"quote": "'"},
    {"quote": "'", "escape": "\\"},
    {"line_end": "\r"},
)
_SAMPLE = 100
_NAMES_TABS = re.compile(r"(?i)\.(tsv|tab)(\.[a-z0-9]+)?$")
_IDENTIFYING = ("text", "category", "integer")
_TYPES = ("boolean", "integer", "number", "timestamp")


@dataclass
class Seen:
    """One column: the types that every value fits, the distinct values as long as they are few."""

    name: str
    fits: list[str] = field(default_factory=lambda: list(_TYPES))
    missing: int = 0
    rows: int = 0
    values: Counter[str] | None = field(default_factory=Counter)
    every: set[int] = field(default_factory=set)
    """Hashes of all values, to know whether they are distinct."""
    codes: int = 0
    """Values such as 00137, whose leading zeros a number would lose."""
    example: str | None = None
    """The first of them."""
    stand_ins: StandIns = field(default_factory=StandIns)
    formats: Formats = field(default_factory=lambda: Formats(""))

    @property
    def way(self) -> Way | None:
        """How its values are read where that needs a word in the contract: markers left out, or a format."""
        if self.fits or not self.filled or self.coded:
            return None
        return self.formats.chosen

    @property
    def markers(self) -> Counter[str]:
        """Texts, and how many cells have each, that are read as missing: NA, or -999 where no other is negative."""
        found = self.formats.markers if self.way else Counter[str]()
        return found + Counter({text: count for text, count in self._apart.items() if not self._doubtful(text)})

    @property
    def doubtful(self) -> Counter[str]:
        """Such texts that may as well be values."""
        found = Counter[str]() if self.fits or self.way else self.formats.markers
        return found + Counter({text: count for text, count in self._apart.items() if self._doubtful(text)})

    @property
    def _apart(self) -> dict[str, int]:
        found = self.stand_ins.found(self.rows) if self.type in ("integer", "number") else []
        # -1 and 1 may be the two classes of a target
        return {text: count for text, count in found if not (self.formats.few and float(text) == -1)}

    def _doubtful(self, text: str) -> bool:
        # large amounts are also cut at a row of nines, and -1 may well be measured
        return self.formats.few or float(text) >= -1

    @property
    def filled(self) -> int:
        return self.rows - self.missing

    @property
    def coded(self) -> bool:
        """Whether its numbers are codes: some have leading zeros, which amounts have not and a number would lose."""
        return self.codes >= max(1.0, CODES * self.filled)

    @property
    def unique(self) -> bool:
        return self.filled == self.rows > 1 and len(self.every) == self.rows

    @property
    def counts_rows(self) -> bool:
        """Whether its values are those from 0 or 1 on, with few left out: then another file may have the same ones."""
        return self.unique and sum(hash(str(n)) in self.every for n in range(int(COUNTED * self.rows) + 2)) == self.rows

    @property
    def type(self) -> str:
        """The narrowest type that every value fits; for texts, category where few values come again and again."""
        if not self.filled:
            return "text"
        if self.fits and not self.coded:
            # one value alone, such as 0 throughout, says nothing about yes and no
            only_numbers = self.values is not None and set(self.values) <= {"0", "1"} and len(self.values) < 2
            kind = "integer" if self.fits[0] == "boolean" and only_numbers else self.fits[0]
            return "number" if kind == "integer" and self.formats.fractions else kind
        if self.way:
            return self.way.kind
        repeated = self.values is not None and len(self.values) <= max(2, self.filled // 10)
        return "category" if repeated else "text"

    @property
    def listed(self) -> list[str] | None:
        """The values of a category, the most frequent first, when they are few enough to be meant as a list."""
        if self.type != "category" or self.values is None or len(self.values) > LISTED:
            return None
        return [value for value, _ in self.values.most_common()]

    def settle(self, told: Conventions) -> None:
        """What the whole file says about its numbers and dates, once it was read."""
        self.formats.conventions = told
        if self.formats.not_as_written:
            self.fits, self.low, self.high = [], None, None

    def add(self, text: pa.Array) -> None:
        trimmed = pc.utf8_trim_whitespace(pc.fill_null(text, ""))
        blank = pc.equal(trimmed, "")
        self.rows += len(text)
        self.missing += pc.sum(blank).as_py() or 0
        # most types are refuted by the first few values, and some are read one by one
        for part in (text.slice(0, _SAMPLE), text):
            for kind in list(self.fits):
                _, broken = judge(self.name, Column(type=kind), part, key=False)
                if broken:
                    self.fits.remove(kind)
        values = trimmed.filter(pc.invert(blank))
        codes = values.filter(pc.match_substring_regex(values, r"^0[0-9]+$"))
        self.codes += len(codes)
        if self.example is None and len(codes):
            self.example = codes[0].as_py()
        self.stand_ins.add(values)
        self.formats.name = self.name
        self.formats.add(values)
        if len(self.every) + self.missing >= self.rows - len(text):
            self.every.update(hash(value) for value in values.to_pylist())
        if self.values is not None:
            counted = pc.value_counts(values)
            if len(counted) <= MANY:
                self.values.update({item["values"]: item["counts"] for item in counted.to_pylist()})
            if len(counted) > MANY or len(self.values) > MANY:
                self.values = None
        self.formats.few = self.values is not None and len(self.values) <= LISTED


@dataclass
class Scan:
    """What was seen of a file."""

    columns: list[Seen]
    rows: int
    whole: bool
    broken: int
    unnamed: int
    doubled: list[str] = field(default_factory=list)
    """Names that the header has more than once; their columns were not looked at."""
    header_line: int | None = None
    """Where the header seems to stand, if that is not the first line."""
    format: str = "csv"
    layout: FileLayout = FOUND
    """What the contract must name of the file's layout."""
    not_plain: dict[str, str] = field(default_factory=dict)
    """Columns that were not looked at since their values are lists or the like, and why."""
    delimiter: str | None = None
    """Between the fields; None of a file without."""
    pairs: list[tuple[str, str]] = field(default_factory=list)
    """Two columns each that identify a row together, where none does alone."""

    @property
    def broken_share(self) -> float:
        return self.broken / max(1, self.rows + self.broken)


def scan_file(path: Path, layout: FileLayout = FOUND, has_header: bool | None = None) -> Scan:
    """`layout`: what is known of it, such as the encoding of a text that is not UTF-8. `has_header`: None to find out.

    Raises UnreadableFileError, EmptyFileError, HeaderMismatchError (no name once).
    """
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if has_header is False:
            layout = layout.model_copy(update={"header": 0})
        scan = _with_signs(path, scratch, layout)
        if has_header is None and scan.format in ("csv", "xlsx") and _is_row(scan.columns):
            return _scan(path, scratch, scan.layout.model_copy(update={"header": 0}))
        if scan.whole and not any(column.unique for column in scan.columns if column.type in _IDENTIFYING):
            scan.pairs = _pairs(path, scratch, scan)
        return scan


def _with_signs(path: Path, scratch: Path, layout: FileLayout) -> Scan:
    """The file by the usual signs; by others, if these leave less than half as many rows broken."""
    try:
        found: Scan | None = _scan(path, scratch, layout)
    except (EmptyFileError, UnreadableFileError) as error:
        if isinstance(error, FileTooLargeError):
            raise
        found, why = None, error
    if found is not None and found.delimiter not in (None, "\t", layout.delimiter) and _NAMES_TABS.search(path.name):
        found, layout = _by_tabs(path, scratch, layout) or (found, layout)
    best = found
    for signs in _SIGNS if found is None or (found.format == "csv" and found.broken_share > MANY_BROKEN) else ():
        with suppress(InputError, ValidationError):
            other = _scan(path, scratch, FileLayout.model_validate({**layout.model_dump(), **signs}))
            if other.format == "csv" and (best is None or other.broken_share < best.broken_share / 2):
                best = other
    if best is None:
        raise why
    return best


def _by_tabs(path: Path, scratch: Path, layout: FileLayout) -> tuple[Scan, FileLayout] | None:
    """What a file called .tsv is if its texts have commas in them; None if tabs do not part it."""
    tabs = layout.model_copy(update={"delimiter": "\t"})
    with suppress(InputError):
        found = _scan(path, scratch, tabs)
        if len(found.columns) > 1 and found.broken_share <= MANY_BROKEN:
            return found, tabs
    return None


def _pairs(path: Path, scratch: Path, scan: Scan) -> list[tuple[str, str]]:
    filled = [column for column in scan.columns if not column.missing]
    ones = [column.name for column in filled if column.type in _IDENTIFYING]
    periods = [column.name for column in filled if column.type == "timestamp" or is_period(column.name)]
    ones = [name for name in ones if name not in periods]
    if not (pairs := pairs_of(ones, periods)):
        return []
    source, _ = _open(path, scratch, scan.layout)
    with closing(source.batches(list(dict.fromkeys(name for pair in pairs for name in pair)))) as batches:
        return distinct_pairs(batches, pairs)


def _scan(path: Path, scratch: Path, layout: FileLayout) -> Scan:
    source, line = _open(path, scratch, layout)
    header, not_plain = source.header(), source.without_plain_values()
    if not_plain and not layout.flatten:
        nested = layout.model_copy(update={"flatten": True})
        flat, _ = _open(path, scratch, nested)
        if (members := flat.header()) != header:
            source, header, not_plain, layout = flat, members, flat.without_plain_values(), nested
    not_plain |= {name: _not_a_name(name) for name in header if name and not re.fullmatch(COLUMN_PATTERN, name)}
    header = [name for name in header if name not in not_plain]
    batches = source.batches(list(dict.fromkeys(header)))
    counts = Counter(name for name in header if name)
    doubled = [name for name, count in counts.items() if count > 1]
    named = [name for name, count in counts.items() if count == 1]
    if not named and source.notes.is_json and not counts:
        raise EmptyFileError(source.notes.no_row())
    if not named:
        told = f"; it has {', '.join(map(repr, doubled))} more than once" if doubled else ""
        raise HeaderMismatchError(f"no column of the header has a name of its own{told}")
    seen = {name: Seen(name) for name in named}
    rows = broken = 0
    whole = True
    for batch in batches:
        rows += len(batch.rows)
        broken += len(batch.broken)
        for name in named:
            seen[name].add(batch.columns[name])
        if rows >= ROWS:
            whole = False
            break
    if not rows:
        raise EmptyFileError(source.notes.no_row())
    written = conventions([column.formats for column in seen.values()], source.notes.delimiter)
    for column in seen.values():
        column.settle(written)
    unnamed, kind = sum(not name for name in header), source.notes.format
    delimiter = source.notes.delimiter
    return Scan(list(seen.values()), rows, whole, broken, unnamed, doubled, line, kind, layout, not_plain, delimiter)


def _not_a_name(name: str) -> str:
    """Why no contract can have a column of this name. The questions of a survey are often that long."""
    written = f"{len(name)} characters long" if len(name) > MAX_COLUMN_NAME else "broken over lines"
    return f"{short(visible(name), 60)!r}, a name that is {written}; give it a shorter one, of one line"


def _open(path: Path, scratch: Path, layout: FileLayout) -> tuple[Source, int | None]:
    """The file, and the line of its header where that is not the first one."""
    arrival = Arrival.on_disk(path)
    source = open_source(arrival, scratch, UNLIMITED, [], layout.model_copy(update={"header": None}))
    if layout.header == 0:
        width = max(source.table.names) + 1 if source.table else len(source.header())
        names = [f"column_{number}" for number in range(1, width + 1)]
        return open_source(arrival, scratch, UNLIMITED, names, layout), None
    if source.table is not None:
        return source, source.table.header_row if source.table.header_row != 1 else None
    if source.dialect is None:
        return source, None
    line = likely_header(source.opened.chunks, layout)
    layout = layout.model_copy(update={"header": line})
    return open_source(arrival, scratch, UNLIMITED, [], layout), line


def _is_row(columns: list[Seen]) -> bool:
    """Whether the names are values themselves: wherever all values below are numbers or times, the name is one too;
    without such columns, wherever few words come again and again, the name is one of them."""
    typed = [column for column in columns if column.filled and {"number", "timestamp"} & set(column.fits)]
    if not typed:
        return _is_row_of_words(columns)
    return all(
        not judge(column.name, Column(type=kind), pa.array([column.name]), key=False)[1]
        for column in typed
        for kind in column.fits
        if kind in ("number", "timestamp")
    )


def _is_row_of_words(columns: list[Seen]) -> bool:
    """Whether each column of few values has its very name among them, as no header of a table of words has."""
    few = [column for column in columns if column.values is not None and len(column.values) > 1]
    return len(few) > 1 and all(column.name in (column.values or ()) for column in few)


def only(columns: list[Seen], chosen: Callable[[Seen], bool]) -> Seen | None:
    """The one column of which it is true; None when there are several or none."""
    found = [column for column in columns if chosen(column)]
    return found[0] if len(found) == 1 else None
