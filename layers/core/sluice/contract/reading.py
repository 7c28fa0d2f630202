"""How the text of a column is written: the reading formats of a contract."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sluice.model.values import category_text, date_pattern_violation


class Format(BaseModel):
    """How text is written. Numbers and times in JSON and Parquet are what they are, whatever stands here."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    missing: list[str] | None = Field(
        None, description="texts that mean no value, such as NA, ? or -; empty and blank cells always do"
    )
    decimal: Literal[".", ","] | None = Field(None, description="integer and number: decimal point or comma; default .")
    thousands: Literal[".", ",", " ", "'", "’", "_", ""] | None = Field(
        None, description="integer and number: thousands separator; default none"
    )
    percent: bool | None = Field(None, description="number: every text ends in %, and 12 % is 0.12")
    currency: list[str] | None = Field(
        None, description="integer and number: currency signs before or after, such as € or EUR"
    )
    dates: list[str] | None = Field(
        None, description="timestamp: strptime patterns such as %d.%m.%Y, tried in order; default ISO 8601"
    )

    @field_validator("missing", "currency", "dates", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        # YAML reads -999 as a number, and one text is as good as a list of one
        several = value if isinstance(value, list) else [] if value is None else [value]
        if value is None or not all(isinstance(one, int | float | str) for one in several):
            return value
        return [one if isinstance(one, str) else category_text(one) for one in several]

    @field_validator("dates")
    @classmethod
    def _are_dates(cls, patterns: list[str] | None) -> list[str] | None:
        for pattern in patterns or ():
            if limit := date_pattern_violation(pattern):
                raise ValueError(limit)
        return patterns

    @field_validator("currency")
    @classmethod
    def _are_signs(cls, signs: list[str] | None) -> list[str] | None:
        for sign in signs or ():
            if not sign.strip() or any(c in "0123456789+-.,%" for c in sign):
                raise ValueError(f"{sign!r} is not a currency sign; write one like € or EUR")
        return signs

    @model_validator(mode="after")
    def _unambiguous(self) -> Self:
        if self.thousands and self.thousands == (self.decimal or "."):
            raise ValueError(
                f"`thousands` and `decimal` are both {self.thousands!r}; "
                'write both, as in `decimal: ","` and `thousands: "."`'
            )
        return self
