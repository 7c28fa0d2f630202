"""One way to open a table, whatever its form: raw/, labels/ and batch/ all read through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sluice.contract.file import FOUND, FileLayout
from sluice.intake import json_texts
from sluice.intake.arrow_types import AS_TEXT, Plan
from sluice.intake.batches import Batches, Notes
from sluice.intake.csv_rows import read_csv
from sluice.intake.dialect import Dialect, sniff
from sluice.intake.json_rows import json_names, read_json
from sluice.intake.limits import UNLIMITED, Limits
from sluice.intake.opening import Arrival, Opened, open_arrival
from sluice.intake.parquet_rows import check_size, parquet_columns, read_parquet
from sluice.intake.sheet_tables import Table, find_table, read_table


@dataclass(frozen=True)
class Source:
    """`notes.columns` are the names in the header; of JSON they are known when the batches are used up."""

    opened: Opened
    notes: Notes
    dialect: Dialect | None = None
    limits: Limits = UNLIMITED
    table: Table | None = None

    def header(self) -> list[str]:
        """The names of the columns. JSON is read once for it: any object may bring a name of its own."""
        return json_names(self.opened.chunks, self.limits) if self.notes.is_json else self.notes.columns

    def batches(self, wanted: list[str], plan: Plan = AS_TEXT) -> Batches:
        """The rows with at least the `wanted` columns, which the header must have unless this is JSON.

        `plan`: which of them may come as more than text. Raises UnreadableFileError and FileTooLargeError.
        """
        if self.table is not None:
            return read_table(self.table, wanted, self.notes, self.limits)
        if self.opened.path is not None:
            return read_parquet(self.opened.path, wanted, self.notes, plan)
        if self.dialect is None:
            return read_json(self.opened.chunks, wanted, self.notes, self.limits, plan)
        return read_csv(self.opened.chunks, self.dialect, self.notes, self.limits, plan=plan)


def open_source(
    arrival: Arrival, scratch: Path, limits: Limits, expected: Sequence[str], layout: FileLayout = FOUND
) -> Source:
    """`expected`: column names that help to find the header of a CSV or sheet, and are its fields without one.

    `layout`: what the contract says of its files. `scratch`: a folder for Parquet that is not on the disk yet. Raises
    UnreadableFileError (FileTooLargeError too) and EmptyFileError.
    """
    opened = open_arrival(arrival, scratch, limits, layout.encoding)
    if opened.kind == "workbook" and opened.path is not None:
        table = find_table(opened.path, expected, layout, limits)
        notes = Notes("xlsx", read_as=table.told(), columns=list(table.names.values()))
        return Source(opened, notes, table=table, limits=limits)
    if opened.path is not None:
        check_size(opened.path, limits)
        return Source(opened, Notes("parquet", columns=parquet_columns(opened.path)), limits=limits)
    if how := json_texts.layout(opened.chunks):
        return Source(opened, Notes(json_texts.FORMATS[how], opened.encoding), limits=limits)
    dialect = sniff(opened.chunks, expected, limits, layout)
    told = dialect.told(opened.encoding)
    notes = Notes("csv", opened.encoding, dialect.delimiter, read_as=told, columns=dialect.header)
    return Source(opened, notes, dialect, limits)
