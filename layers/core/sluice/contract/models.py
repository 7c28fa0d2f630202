"""What a project.yaml may say. Unknown keys are errors; every default is right for most.

The sections are in modules of their own; the rules about several of them are here and in sluice.contract.consistency.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pydantic import Field, model_validator

from sluice.contract.data import COLUMN_PATTERN, Column, Data
from sluice.contract.features import Features
from sluice.contract.hints import nearest
from sluice.contract.metric_limits import LOWER_IS_BETTER
from sluice.contract.monitoring import Alerts, Monitor, Retrain
from sluice.contract.part import Part
from sluice.contract.problem import Business, Problem
from sluice.contract.release import Bandit, Release
from sluice.contract.training import Gate, Training
from sluice.contract.unlabelled import default_families
from sluice.model.values import Reading, category_text, truth

__all__ = ["COLUMN_PATTERN", "PROJECT_PATTERN", "Bandit", "Column", "Contract", "Gate", "Release"]

PROJECT_PATTERN = r"^[a-z](?:-?[a-z0-9]){1,31}$"


class Contract(Part):
    """A whole project.yaml."""

    project: str = Field(pattern=PROJECT_PATTERN, description="its name, the folder's name in S3 as well")
    description: str = Field("", description="for people")
    problem: Problem = Field(description="what is predicted")
    business: Business = Field(Business(), description="value and cost of acting on predictions")
    data: Data = Field(description="columns and format of a data file")
    features: Features = Field(Features(), description="how columns become numbers")
    training: Training = Field(Training(), description="which models are tried")
    gates: list[Gate] = Field(default_factory=list, description="all must pass; each has exactly one rule")
    release: Release = Field(Release(), description="how a model is released")
    monitor: Monitor = Field(Monitor(), description="how the serving model is watched")
    retrain: Retrain = Field(Retrain(), description="what an alarm may start")
    alerts: Alerts = Field(Alerts(), description="who is notified")

    @model_validator(mode="before")
    @classmethod
    def _positive_as_its_column(cls, values: Any) -> Any:
        """Read `positive: yes` of a boolean target as true, as its files say it."""
        try:
            problem = values["problem"]
            kind = values["data"]["columns"][problem["target"]]["type"]
            read = truth(problem["positive"]) if isinstance(problem["positive"], str) else None
        except (KeyError, TypeError):
            return values
        if kind != "boolean" or read is None:
            return values
        return {**values, "problem": {**problem, "positive": read}}

    @model_validator(mode="before")
    @classmethod
    def _families_of_its_type(cls, values: Any) -> Any:
        """Without `training.candidates`, families that learn without labels are tried where none is learned from."""
        try:
            families = default_families(values["problem"])
            training = values.get("training") or {}
            if training.get("candidates") is not None:
                return values
        except (KeyError, TypeError, AttributeError):
            return values
        return {**values, "training": {**training, "candidates": families}}

    @model_validator(mode="after")
    def _columns_exist(self) -> Contract:
        known = self.data.columns
        named: list[tuple[str, str]] = [("data.key", name) for name in self.data.key]
        if self.problem.target:
            named.append(("problem.target", self.problem.target))
        if self.data.time:
            named.append(("data.time", self.data.time))
        named += [("data.split.group", name) for name in self.data.split.group]
        named += [("features.drop", name) for name in self.features.drop]
        named += [("features.known_before", name) for name in self.features.known_before]
        named += [("features.bins", name) for name in self.features.bins]
        named += [("features.log", name) for name in self.features.log]
        named += [("features.columns", name) for name in self.features.columns]
        named += [("gates.slice", gate.slice) for gate in self.gates if gate.slice]
        for where, name in named:
            if name not in known:
                raise ValueError(
                    f"{where} names the column {name!r}, which data.columns does not have{nearest(name, known)}"
                )
        if self.problem.type in ("binary", "anomaly") and self.problem.target:
            self._has_positive(known[self.problem.target])
        if self.data.split.by == "time" and not self.data.time:
            raise ValueError("data.split.by is `time`, so data.time must name the column that orders the rows")
        if self.release.max_disagreement is not None and self.problem.type == "regression":
            raise ValueError(
                "release.max_disagreement is for classes only: two regression models never give the same numbers"
            )
        bandit = self.release.bandit
        if bandit and self.problem.type not in ("binary", "multiclass"):
            raise ValueError(f"release.strategy bandit needs labels that are classes, not {self.problem.type}")
        if bandit and bandit.reward == "positive" and self.problem.type != "binary":
            raise ValueError("release.bandit.reward `positive` is for binary problems; use `correct`")
        if not self.feature_columns:
            raise ValueError(
                "no column is left to learn from: all are key, time, target or dropped. Name another column in "
                "data.columns, or make the time a feature with `data.time: null`"
            )
        return self

    def _has_positive(self, target: Column) -> None:
        name, positive = self.problem.target, self.problem.positive
        # 1 equals true to Python, but not to a later reader of the label "true"
        if target.type == "boolean" and not isinstance(positive, bool):
            raise ValueError(f"problem.positive is {positive!r}, but {name!r} is boolean: write true or false")
        # a bare `yes` is true to YAML, which may not be what was meant
        written = str(positive) if isinstance(positive, bool) else category_text(positive)
        if target.values and target.known and written not in target.known:
            hint = nearest(str(positive), target.values)
            raise ValueError(f"problem.positive is {positive!r}, which {name!r} does not have among its values{hint}")

    @property
    def seasonal_column(self) -> str | None:
        """The time column, if its seasons are features."""
        return self.data.time if self.features.time == "seasonal" else None

    @property
    def feature_columns(self) -> list[str]:
        """Columns that the model sees, in the contract's order."""
        apart = {*self.data.key, self.problem.target, self.data.time, *self.features.drop}
        return [name for name in self.data.columns if name not in apart or name == self.seasonal_column]

    @cached_property
    def readings(self) -> dict[str, Reading]:
        """How the text of each column is written."""
        defaults = self.data.format.model_dump()
        return {name: Reading.of(column.model_dump(), defaults) for name, column in self.data.columns.items()}

    def reading(self, name: str) -> Reading:
        return self.readings[name]

    @property
    def label_column(self) -> tuple[str, Column] | None:
        """Name and column of the delayed labels; None where nothing could be compared with a label."""
        if self.problem.target is not None:
            return self.problem.target, self.data.columns[self.problem.target]
        quality = self.monitor.quality
        if self.problem.type != "clustering" or quality is None or quality.label is None:
            return None
        return quality.label, self.data.columns.get(quality.label, Column(type="category"))

    @property
    def prediction_type(self) -> str:
        """Column type of what a model of this contract predicts."""
        without_target = {"regression": "number", "clustering": "category", "anomaly": "boolean"}
        if self.problem.type in without_target:
            return without_target[self.problem.type]
        return self.data.columns[str(self.problem.target)].type

    @property
    def score_member(self) -> str:
        """What the number beside a prediction is called in answers; regression has none."""
        return "score" if self.problem.type == "anomaly" else "probability"

    @property
    def lower_is_better(self) -> bool:
        return self.problem.metric in LOWER_IS_BETTER
