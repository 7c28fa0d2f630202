"""What a project.yaml may say. Unknown keys are errors; every default is right for most."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from sluice.contract.durations import rate_expression, seconds
from sluice.contract.hints import nearest

PROJECT_PATTERN = r"^[a-z](?:-?[a-z0-9]){1,31}$"
COLUMN_PATTERN = r"^[^\x00-\x1f]{1,128}$"
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae"})
METRICS = {
    "binary": ("roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "precision", "recall", "f1", "profit", "uplift"),
    "multiclass": ("accuracy", "macro_f1", "log_loss"),
    "regression": ("rmse", "mae", "r2"),
    "clustering": ("silhouette",),
    "anomaly": ("roc_auc", "pr_auc"),
}


def _is_duration(text: str) -> str:
    seconds(text)
    return text


def _is_schedule(text: str) -> str:
    rate_expression(text)
    return text


Duration = Annotated[str, AfterValidator(_is_duration), Field(description="30s, 10m, 1h or 7d")]
Every = Annotated[str, AfterValidator(_is_schedule), Field(description="whole minutes: 1m, 1h, 1d")]
Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """A part of the contract: immutable, and without room for typos."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(Part):
    type: Literal["binary", "multiclass", "regression", "clustering", "anomaly"]
    target: str | None = Field(None, description="the column to predict")
    positive: bool | int | str | None = Field(None, description="binary: the target's value that counts as yes")
    metric: str | None = Field(None, description="what tuning optimises; the default depends on the type")

    @model_validator(mode="before")
    @classmethod
    def _default_metric(cls, values: Any) -> Any:
        if isinstance(values, dict) and not values.get("metric") and values.get("type") in METRICS:
            values = {**values, "metric": METRICS[values["type"]][0]}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Problem:
        if self.type in ("binary", "multiclass", "regression") and not self.target:
            raise ValueError(f"a {self.type} problem needs `target`, the column to predict")
        if self.type == "binary" and self.positive is None:
            raise ValueError("a binary problem needs `positive`, the target's value that counts as yes")
        if self.metric not in METRICS[self.type]:
            raise ValueError(f"metric {self.metric!r} is not for {self.type}; known: {', '.join(METRICS[self.type])}")
        return self


class Business(Part):
    value_per_true_positive: float = Field(0.0, ge=0)
    cost_per_contact: float = Field(0.0, ge=0)


class Column(Part):
    type: Literal["integer", "number", "category", "text", "boolean", "timestamp"]
    nullable: bool = Field(True, description="false: a row without a value is quarantined")
    min: float | None = None
    max: float | None = None
    values: list[str] | None = Field(None, description="category: the allowed values; others are quarantined")
    description: str = ""

    @model_validator(mode="after")
    def _fits_type(self) -> Column:
        if self.values is not None and self.type not in ("category", "text"):
            raise ValueError(f"`values` is for category columns, not for {self.type}")
        if (self.min is not None or self.max is not None) and self.type not in ("integer", "number"):
            raise ValueError(f"`min` and `max` are for integer and number columns, not for {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min` {self.min} is greater than `max` {self.max}")
        return self


class Expectations(Part):
    min_rows: int = Field(1, ge=1, description="an arrival with fewer accepted rows is refused whole")
    max_invalid_rows: Share = Field(0.05, description="above this share of bad rows the file is refused whole")
    max_nulls: Share = Field(1.0, description="the greatest share of missing values in any required column")


class Split(Part):
    test: float = Field(0.2, gt=0, lt=0.9)
    validation: float = Field(0.2, gt=0, lt=0.9)
    by: Literal["random", "time"] = "random"

    @model_validator(mode="after")
    def _leaves_train(self) -> Split:
        if self.test + self.validation >= 0.95:
            raise ValueError("test and validation together leave less than 5 % of the rows for training")
        return self


class Data(Part):
    key: list[str] = Field(default_factory=list, description="columns that identify a row")
    time: str | None = Field(None, description="the column that orders rows in time")
    columns: dict[Annotated[str, Field(pattern=COLUMN_PATTERN)], Column] = Field(min_length=1)
    expectations: Expectations = Expectations()
    split: Split = Split()


class Features(Part):
    drop: list[str] = Field(default_factory=list)
    bins: dict[str, int] = Field(default_factory=dict)
    log: list[str] = Field(default_factory=list)
    interactions: bool = False


Candidate = Literal["logistic_regression", "random_forest", "gradient_boosting"]


class Tuning(Part):
    strategy: Literal["bayesian", "random", "grid"] = "bayesian"
    max_jobs: int = Field(12, ge=1, le=500)
    parallel_jobs: int = Field(2, ge=1, le=100)
    max_minutes: int = Field(30, ge=1, le=2_880)


