"""`training` and `gates`: which models are tried, and what a candidate must reach."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sluice.contract.part import MACHINE, MACHINE_PATTERN, Part
from sluice.contract.unlabelled import UnlabelledFamily

Candidate = Literal[
    "auto",
    "logistic_regression",
    "ridge",
    "lasso",
    "elastic_net",
    "spline_linear",
    "random_forest",
    "extra_trees",
    "gradient_boosting",
    "lightgbm",
    "xgboost",
    "catboost",
    "svm",
    "mlp",
    "torch_mlp",
    "keras_mlp",
]


class Tuning(Part):
    strategy: Literal["bayesian", "random", "grid", "hyperband"] = Field(
        "bayesian",
        description="SageMaker's tuning strategy. bayesian: learns from the jobs before; random: draws; grid: every "
        "combination; hyperband: draws, and ends the jobs that fall behind, for families that report as they go on",
    )
    max_jobs: int = Field(12, ge=1, le=500, description="training jobs in all; each candidate gets at least one")
    parallel_jobs: int = Field(2, ge=1, le=100, description="training jobs at a time")
    max_minutes: int = Field(
        30, ge=1, le=2_880, description="time limit of the tuning, and of each of its training jobs"
    )
    early_stopping: bool = Field(
        False,
        description="SageMaker ends a training job whose metric is worse than the median of the jobs before it; for "
        "one candidate",
    )
    warm_start: bool = Field(
        False,
        description="bayesian, one candidate: the search starts from what the project's last completed run found, if "
        "that tuned the same hyperparameters for the same metric",
    )
    target: float | None = Field(
        None, description="the tuning ends as soon as a training job reaches this value of problem.metric"
    )
    patience: int | None = Field(
        None,
        ge=3,
        le=500,
        description="the tuning ends when this many training jobs in a row are not better by 1 %",
    )
    ranges: dict[str, dict[str, list[bool | int | float | str]]] = Field(
        {},
        description="family → hyperparameter → [least, greatest], or texts to choose from; for a grid, the values to "
        "try. Others keep the family's own range",
    )


class Training(Part):
    candidates: list[Candidate | UnlabelledFamily] = Field(
        ["logistic_regression", "random_forest", "gradient_boosting"],
        min_length=1,
        max_length=10,
        description="model families to tune, or `auto` alone: one job that tries the families and hyperparameters "
        "itself for `tuning.max_minutes` and may weigh several models. The baseline is always trained. `torch_mlp`, "
        "`keras_mlp` and `autoencoder` are trained in the containers of PyTorch and TensorFlow. Clustering, and "
        "anomaly with a target, try every other family of their type; anomaly without one `isolation_forest`",
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
    above_baseline_by: float | None = Field(
        None, description="rule: paired with the baseline on the same rows, better by at least this; 0: better at all"
    )
    not_worse_than_champion_by: float | None = Field(
        None,
        ge=0,
        description="rule: paired with the serving model on the same rows, worse by less than this; "
        "the same beside the best champion so far, so that small losses do not add up",
    )
    confidence: float = Field(
        0.95,
        gt=0.5,
        lt=1,
        description="of the interval that decides: the gate passes if all of it keeps the limit, fails if the test "
        "rows speak against it, and is inconclusive if they are too few",
    )
    decided_by: Literal["estimate", "interval"] | None = Field(
        None,
        description="whether the value on the test rows or its interval must keep the limit. Default: estimate for min "
        "and max, interval for above_baseline_by; the other rules are always decided by an interval",
    )
    slice: str | None = Field(
        None, description="the column whose segments `max_gap` compares; it need not be a feature"
    )
    bins: int = Field(
        4, ge=2, le=20, description="ranges with about as many rows each that a number or time column is cut into"
    )
    max_gap: float | None = Field(
        None, ge=0, description="rule: greatest difference between two segments, beyond what chance explains"
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Gate:
        rules = ("min", "max", "above_baseline_by", "not_worse_than_champion_by", "max_gap")
        given = [name for name in rules if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a gate has exactly one of {', '.join(rules)}; this one has {given or 'none'}")
        if (self.slice is None) != (self.max_gap is None):
            raise ValueError("`slice` and `max_gap` belong together")
        if self.decided_by and given[0] not in ("min", "max", "above_baseline_by"):
            raise ValueError(
                f"`decided_by` is for `min`, `max` and `above_baseline_by`; an interval always decides `{given[0]}`"
            )
        return self
