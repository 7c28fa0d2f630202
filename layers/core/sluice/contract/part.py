"""What the sections of the contract are made of."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from sluice.contract.durations import rate_expression, seconds

MACHINE = "ml.m5.large"
"""The instance type of jobs and endpoints for which the contract does not choose another."""
MACHINE_PATTERN = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"


def _spelled(value: Any) -> Any:
    """A bare number as text, so that what is wrong with it is said in words about durations."""
    return str(value) if isinstance(value, int | float) else value


def _is_duration(text: str) -> str:
    seconds(text)
    return text


def _is_schedule(text: str) -> str:
    rate_expression(text)
    return text


Duration = Annotated[
    str, BeforeValidator(_spelled), AfterValidator(_is_duration), Field(description="30s, 10m, 1h or 7d")
]
Every = Annotated[
    str, BeforeValidator(_spelled), AfterValidator(_is_schedule), Field(description="whole minutes: 1m, 1h, 1d")
]
Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """A part of the contract: immutable, and without room for typos."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_flag_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """`min: true` would be a minimum of 1."""
        if isinstance(value, bool) and info.field_name and _is_number(cls.model_fields[info.field_name].annotation):
            raise ValueError(f"this is a number; got {str(value).lower()}")
        return value


def _is_number(annotation: Any) -> bool:
    kinds = set(get_args(annotation) or (annotation,)) - {type(None)}
    return bool(kinds) and kinds <= {int, float}
