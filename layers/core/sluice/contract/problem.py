"""`problem` and `business`: what is predicted, and what acting on it is worth."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sluice.contract.metric_limits import METRICS
from sluice.contract.part import Part
from sluice.contract.unlabelled import UNLABELLED, default_metric


class Problem(Part):
    type: Literal["binary", "multiclass", "regression", "clustering", "anomaly"] = Field(
        description="two classes, several classes, a number; or, without labels to learn from, segments or rare rows"
    )
    target: str | None = Field(
        None, description="the column to predict; anomaly: a column of labels, used for evaluation alone"
    )
    positive: bool | int | str | None = Field(
        None, description="binary, and anomaly with a target: the target's value that counts as yes"
    )
    clusters: Annotated[int, Field(ge=2, le=50)] | Literal["auto"] | None = Field(
        None, description="clustering: how many segments; auto, the default: 2 to 10, the stable ones farthest apart"
    )
    contamination: Annotated[float, Field(gt=0, le=0.5)] | Literal["auto"] | None = Field(
        None, description="anomaly: share of the rows to flag; auto, the default: what lies far out"
    )
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

    @model_validator(mode="before")
    @classmethod
    def _default_metric(cls, values: Any) -> Any:
        kind = values.get("type") if isinstance(values, dict) else None
        if not isinstance(kind, str) or kind not in METRICS:
            return values
        if not values.get("metric"):
            metric = default_metric(values) if kind in UNLABELLED else METRICS[kind][0]
            values = {**values, "metric": metric}
        own = {"clustering": "clusters", "anomaly": "contamination"}.get(kind)
        return {own: "auto", **values} if own else values

    @model_validator(mode="after")
    def _consistent(self) -> Problem:
        for name, kind in (("clusters", "clustering"), ("contamination", "anomaly")):
            if getattr(self, name) is not None and self.type != kind:
                raise ValueError(f"`{name}` is for {kind} problems; this one is {self.type}")
        if self.type in UNLABELLED:
            return self._without_labels()
        if not self.target:
            raise ValueError(f"a {self.type} problem needs `target`, the column to predict")
        if self.type == "binary" and self.positive is None:
            raise ValueError("a binary problem needs `positive`, the target's value that counts as yes")
        return self

    def _without_labels(self) -> Problem:
        if self.type == "clustering" and self.target:
            raise ValueError("a clustering problem has no target: segments are found, not predicted. Leave it out")
        if self.target and self.positive is None:
            raise ValueError("an anomaly problem with a target needs `positive`, the target's value of an anomaly")
        if self.positive is not None and not self.target:
            raise ValueError("`positive` is a value of the target, and there is none: name it, or leave both out")
        return self

    @property
    def learned_target(self) -> str | None:
        """The column whose value every row to learn from must have; None where labels are not learned from."""
        return None if self.type in UNLABELLED else self.target


class Business(Part):
    value_per_true_positive: float = Field(
        0.0, ge=0, description="binary: above 0, the metrics profit, uplift and value_per_decision are computed"
    )
    cost_per_contact: float = Field(0.0, ge=0, description="what acting on one prediction costs, in the same money")
