"""`problem` and `business`: what is predicted, and what acting on it is worth."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from sluice.contract.metric_limits import METRICS
from sluice.contract.part import Part

UNTRAINABLE = ("clustering", "anomaly")
"""Types that people ask for and no training job knows: refused here rather than in the run of their first file."""


class Problem(Part):
    type: Literal["binary", "multiclass", "regression"] = Field(description="two classes, several classes, or a number")
    target: str | None = Field(None, description="the column to predict")
    positive: bool | int | str | None = Field(None, description="binary: the target's value that counts as yes")
    metric: str | None = Field(None, description="what tuning optimises; the default depends on the type")

    @field_validator("positive", mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        """Read 1.0 as 1, which files may spell so, too; pydantic would make it true."""
        if isinstance(value, float):
            if not value.is_integer():
                raise ValueError(f"{value} is not a class; write a whole number, a text, or true or false")
            return int(value)
        return value

    @field_validator("type", mode="before")
    @classmethod
    def _trainable(cls, value: Any) -> Any:
        if value in UNTRAINABLE:
            raise ValueError(f"{value} problems cannot be trained yet; supported: {', '.join(METRICS)}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _default_metric(cls, values: Any) -> Any:
        kind = values.get("type") if isinstance(values, dict) else None
        if isinstance(kind, str) and kind in METRICS and not values.get("metric"):
            values = {**values, "metric": METRICS[kind][0]}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Problem:
        if not self.target:
            raise ValueError(f"a {self.type} problem needs `target`, the column to predict")
        if self.type == "binary" and self.positive is None:
            raise ValueError("a binary problem needs `positive`, the target's value that counts as yes")
        return self


class Business(Part):
    value_per_true_positive: float = Field(
        0.0, ge=0, description="binary: above 0, the metrics profit, uplift and value_per_decision are computed"
    )
    cost_per_contact: float = Field(0.0, ge=0, description="what acting on one prediction costs, in the same money")
