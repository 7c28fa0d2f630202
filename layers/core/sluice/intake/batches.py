"""What the readers of all formats hand on: rows as text, column by column, with their place in the source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from sluice.intake.tables import TableWatch

ROWS_PER_BATCH = 50_000


@dataclass(frozen=True)
class Broken:
    """A row that cannot even be laid under the header. `column`: the one whose cell no value can be made of, if any."""

    row: int
    rule: str
    message: str
    values: Any
    column: str | None = None


@dataclass(frozen=True)
class Batch:
    """`columns`: source column → text (null = missing); `rows`: source line (CSV, JSON lines) or row number, from 1.

    A column may also have the contract's type already, where the rules would read the same (sluice.intake.arrow_types);
    then `raw` gives the texts of rows, unchanged.

    `native`: source column → the cells that were typed, not text, at their source, as a mask, or whether the whole
    column was. Reading formats (decimal comma, dates, …) do not apply to them.
    """

    columns: dict[str, pa.Array]
    rows: pa.Array
    broken: Sequence[Broken] = ()
    native: Mapping[str, pa.Array | bool] = field(default_factory=dict)
    raw: Callable[[Sequence[int]], list[dict[str, Any]]] | None = None

    def texts(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """The rows at these places unchanged: source column → text."""
        if self.raw is not None:
            return self.raw(places)
        taken = {name: values.take(pa.array(places, pa.int64())).to_pylist() for name, values in self.columns.items()}
        return [{name: values[i] for name, values in taken.items()} for i in range(len(places))]


@dataclass
class Notes:
    """What a reader noticed on the way; complete when its batches are used up."""

    format: str
    encoding: str | None = None
    delimiter: str | None = None
    blank_lines: int = 0
    repeated_headers: int = 0
    """Rows that were the header again, cell by cell, and were left out."""
    empty_rows: int = 0
    """Accepted rows without a value in any column of the contract."""
    read_as: str | None = None
    """The dialect of a CSV file, or what was read of a workbook, in words."""
    key_columns: list[str] = field(default_factory=list)
    """Columns that were read from the folders of the file's key."""
    key_columns_ignored: list[str] = field(default_factory=list)
    """Names in those folders that are not columns of the contract."""
    hidden_rows: int = 0
    """Hidden rows of a sheet, which are read too."""
    unnamed_columns: Counter[str] = field(default_factory=Counter)
    """Columns of a sheet or CSV file without a name → their cells with a value, which are left out."""
    nan: Counter[str] = field(default_factory=Counter)
    """Column → cells that hold NaN at their source, and so are missing."""
    rounded: Counter[str] = field(default_factory=Counter)
    """Column → numbers with more digits than a double keeps."""
    shortened: Counter[str] = field(default_factory=Counter)
    """Column of the key → texts such as 1.23457E+11, as a spreadsheet shows a long number and saves it."""
    cut_times: Counter[str] = field(default_factory=Counter)
    """Column → times with a part of a microsecond, which is cut off."""
    like_missing: Counter[str] = field(default_factory=Counter)
    """Target → labels such as `none` and `NA`, which are values of it since nothing in the contract says otherwise."""
    with_offset: Counter[str] = field(default_factory=Counter)
    without_offset: Counter[str] = field(default_factory=Counter)
    """Column → times that were text with an offset, and those without, which are UTC."""
    spellings: dict[str, dict[str, str]] = field(default_factory=dict)
    """Column of booleans → "true" and "false" → how the file writes it first."""
    columns: list[str] = field(default_factory=list)
    tables: TableWatch | None = None
    """What a CSV reader saw of a second table."""

    @property
    def is_json(self) -> bool:
        """Whether each row names its own columns."""
        return self.format in ("json", "jsonl")

    @property
    def has_names(self) -> bool:
        """Whether the columns certainly have names: a first line of CSV may be a row."""
        return self.format in ("json", "jsonl", "parquet")

    def no_row(self) -> str:
        """What to say about a file whose batches had no row."""
        read_as = f" (read as: {self.read_as})" if self.read_as else ""
        has = "no object" if self.is_json else "columns but no row" if self.has_names else "a header but no data row"
        return f"the file has {has}{read_as}"

    def of_profile(self) -> dict[str, Any]:
        """For the dataset's profile: how the file was read, and how it writes booleans."""
        return {name: value for name in ("read_as", "spellings") if (value := getattr(self, name))}

    def told(self) -> dict[str, Any]:
        """For a record: how the file was read, and what was left out or changed; nothing of what did not occur."""
        told: dict[str, Any] = {"read_as": self.read_as, "delimiter": self.delimiter}
        told |= {"blank_lines": self.blank_lines, "repeated_headers": self.repeated_headers}
        told |= {"empty_rows": self.empty_rows}
        told |= {"hidden_rows": self.hidden_rows, "unnamed_columns": dict(self.unnamed_columns)}
        told |= {"nan": dict(self.nan), "rounded": dict(self.rounded), "cut_times": dict(self.cut_times)}
        told |= {"shortened": dict(self.shortened), "like_missing": dict(self.like_missing)}
        # where no time has an offset, or all have one, they are alike
        told |= {"without_offset": {name: n for name, n in self.without_offset.items() if name in self.with_offset}}
        told |= {"key_columns": self.key_columns, "key_columns_ignored": self.key_columns_ignored}
        return {name: value for name, value in told.items() if value}


Batches = Generator[Batch, None, None]


class Number(str):
    """The text of a number that came as one, in JSON."""

    __slots__ = ()


def text_batch(
    names: Sequence[str], values: Sequence[Sequence[str | None]], rows: list[int], broken: list[Broken]
) -> Batch:
    """A batch from row-wise text."""
    columns = list(zip(*values, strict=True)) if values else [()] * len(names)
    arrays = {name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)}
    native: dict[str, pa.Array | bool] = {
        name: pa.array([type(cell) is Number for cell in column], pa.bool_())
        for name, column in zip(names, columns, strict=True)
        if Number in set(map(type, column))
    }
    return Batch(arrays, pa.array(rows, pa.int64()), tuple(broken), native)
