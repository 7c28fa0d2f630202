"""One way to open a table, whatever its form: raw/, labels/ and batch/ all read through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sluice.intake.batches import Batches, Notes
from sluice.intake.csv_rows import Dialect, Restart, read_csv, sniff
from sluice.intake.json_rows import json_names, looks_like_json, read_json_lines
from sluice.intake.limits import Limits
from sluice.intake.opening import Opened, open_arrival
from sluice.intake.parquet_rows import check_size, parquet_columns, read_parquet

Judged = TypeVar("Judged")


@dataclass(frozen=True)
class Source:
    """`notes.columns` are the names in the header; of JSON lines they are known when the batches are used up."""

    opened: Opened
    notes: Notes
    dialect: Dialect | None = None

    def header(self) -> list[str]:
        """The names of the columns. JSON lines are read once for it: any line may bring a name of its own."""
        return json_names(self.opened.path) if self.notes.format == "jsonl" else self.notes.columns

    def batches(self, wanted: list[str], *, exact: bool) -> Batches:
        """The rows with at least the `wanted` columns, which the header must have unless these are JSON lines.

        Raises UnreadableFileError, and `Restart` when what was read so far is void and `exact` is needed.
        """
        if self.notes.format == "parquet":
            return read_parquet(self.opened.path, wanted)
        if self.dialect is None:
            return read_json_lines(self.opened.path, wanted, self.notes)
        return read_csv(self.opened.path, self.dialect, self.notes, exact=exact)


def open_source(opened: Opened, expected: Sequence[str]) -> Source:
    """`expected`: column names that help to find the delimiter of a CSV. Raises EmptyFileError, UnreadableFileError."""
    if opened.kind == "parquet":
        return Source(opened, Notes("parquet", columns=parquet_columns(opened.path)))
    if looks_like_json(opened.path):
        return Source(opened, Notes("jsonl", opened.encoding))
    dialect = sniff(opened.path, expected)
    return Source(opened, Notes("csv", opened.encoding, dialect.delimiter, columns=dialect.header), dialect)


def read_judged(path: Path, scratch: Path, limits: Limits, read: Callable[[Opened, bool], Judged]) -> Judged:
    """Return what `read` makes of the file at `path`; its second argument asks for the exact way of reading.

    `scratch` is a folder for unpacked files. Raises UnreadableFileError (FileTooLargeError too) and EmptyFileError.
    """
    opened = open_arrival(path, scratch, limits)
    if opened.kind == "parquet":
        check_size(opened.path, limits)
    try:
        return read(opened, False)
    except Restart:
        return read(opened, True)
