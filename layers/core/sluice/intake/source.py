"""One way to open a table, whatever its form: raw/, labels/ and batch/ all read through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sluice.contract.file import FOUND, FileLayout
from sluice.errors import FileTooLargeError, HeaderMismatchError, UnreadableFileError
from sluice.intake import json_rows, json_texts, parquet_rows
from sluice.intake.arrow_types import AS_TEXT, Plan
from sluice.intake.batches import Batches, Notes
from sluice.intake.blocks import BLOCK, Opener
from sluice.intake.csv_rows import csv_boundaries, read_csv
from sluice.intake.dialect import Dialect, sniff
from sluice.intake.json_rows import json_boundaries, json_names, read_json, rows_within
from sluice.intake.limits import UNLIMITED, Limits
from sluice.intake.line_ends import restored, with_line_feeds
from sluice.intake.opening import Arrival, Opened, open_arrival
from sluice.intake.parquet_rows import check_size, parquet_boundaries, parquet_columns, read_parquet
from sluice.intake.parts import Part, parts_of
from sluice.intake.sheet_tables import Table, find_table, read_table


@dataclass(frozen=True)
class Source:
    """`notes.columns` are the names in the header; of JSON they are known when the batches are used up."""

    opened: Opened
    notes: Notes
    dialect: Dialect | None = None
    limits: Limits = UNLIMITED
    table: Table | None = None
    part: Part | None = None
    """What of the file `opened` has; all of it without one."""
    flatten: bool = False
    ends_with_returns: bool = False
    """The dialect is that of the text with line feeds in place of its carriage returns."""

    def header(self) -> list[str]:
        """The names of the columns. JSON is read once for it: any object may bring a name of its own."""
        return json_names(self.opened.chunks, self.limits, self.flatten) if self.notes.is_json else self.notes.columns

    def without_plain_values(self) -> dict[str, str]:
        """The columns that cannot be read, and why: lists, objects, types without plain values. JSON is read for it."""
        if self.notes.is_json:
            return json_rows.without_plain_values(self.opened.chunks, self.limits, self.flatten)
        if self.opened.path is None or self.table is not None:
            return {}
        return parquet_rows.without_plain_values(self.opened.path, self.flatten)

    @contextmanager
    def place_named(self) -> Iterator[None]:
        """A HeaderMismatchError says where the columns may be instead: on another sheet, or within an object."""
        try:
            yield
        except HeaderMismatchError as error:
            where = ""
            if self.table is not None and self.table.others:
                where = (
                    f". They were looked for on {self.table.told()}. Put the sheet with the table first, or name it "
                    "in data.file.sheet"
                )
            elif self.notes.is_json:
                where = rows_within(self.opened.chunks)
            raise HeaderMismatchError(f"{error}{where}") from None

    def batches(self, wanted: list[str], plan: Plan = AS_TEXT) -> Batches:
        """The rows with at least the `wanted` columns, which the header must have unless this is JSON.

        `plan`: which of them may come as more than text. Raises UnreadableFileError and FileTooLargeError.
        """
        if self.table is not None:
            return read_table(self.table, wanted, self.notes, self.limits, plan.figures)
        if self.opened.path is not None:
            return read_parquet(self.opened.path, wanted, self.notes, plan, self.part, self.flatten)
        before = self.part.before if self.part else None
        if self.dialect is None:
            return read_json(
                self.opened.chunks, wanted, self.notes, self.limits, plan, before=before, flatten=self.flatten
            )
        batches = read_csv(self.opened.chunks, self.dialect, self.notes, self.limits, plan=plan, before=before or 0)
        return restored(batches) if self.ends_with_returns else batches

    def parts(self, size: int) -> Iterator[Part]:
        """Parts of about `size` bytes that are read alone as they are read in the whole; reads all of a text for it.

        Raises UnreadableFileError and FileTooLargeError, the latter also for JSON without one object on each line.
        """
        text, most = self.opened.chunks, min(size, BLOCK)
        if self.table is not None:
            raise FileTooLargeError(
                "a workbook is read by one function, and this one is too large. Save it as CSV (UTF-8)"
            )
        if self.opened.path is not None:
            boundaries = parquet_boundaries(self.opened.path)
        elif self.dialect is not None:
            boundaries = csv_boundaries(text, self.dialect, self.limits, most)
        elif self.notes.format == json_texts.FORMATS["lines"]:
            boundaries = json_boundaries(text, self.limits, most)
        else:
            raise FileTooLargeError(
                "a JSON file of this size can be read only if it has one object on each line, since it is read in "
                "parts that begin and end at a line's end. Write it as JSON lines"
            )
        return parts_of(boundaries, size)

    def only(self, part: Part, text: Opener) -> Source:
        """The rows of one part. `text`: that part alone; of Parquet it is not read."""
        dialect = self.dialect
        if dialect is not None and part.start:
            dialect = replace(dialect, header_lines=0, above=())
        text = with_line_feeds(text) if self.ends_with_returns else text
        opened = self.opened if self.opened.path is not None else replace(self.opened, chunks=text)
        return replace(self, opened=opened, dialect=dialect, part=part)


def open_source(
    arrival: Arrival, scratch: Path, limits: Limits, expected: Sequence[str], layout: FileLayout = FOUND
) -> Source:
    """`expected`: column names that help to find the header of a CSV or sheet, and are its fields without one.

    `layout`: what the contract says about files. `scratch`: a folder for Parquet that is not on the disk yet. Raises
    UnreadableFileError (FileTooLargeError too) and EmptyFileError.
    """
    opened = open_arrival(arrival, scratch, limits, layout.encoding)
    if opened.kind == "workbook" and isinstance(opened.path, Path):
        table = find_table(opened.path, expected, layout, limits)
        notes = Notes("xlsx", read_as=table.told(), columns=list(table.names.values()))
        return Source(opened, notes, table=table, limits=limits)
    if opened.path is not None:
        check_size(opened.path, limits)
        columns = parquet_columns(opened.path, layout.flatten)
        return Source(opened, Notes("parquet", columns=columns), limits=limits, flatten=layout.flatten)
    if how := json_texts.layout(opened.chunks):
        notes = Notes(json_texts.FORMATS[how], opened.encoding)
        return Source(opened, notes, limits=limits, flatten=layout.flatten)
    if json_texts.is_lists(opened.chunks):
        raise UnreadableFileError(
            "the rows are JSON lists; one object with the names of its values is expected for each row"
        )
    if with_returns := layout.line_end is not None:
        opened = replace(opened, chunks=with_line_feeds(opened.chunks))
    dialect = sniff(opened.chunks, expected, limits, layout)
    told = dialect.told(opened.encoding) + ", records end with a carriage return" * with_returns
    notes = Notes("csv", opened.encoding, dialect.delimiter, read_as=told, columns=dialect.header)
    return Source(opened, notes, dialect, limits, ends_with_returns=with_returns)
