"""`training` and `gates`: which models are tried, and what a candidate must reach."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sluice.contract.part import MACHINE, MACHINE_PATTERN, Part
from sluice.contract.unlabelled import UnlabelledFamily

Candidate = Literal["logistic_regression", "random_forest", "extra_trees", "gradient_boosting", "lightgbm", "xgboost"]


class Tuning(Part):
    strategy: Literal["bayesian", "random", "grid"] = Field("bayesian", description="SageMaker's tuning strategy")
    max_jobs: int = Field(12, ge=1, le=500, description="training jobs in all; each candidate gets at least one")
    parallel_jobs: int = Field(2, ge=1, le=100, description="training jobs at a time")
    max_minutes: int = Field(
        30, ge=1, le=2_880, description="time limit of the tuning, and of each of its training jobs"
    )


class Training(Part):
    candidates: list[Candidate | UnlabelledFamily] = Field(
        ["logistic_regression", "random_forest", "gradient_boosting"],
        min_length=1,
        max_length=10,
        description="model families to tune; the baseline is always trained. The default of clustering and anomaly is "
        "every family of that type",
    )
    tuning: Tuning = Field(Tuning(), description="how long and how widely to search")
    instance: str = Field(MACHINE, pattern=MACHINE_PATTERN, description="machine of training and evaluation jobs")
    spot: bool = Field(False, description="spot machines, much cheaper: an interrupted training job starts again")
    learning_curve: bool = Field(
        True, description="fits on 10, 25 and 50 % of the rows as well, if that is quick, for a verdict in words"
    )
    seed: int = Field(0, ge=0, description="of tuning and of every fit")
    refit: bool = Field(
        True,
        description="the model is fitted again on train and validation rows, with the rounds that validation settled; "
        "false: the model that was measured on the validation rows",
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none",
        description="classes. balanced: every class weighs the same in sum, for a rare class; probabilities are then "
        "no longer shares of rows",
    )


class Gate(Part):
    metric: str = Field(description="one of the problem type's metrics, on the test rows")
    min: float | None = Field(None, description="rule: at least this")
    max: float | None = Field(None, description="rule: at most this")
    above_baseline_by: float | None = Field(None, description="rule: better than the baseline by this")
    not_worse_than_champion_by: float | None = Field(
        None, ge=0, description="rule: paired with the serving model on the same rows, worse by less than this"
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="confidence of the paired interval")
    slice: str | None = Field(None, description="the column whose values `max_gap` compares")
    max_gap: float | None = Field(None, ge=0, description="rule: greatest difference between these values")

    @model_validator(mode="after")
    def _one_rule(self) -> Gate:
        rules = ("min", "max", "above_baseline_by", "not_worse_than_champion_by", "max_gap")
        given = [name for name in rules if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a gate has exactly one of {', '.join(rules)}; this one has {given or 'none'}")
        if (self.slice is None) != (self.max_gap is None):
            raise ValueError("`slice` and `max_gap` belong together")
        return self
