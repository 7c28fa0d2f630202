"""A block of CSV by Arrow's reader, where it cannot be wrong about the records.

It cannot where no carriage return stands alone, no byte is zero, no byte order mark is within, every quote opens or
closes a whole field or is one of a doubled pair within it, no character is escaped, every record has the header's
number of fields, and none is the header again. Then its records are those of `sluice.model.csv_records`, and this file
knows the source line of each.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from sluice.intake.arrow_types import CODED, FALSE_WORDS, TEXT, TRUE_WORDS, Plan, types_for
from sluice.intake.batches import Batch
from sluice.intake.dialect import Dialect
from sluice.intake.open_quotes import Lines, Unsettled, may_be_read_twice, second_reading
from sluice.intake.quotes import LINE_END, RETURN, lines_of_whole_fields
from sluice.intake.records import MAX_RECORD_CHARACTERS, MAX_RECORD_LINES
from sluice.intake.repeated_headers import may_repeat_header
from sluice.model.csv_records import read_record


@dataclass(frozen=True)
class ReadBlock:
    batch: Batch
    lines: int
    blank_lines: int
    below_gaps: Sequence[int]
    """Places of the rows below a blank line or a row without a value."""
    ends_blank: bool
    open_end: Unsettled | None = None

    def records(self, places: Sequence[int]) -> list[list[str]]:
        """The fields of some rows."""
        return [list(row.values()) for row in self.batch.texts(places)]


@dataclass(frozen=True)
class Parsed:
    """What Arrow made of a block: its columns, or its error. `lines`: None if it must not read the block.

    `asked`: the types that the plan asked for; `types`: those that Arrow got.
    """

    asked: dict[str, pa.DataType]
    types: dict[str, pa.DataType]
    lines: int | None
    columns: dict[str, pa.Array] | None = None
    error: str = ""


@dataclass(frozen=True)
class Layout:
    """Where the records of a block begin, as bytes and as lines of the block, and the number of its lines."""

    offsets: np.ndarray
    lines: np.ndarray
    line_count: int
    blank_lines: int
    most_lines: int
    """The lines of the longest record."""
    below_blanks: np.ndarray
    """Places of the records below a blank line."""
    ends_blank: bool
    last_of_several: tuple[int, int] | None
    """Where the last record of several lines begins and ends."""


class BlockReader:
    def __init__(self, dialect: Dialect, plan: Plan) -> None:
        self._delimiter = dialect.delimiter
        self._header = dialect.names
        self._found = dialect.fields
        self._named = dict(zip(self._header, self._found, strict=True))
        self._trailing = self._header[len(self._header) - dialect.trailing :]
        self._plan = plan
        self._quoting = dialect.quoting
        self._quote = dialect.quoting.quote.encode()
        self._escape = (dialect.quoting.escape or "").encode()
        self._safe = len(self._delimiter.encode()) == 1 and self._delimiter not in "\0\r\n"
        # what the rows should not have is looked at, too; where blank is not all that is missing, nobody could tell
        self._safe &= not self._trailing or list(plan.nulls) in ([], [""])
        self._wanted = [
            (str(at), name)
            for at, name in enumerate(self._header)
            if plan.wanted is None or name in plan.wanted or name in self._trailing or name in dialect.unnamed
        ]

    def asked(self) -> dict[str, pa.DataType]:
        """The types that the plan asks for now."""
        return self._plan.asked()

    def parse(self, block: bytes, asked: dict[str, pa.DataType]) -> Parsed:
        """What `read` needs most time for. It changes nothing here: other blocks may be read at the same time."""
        lines = self._plain_lines(block)
        types = asked if lines is None else types_for(block, asked)
        try:
            columns = None if lines is None else self._parsed(block, types)
        except pa.ArrowInvalid as error:
            return Parsed(asked, types, lines, error=str(error))
        return Parsed(asked, types, lines, columns)

    def read(self, block: bytes, first_line: int, parsed: Parsed | None = None) -> ReadBlock | None:
        """The rows of a block that begins at a record's start, at line `first_line`; None: read it in the exact way.

        `parsed`: of this block. It counts only if the plan still asks for the same types, so that what was read before
        this block has the same effect whether it was parsed ahead or not.
        """
        if parsed is None or parsed.asked != self._plan.asked():
            parsed = self.parse(block, self._plan.asked())
        lines = parsed.lines
        if lines is None:
            return None
        columns = self._columns(block, parsed)
        if columns is None or not all(_is_blank(columns[name]) for name in self._trailing):
            return None
        if may_repeat_header(block, self._found, columns, self._named, self._plan.nulls):
            return None
        rows = len(next(iter(columns.values())))
        numbers, blank = np.arange(first_line, first_line + rows), 0
        open_end = None
        below_gaps, ends_blank = _below_empty(columns, may_be_null=bool(self._plan.nulls))
        # Arrow leaves out blank lines, and a line end within quotes ends no row
        if rows != lines:
            layout = self._layout(block)
            if layout.most_lines >= MAX_RECORD_LINES or len(layout.offsets) != rows:
                return None
            open_end = self._open_end(block, layout)
            numbers, lines, blank = first_line + layout.lines, layout.line_count, layout.blank_lines
            below_gaps = [*below_gaps, *layout.below_blanks.tolist()]
            ends_blank |= layout.ends_blank

        def raw(places: Sequence[int]) -> list[dict[str, str]]:
            return list(self._raw(block, places))

        batch = Batch(columns, pa.array(numbers, pa.int64()), raw=raw)
        return ReadBlock(batch, lines, blank, below_gaps, ends_blank, open_end)

    def line_count(self, block: bytes) -> tuple[int, Unsettled | None] | None:
        """The lines of a block that begins at a record's start; None unless it certainly ends where a record ends."""
        lines = self._plain_lines(block)
        if lines is None:
            return None
        open_end = None
        if self._quote in block:
            layout = self._layout(block)
            if layout.most_lines >= MAX_RECORD_LINES:
                return None
            open_end = self._open_end(block, layout)
        return lines, open_end

    def is_doubtful(self, open_end: Unsettled, following: bytes) -> bool:
        """Whether the exact way must look at a block and at the one that follows it."""
        return may_be_read_twice(open_end, following, len(self._header), self._delimiter, self._quoting)

    def _open_end(self, block: bytes, layout: Layout) -> Unsettled | None:
        """The last record of several lines, if what follows the block may give it a second reading.

        A quote below it, in this block, shows that it has none: that one encloses a field.
        """
        if layout.last_of_several is None:
            return None
        start, end = layout.last_of_several
        at = block.find(self._quote, end)
        if at >= 0 and block[at + 1 : at + 2] != self._quote:
            return None
        lines = list(io.StringIO(block[start:].decode("utf-8"), newline=""))
        count = block.count(b"\n", start, end) + (not block.endswith(b"\n", start, end))
        used, below = lines[:count], lines[count:]
        record = read_record(iter(used), self._delimiter, self._quoting)
        looked = Lines(below, MAX_RECORD_LINES - count)
        second_reading(record, used, looked, len(self._header), self._delimiter, self._quoting)
        return Unsettled(record, used, below) if looked.ended else None

    def _plain_lines(self, block: bytes) -> int | None:
        """The number of lines, the last one too if it has no end; None unless a line end outside quotes, counted by
        their parity, ends a record, and nothing else does."""
        if not self._safe or (self._escape and self._escape in block):
            return None
        if b"\0" in block:
            return None
        text = np.frombuffer(block, np.uint8)
        # a mark within the text stands at the start of a file that was appended, before its header
        if text.max(initial=0) >= codecs.BOM_UTF8[0] and codecs.BOM_UTF8 in block:
            return None
        returns = b"\r" in block
        if returns and not _all_before_line_ends(text == RETURN, text):
            return None
        if self._quote not in block:
            ends: int | None = int(np.count_nonzero(text == LINE_END))
        elif len(block) > MAX_RECORD_CHARACTERS:
            return None
        else:
            ends = lines_of_whole_fields(text, self._quote[0], ord(self._delimiter), returns=returns)
        return None if ends is None else ends + (not block.endswith(b"\n"))

    def _columns(self, block: bytes, parsed: Parsed) -> dict[str, pa.Array] | None:
        found, types = parsed.columns, parsed.types
        if found is None:
            if "conversion error" not in parsed.error:
                return None
            texts = self._parsed(block, {name: kind for name, kind in types.items() if kind in (TEXT, CODED)})
            return self._plan.typed_again(texts, types)
        if wrong := self._plan.settled(found, types):
            found |= self._parsed(block, {}, wrong)
        return found

    def _parsed(
        self, block: bytes, types: dict[str, pa.DataType], only: Sequence[str] | None = None
    ) -> dict[str, pa.Array]:
        wanted = [(place, name) for place, name in self._wanted if only is None or name in only]
        table = pa_csv.read_csv(
            pa.BufferReader(block),
            read_options=pa_csv.ReadOptions(
                column_names=[str(at) for at in range(len(self._header))],
                block_size=len(block) + 1,
                use_threads=False,  # whole blocks are parsed at the same time instead
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=self._delimiter,
                quote_char=self._quoting.quote,
                newlines_in_values=self._quote in block,
            ),
            convert_options=pa_csv.ConvertOptions(
                include_columns=[place for place, _ in wanted],
                column_types={place: types.get(name, TEXT) for place, name in wanted},
                strings_can_be_null=bool(self._plan.nulls),
                null_values=list(self._plan.nulls),
                true_values=TRUE_WORDS,
                false_values=FALSE_WORDS,
                check_utf8=False,
            ),
        )
        return {name: _one(table.column(place)) for place, name in wanted}

    def _layout(self, block: bytes) -> Layout:
        text = np.frombuffer(block, np.uint8)
        quotes = np.flatnonzero(text == self._quote[0])
        ends = np.flatnonzero(text == LINE_END)
        if not len(ends) or ends[-1] != len(text) - 1:
            ends = np.append(ends, len(text))
        outside = np.flatnonzero(np.searchsorted(quotes, ends) % 2 == 0)
        lines = np.concatenate(([0], outside[:-1] + 1))
        starts = np.concatenate(([0], ends[outside[:-1]] + 1))
        counts = np.diff(np.append(lines, len(ends)))
        several = np.flatnonzero(counts > 1)
        last = (int(starts[several[-1]]), int(ends[outside[several[-1]]]) + 1) if len(several) else None
        length = ends[outside] - starts
        blank = (length == 0) | ((length == 1) & (text[np.minimum(starts, len(text) - 1)] == RETURN))
        filled = np.flatnonzero(~blank)
        below = np.flatnonzero(blank[np.maximum(filled - 1, 0)] & (filled > 0))
        blanks, most_lines = int(blank.sum()), int(counts.max())
        return Layout(starts[filled], lines[filled], len(ends), blanks, most_lines, below, bool(blank[-1]), last)

    def _raw(self, block: bytes, places: Sequence[int]) -> Iterator[dict[str, str]]:
        """The fields of some rows, unchanged."""
        layout = self._layout(block)
        for place in places:
            start = int(layout.offsets[place])
            end = int(layout.offsets[place + 1]) if place + 1 < len(layout.offsets) else len(block)
            # behind the last line end of a record, blank lines may follow
            text = io.StringIO(block[start:end].decode("utf-8"), newline="")
            record = read_record(text, self._delimiter, self._quoting)
            yield dict(zip(self._header, record, strict=True))


