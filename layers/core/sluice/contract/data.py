"""`data`: the columns of a file, and when it is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sluice.contract.file import FileLayout
from sluice.contract.part import Part, Share
from sluice.contract.reading import Format
from sluice.model.values import category_text, read_by

MAX_COLUMN_NAME = 128
COLUMN_PATTERN = rf"^[^\x00-\x1f]{{1,{MAX_COLUMN_NAME}}}$"


class Column(Format):
    type: Literal["integer", "number", "category", "text", "boolean", "timestamp"] = Field(
        description="rows whose value is not of this type are quarantined"
    )
    nullable: bool = Field(True, description="false: a row without a value is quarantined")
    min: float | None = Field(None, description="integer and number: rows below are quarantined")
    max: float | None = Field(None, description="integer and number: rows above are quarantined")
    values: list[str] | None = Field(None, description="category and text: the allowed values; others are quarantined")
    description: str = Field("", description="for people")

    @field_validator("values", mode="before")
    @classmethod
    def _are_texts(cls, values: Any) -> Any:
        # a category is known by its text: 1 in YAML is the category "1" of a file
        if isinstance(values, list) and None in values:
            raise ValueError("YAML reads null and ~ as nothing; write 'null' or '~' in quotes if files have that word")
        if isinstance(values, list) and all(isinstance(value, int | float | str) for value in values):
            return [value if isinstance(value, str) else category_text(value) for value in values]
        return values

    @model_validator(mode="after")
    def _fits_type(self) -> Column:
        if self.values is not None and self.type not in ("category", "text"):
            raise ValueError(f"`values` is for category columns, not for {self.type}")
        if (self.min is not None or self.max is not None) and self.type not in ("integer", "number"):
            raise ValueError(f"`min` and `max` are for integer and number columns, not for {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min` {self.min} is greater than `max` {self.max}")
        known = read_by(self.type)
        for name in Format.model_fields:
            if getattr(self, name) is not None and name not in known:
                raise ValueError(f"`{name}` has no meaning for a column of type {self.type}; it has {', '.join(known)}")
        return self

    @property
    def known(self) -> frozenset[str] | None:
        """The allowed values as typed ones are written; None: any."""
        if self.values is None:
            return None
        return frozenset(self.values if self.type == "text" else map(category_text, self.values))


class Expectations(Part):
    min_rows: int = Field(1, ge=1, description="a file with fewer accepted rows is refused as a whole")
    max_invalid_rows: Share = Field(0.05, description="above this share of bad rows the file is refused as a whole")
    max_nulls: Share = Field(
        1.0, description="above this share of missing values in a column the file is refused as a whole"
    )
    max_lost_rows: Share = Field(
        0.05,
        description="a run stops above this share of accepted rows without a label or removed as equal, or of "
        "values that a changed contract cannot read; rows replaced by key do not count",
    )


class Split(Part):
    test: float = Field(0.2, gt=0, lt=0.9, description="share that evaluation and gates see")
    validation: float = Field(0.2, gt=0, lt=0.9, description="share that tuning compares candidates on")
    by: Literal["random", "time"] = Field(
        "random",
        description="time: the newest rows are the test rows; random: by a hash of the key, or of the row as it was "
        "accepted, so that a row keeps its part for life and equal rows share one (not stratified; the shares are then "
        "approximate)",
    )
    group: list[str] = Field(
        default_factory=list,
        description="random: all rows with the same values of these columns are in one part, as those of one customer",
    )

    @model_validator(mode="after")
    def _leaves_train(self) -> Split:
        if self.test + self.validation >= 0.95:
            raise ValueError("test and validation together leave less than 5 % of the rows for training")
        if self.group and self.by == "time":
            raise ValueError("`group` is for `by: random`: the rows of a group have several times")
        return self


class Data(Part):
    key: list[str] = Field(default_factory=list, description="columns that identify a row")
    time: str | None = Field(None, description="the column that orders rows in time")
    columns: dict[Annotated[str, Field(pattern=COLUMN_PATTERN)], Column] = Field(
        min_length=1, description="every column that a file must have; others are ignored"
    )
    format: Format = Field(Format(), description="how text is written, unless a column says otherwise")
    file: FileLayout = Field(FileLayout(), description="how files are laid out, where that is not to be found in them")
    duplicates: Literal["keep", "remove"] = Field(
        "keep", description="what happens to equal rows if there is no `key`; equal rows may come from different people"
    )
    expectations: Expectations = Field(Expectations(), description="when a file as a whole is refused")
    split: Split = Field(Split(), description="train, validation and test rows")