class Training(Part):
    candidates: list[Candidate] = Field(
        ["logistic_regression", "random_forest", "gradient_boosting"],
        min_length=1,
        max_length=10,
    )
    tuning: Tuning = Tuning()
    instance: str = Field("ml.m5.large", pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")
    seed: int = Field(0, ge=0)


class Gate(Part):
    metric: str
    min: float | None = None
    max: float | None = None
    above_baseline_by: float | None = None
    not_worse_than_champion_by: float | None = Field(None, ge=0)
    confidence: float = Field(0.95, gt=0.5, lt=1)
    slice: str | None = None
    max_gap: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _one_rule(self) -> Gate:
        rules = ("min", "max", "above_baseline_by", "not_worse_than_champion_by", "max_gap")
        given = [name for name in rules if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a gate has exactly one of {', '.join(rules)}; this one has {given or 'none'}")
        if (self.slice is None) != (self.max_gap is None):
            raise ValueError("`slice` and `max_gap` belong together")
        return self


class Release(Part):
    strategy: Literal["canary"] = "canary"
    approval: Literal["automatic", "manual"] = "automatic"
    approval_timeout: Duration = "3d"
    steps: list[int] = Field(default_factory=lambda: [10, 25, 50, 100], min_length=1)
    bake: Duration = "10m"
    max_bake: Duration | None = Field(None, description="longest wait for evidence at a step; default 3 × bake")
    max_error_rate: float = Field(0.01, gt=0, lt=1)
    max_p99_ms: float = Field(250, gt=0)
    min_requests: int = Field(30, ge=1, description="requests on the canary before it may be promoted")
    false_abort: float = Field(0.05, gt=0, lt=0.5, description="the judge's α: chance to abort an equal model")
    probation: Duration = "1d"
    instance: str = Field("ml.m5.large", pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")
    instances: int = Field(1, ge=1, le=50)
    capture_percent: int = Field(100, ge=0, le=100)

    @model_validator(mode="after")
    def _steps_rise(self) -> Release:
        if sorted(set(self.steps)) != self.steps or self.steps[0] < 1 or self.steps[-1] != 100:
            raise ValueError(f"`steps` are rising percentages that end with 100; got {self.steps}")
        return self

    @property
    def longest_bake_seconds(self) -> int:
        return seconds(self.max_bake) if self.max_bake else 3 * seconds(self.bake)


class Drift(Part):
    score: Literal["psi"] = "psi"
    max: float = Field(0.2, gt=0)
    min_rows: int = Field(200, ge=1, description="a window with fewer requests is inconclusive")


class Quality(Part):
    metric: str
    min: float | None = None
    max: float | None = None
    min_labels: int = Field(100, ge=1)


class Monitor(Part):
    every: Every = "1h"
    window: Duration = Field("1d", description="how far back each look reaches")
    drift: Drift = Drift()
    quality: Quality | None = None


class Retrain(Part):
    on: list[Literal["drift", "quality"]] = ["drift", "quality"]
    cooldown: Duration = "24h"
    schedule: Every | None = None
    max_per_week: int = Field(3, ge=0)


class Alerts(Part):
    emails: list[str] = Field(default_factory=list)


class Contract(Part):
    """A whole project.yaml."""

    project: str = Field(pattern=PROJECT_PATTERN)
    description: str = ""
    problem: Problem
    business: Business = Business()
    data: Data
    features: Features = Features()
    training: Training = Training()
    gates: list[Gate] = Field(default_factory=list)
    release: Release = Release()
    monitor: Monitor = Monitor()
    retrain: Retrain = Retrain()
    alerts: Alerts = Alerts()

    @model_validator(mode="after")
    def _columns_exist(self) -> Contract:
        known = self.data.columns
        named: list[tuple[str, str]] = [("data.key", name) for name in self.data.key]
        if self.problem.target:
            named.append(("problem.target", self.problem.target))
        if self.data.time:
            named.append(("data.time", self.data.time))
        named += [("features.drop", name) for name in self.features.drop]
        named += [("features.bins", name) for name in self.features.bins]
        named += [("features.log", name) for name in self.features.log]
        named += [("gates.slice", gate.slice) for gate in self.gates if gate.slice]
        for where, name in named:
            if name not in known:
                raise ValueError(
                    f"{where} names the column {name!r}, which data.columns does not have{nearest(name, known)}"
                )
        if self.data.split.by == "time" and not self.data.time:
            raise ValueError("data.split.by is `time`, so data.time must name the column that orders the rows")
        for gate in self.gates:
            if gate.metric not in METRICS[self.problem.type]:
                hint = nearest(gate.metric, METRICS[self.problem.type])
                raise ValueError(f"gates: metric {gate.metric!r} is not for a {self.problem.type} problem{hint}")
        if not self.feature_columns:
            raise ValueError("no column is left to learn from: all are key, time, target or dropped")
        return self

    @property
    def feature_columns(self) -> list[str]:
        """Columns that the model sees, in the contract's order."""
        apart = {*self.data.key, self.problem.target, self.data.time, *self.features.drop}
        return [name for name in self.data.columns if name not in apart]

    @property
    def lower_is_better(self) -> bool:
        return self.problem.metric in LOWER_IS_BETTER