def _below_empty(columns: Mapping[str, pa.Array], *, may_be_null: bool) -> tuple[list[int], bool]:
    """Places of the rows below one without a value in any of the columns, and whether the last row is such a one.

    `may_be_null`: a missing value is null; otherwise it is an empty text.
    """
    empty: pa.Array | None = None
    for values in columns.values():
        missing = _missing(values, may_be_null=may_be_null)
        if missing is None:
            return [], False
        empty = missing if empty is None else pc.and_(empty, missing)
    places = [] if empty is None else pc.indices_nonzero(empty).to_pylist()
    last = len(next(iter(columns.values()), ())) - 1
    return [place + 1 for place in places if place < last], last in places


def _missing(values: pa.Array, *, may_be_null: bool) -> pa.Array | None:
    """Which values are missing; None if none is."""
    if may_be_null:
        return pc.is_null(values) if values.null_count else None
    empty = pc.equal(values, "")
    return empty if pc.any(empty, min_count=0).as_py() else None


def _is_blank(values: pa.Array) -> bool:
    filled = pc.not_equal(pc.utf8_trim_whitespace(values), "")
    return not pc.any(pc.fill_null(filled, False), min_count=0).as_py()


def _all_before_line_ends(returns: np.ndarray, text: np.ndarray) -> bool:
    return not returns[-1] and bool((text[1:][returns[:-1]] == LINE_END).all())


def _one(column: pa.ChunkedArray) -> pa.Array:
    """A whole block is one chunk, unless it has no row."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
