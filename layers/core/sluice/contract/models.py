"""What a project.yaml may say. Unknown keys are errors; every default is right for most."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from sluice.contract import execution
from sluice.contract.durations import rate_expression, seconds
from sluice.contract.hints import nearest
from sluice.contract.metric_limits import LOWER_IS_BETTER, METRICS
from sluice.contract.reading import Format
from sluice.model.values import Reading, category_text, read_by, truth

PROJECT_PATTERN = r"^[a-z](?:-?[a-z0-9]){1,31}$"
COLUMN_PATTERN = r"^[^\x00-\x1f]{1,128}$"
MACHINE = "ml.m5.large"
"""Of jobs and endpoints, where the contract does not choose another."""
_MACHINE = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"
UNTRAINABLE = ("clustering", "anomaly")
"""Types that people ask for and no training job knows: refused here rather than in the run of their first file."""
UNRELEASABLE = {
    "serverless": "a serverless endpoint has one variant, no weights to shift, no captured requests to replay and no "
    "guardrails, so no release could be judged. To end the costs of an idle endpoint, set `idle_after`",
    "autoscaling": "a policy could change machines while a release shifts weights, and SageMaker refuses to remove "
    "a variant that has one. Set `instances` for the peak",
}
"""Ways to serve that people ask for, and why no release onto them could be judged."""
OTHER_DRIFT = ("ks", "kolmogorov_smirnov", "js", "jensen_shannon", "wasserstein")
"""Scores that people ask for. They are about values and the order of them, of which a baseline of bins has little."""
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")


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
                raise ValueError(f"{value} is no class; write a whole number, a text, or true or false")
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
        0.0, ge=0, description="binary: above 0, the metrics profit and uplift are computed"
    )
    cost_per_contact: float = Field(0.0, ge=0, description="what acting on one prediction costs, in the same money")


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
    by: Literal["random", "time"] = Field("random", description="time: the newest rows are the test rows")

    @model_validator(mode="after")
    def _leaves_train(self) -> Split:
        if self.test + self.validation >= 0.95:
            raise ValueError("test and validation together leave less than 5 % of the rows for training")
        return self


class Data(Part):
    key: list[str] = Field(default_factory=list, description="columns that identify a row")
    time: str | None = Field(None, description="the column that orders rows in time")
    columns: dict[Annotated[str, Field(pattern=COLUMN_PATTERN)], Column] = Field(
        min_length=1, description="every column that a file must have; others are ignored"
    )
    format: Format = Field(Format(), description="how text is written, unless a column says otherwise")
    duplicates: Literal["keep", "remove"] = Field(
        "keep", description="what happens to equal rows if there is no `key`; equal rows may come from different people"
    )
    expectations: Expectations = Field(Expectations(), description="when a file as a whole is refused")
    split: Split = Field(Split(), description="train, validation and test rows")


class Features(Part):
    drop: list[str] = Field(default_factory=list, description="columns that the model does not see")
    bins: dict[str, int] = Field(
        default_factory=dict, description="number columns cut into this many quantile bins, 2–100"
    )
    log: list[str] = Field(default_factory=list, description="number columns replaced by sign(x)·log1p(|x|)")
    interactions: bool = Field(False, description="adds the products of pairs of number columns")


Candidate = Literal["logistic_regression", "random_forest", "gradient_boosting"]


class Tuning(Part):
    strategy: Literal["bayesian", "random", "grid"] = Field("bayesian", description="SageMaker's tuning strategy")
    max_jobs: int = Field(12, ge=1, le=500, description="training jobs in all; each candidate gets at least one")
    parallel_jobs: int = Field(2, ge=1, le=100, description="training jobs at a time")
    max_minutes: int = Field(
        30, ge=1, le=2_880, description="time limit of the tuning, and of each of its training jobs"
    )


class Training(Part):
    candidates: list[Candidate] = Field(
        ["logistic_regression", "random_forest", "gradient_boosting"],
        min_length=1,
        max_length=10,
        description="model families to tune; the baseline is always trained",
    )
    tuning: Tuning = Field(Tuning(), description="how long and how widely to search")
    instance: str = Field(MACHINE, pattern=_MACHINE, description="machine of training and evaluation jobs")
    spot: bool = Field(False, description="spot machines, much cheaper: an interrupted training job starts again")
    seed: int = Field(0, ge=0, description="of tuning")


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


class Bandit(Part):
    reward: Literal["positive", "correct"] = Field(
        "positive",
        description="when a labelled request is a success. positive: its label is the positive value; correct: the "
        "prediction was right",
    )
    start: int = Field(10, ge=1, le=50, description="percentage of the requests with which the new model begins")
    explore: float = Field(0.1, gt=0, lt=0.5, description="smallest share of the requests for either model")
    min_labels: int = Field(100, ge=1, description="labelled requests of each model before the new one may win")
    confidence: float = Field(
        0.95, gt=0.5, lt=1, description="confidence that the new model is the better one, however often this is checked"
    )


class Release(Part):
    strategy: Literal["canary", "blue_green", "shadow", "bandit"] = Field(
        "canary",
        description="canary: two variants, traffic shifted in steps; blue_green: SageMaker swaps the fleet, with "
        "alarms that send it back; shadow: the new model answers copies only, then takes over; bandit: shares follow "
        "the rewards",
    )
    approval: Literal["automatic", "manual"] = Field("automatic", description="manual: a person decides first")
    approval_timeout: Duration = Field("3d", description="without a decision by then the model is not released")
    steps: list[int] = Field(
        default_factory=lambda: [10, 25, 50, 100],
        min_length=1,
        description="rising percentages, ending with 100; for a blue_green release, one step before 100 (up to 50, "
        "default 10) or equal steps (10 to 50)",
    )
    bake: Duration = Field("10m", description="time at each step; for a shadow release, how long requests are copied")
    max_bake: Duration | None = Field(
        None,
        description="longest wait for evidence at each traffic step; for a bandit, in all. Default "
        "3 × bake, for a bandit 30 ×; all steps together may take 13 days",
    )
    max_error_rate: float = Field(0.01, gt=0, lt=1, description="share of failed requests that the canary may have")
    expected_error_rate: float = Field(
        0.0, ge=0, lt=1, description="share of requests that fail on any model: above 0, more requests are planned"
    )
    max_p99_ms: float = Field(250, gt=0, description="a slower request counts as slow, for the judge and for the alarm")
    max_disagreement: float | None = Field(
        None, gt=0, lt=1, description="share of replayed requests that may be predicted differently; absent: no limit"
    )
    replay: int = Field(
        300, ge=0, le=5_000, description="captured requests that a new model answers before it gets live ones; 0: none"
    )
    min_requests: int = Field(
        30,
        ge=1,
        description="live requests and captured answers that a canary needs before its promotion; they are part of "
        "the planned sample",
    )
    no_traffic: Literal["hold", "roll_back", "promote"] = Field(
        "roll_back",
        description="when no live request reaches either model for the longest bake: `hold` waits for traffic for as "
        "long as an execution may last; `roll_back` keeps the champion; `promote` sends held-out test rows to both "
        "models as requests, and goes on if they are answered well",
    )
    false_abort: float = Field(0.05, gt=0, lt=0.5, description="the judge's α: chance to abort an equal model")
    bandit: Bandit | None = Field(None, description="settings of the strategy `bandit`")
    probation: Duration = Field(
        "1d",
        description="how long after a promotion an alarm rolls back: for errors, for quality, or for labels that "
        "show the predecessor to be better",
    )
    instance: str = Field(MACHINE, pattern=_MACHINE, description="machine of each variant")
    instances: int = Field(1, ge=1, le=50, description="machines of each variant")
    idle_after: Duration | None = Field(
        None, description="an endpoint without a request for this long is deleted until `sluice wake`; absent: never"
    )
    capture_percent: int = Field(100, ge=0, le=100, description="share of requests that are kept for monitoring")

    @model_validator(mode="before")
    @classmethod
    def _what_the_strategy_means(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        for name, why in UNRELEASABLE.items():
            if name in values:
                raise ValueError(f"`{name}` is not supported: {why}")
        strategy = values.get("strategy")
        given: dict[str, Any] = {}
        if strategy in ("shadow", "bandit"):
            if values.get("steps") not in (None, [100]):
                raise ValueError(f"`steps` are for canary and blue_green; a {strategy} release has none")
            given = {"steps": [100]}
        if strategy == "blue_green" and not values.get("steps"):
            given = {"steps": [10, 100]}
        if strategy == "bandit":
            given |= {"bandit": values.get("bandit") or {}}
        elif values.get("bandit"):
            raise ValueError("`bandit` is for the strategy bandit")
        return {**values, **given}

    @model_validator(mode="after")
    def _consistent(self) -> Release:
        if sorted(set(self.steps)) != self.steps or self.steps[0] < 1 or self.steps[-1] != 100:
            raise ValueError(f"`steps` are rising percentages that end with 100; got {self.steps}")
        if self.strategy == "blue_green":
            if self.routing is None:
                raise ValueError(
                    f"SageMaker swaps a fleet at once ([100]), by one step of at most 50 % ([10, 100]) or by equal "
                    f"steps of 10 to 50 % ([25, 50, 75, 100]); got {self.steps}. Other steps need `strategy: canary`"
                )
            if seconds(self.bake) > 3_600:
                raise ValueError(f"SageMaker waits at most an hour at a step of a blue_green release; got {self.bake}")
        if self.strategy in ("shadow", "bandit") and not self.capture_percent:
            raise ValueError(f"a {self.strategy} release reads captured requests: set `capture_percent` above 0")
        if self.strategy == "shadow" and not self.replay:
            raise ValueError("a shadow release uses only replayed requests: set `replay` above 0")
        if self.no_traffic == "promote" and self.strategy not in ("canary", "shadow"):
            raise ValueError(
                f"`no_traffic: promote` sends held-out rows to the new model beside the champion, which a "
                f"{self.strategy} release cannot: use `strategy: canary` or `shadow`, or `no_traffic: hold`"
            )
        if self.no_traffic == "promote" and not self.replay:
            raise ValueError("`no_traffic: promote` replays held-out rows: set `replay` above 0")
        if self.expected_error_rate >= self.max_error_rate:
            raise ValueError(
                f"`expected_error_rate` {self.expected_error_rate:g} must be below `max_error_rate` "
                f"{self.max_error_rate:g}: no number of requests could show the one below the other"
            )
        if violation := self._too_long_for_an_execution():
            raise ValueError(violation)
        return self

    def _too_long_for_an_execution(self) -> str | None:
        bake = seconds(self.bake)
        longest = max(bake, self.longest_bake_seconds)
        if self.strategy == "blue_green":
            return execution.limit_violation(1, longest, self.slice_seconds, 1, swap=len(self.steps) * bake)
        if self.strategy == "bandit":
            # the last of its bakes may begin just before max_bake is over, and wait for evidence as long again
            return execution.limit_violation(2, longest, self.slice_seconds, most_steps=1 + longest // max(1, bake))
        return execution.limit_violation(len(self.steps), longest, self.slice_seconds, len(self.steps))

    @property
    def routing(self) -> tuple[Literal["ALL_AT_ONCE", "CANARY", "LINEAR"], int] | None:
        """How SageMaker's guardrails move traffic by `steps`, and the size of a step; None: they cannot."""
        first, equal = self.steps[0], len({b - a for a, b in zip([0, *self.steps], self.steps)}) == 1
        if self.steps == [100]:
            return "ALL_AT_ONCE", 100
        if len(self.steps) == 2 and first <= 50:
            return "CANARY", first
        if equal and 10 <= first <= 50:
            return "LINEAR", first
        return None

    @property
    def slice_seconds(self) -> int:
        """The wait between two looks."""
        return max(1, seconds(self.bake) // 5)

    @property
    def longest_hold_seconds(self) -> int:
        """How long `no_traffic: hold` waits for the first live request."""
        return execution.longest_hold(len(self.steps), self.longest_bake_seconds, self.slice_seconds)

    @property
    def longest_bake_seconds(self) -> int:
        return seconds(self.max_bake) if self.max_bake else (30 if self.bandit else 3) * seconds(self.bake)


class Drift(Part):
    score: Literal["psi"] = Field("psi", description="population stability index")
    max: float = Field(
        0.2,
        gt=0,
        description="above it the drift alarm goes into ALARM, unless chance explains it (false alarms: one in "
        "100 measurements)",
    )
    min_rows: int = Field(200, ge=1, description="a window with fewer requests is inconclusive")

    @field_validator("score", mode="before")
    @classmethod
    def _has_a_chance_level(cls, value: Any) -> Any:
        if value in OTHER_DRIFT:
            raise ValueError(
                f"{value} is not supported: a model's baseline holds shares of bins, and only for psi is the effect "
                f"of chance known; use psi"
            )
        return value


class Quality(Part):
    metric: str = Field(description="computed from delayed labels, for binary and regression problems so far")
    min: float | None = Field(None, description="below it the quality alarm goes into ALARM")
    max: float | None = Field(
        None, description="above it the quality alarm goes into ALARM, for metrics where less is better"
    )
    min_labels: int = Field(
        100, ge=1, description="quality is inconclusive with fewer labels that belong to a captured request"
    )


class Monitor(Part):
    every: Every = Field("1h", description="how often captured requests are measured")
    window: Duration = Field("1d", description="how far back each measurement reads")
    drift: Drift = Field(Drift(), description="requests against the training rows")
    quality: Quality | None = Field(None, description="predictions against delayed labels; absent: not monitored")


class Retrain(Part):
    on: list[Literal["drift", "quality"]] = Field(["drift", "quality"], description="alarms that start a retraining")
    cooldown: Duration = Field("24h", description="between two retrainings")
    schedule: Every | None = Field(
        None, description="retrains at this interval, from the next promotion on; `cooldown` does not delay it"
    )
    max_per_week: int = Field(
        3, ge=0, description="retrainings in any seven days, by alarm or by schedule; 0 forbids them"
    )


class Alerts(Part):
    emails: list[str] = Field(
        default_factory=list,
        description="get this project's alerts once they confirm AWS's mail; the stack's AlertEmail gets every alert",
    )

    @field_validator("emails")
    @classmethod
    def _are_addresses(cls, emails: list[str]) -> list[str]:
        for email in emails:
            if not _ADDRESS.fullmatch(email):
                raise ValueError(f"{email!r} is not an email address; write one like name@example.com")
        return emails


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
        if self.problem.type == "binary" and self.problem.target:
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
            raise ValueError("no column is left to learn from: all are key, time, target or dropped")
        return self

    def _has_positive(self, target: Column) -> None:
        name, positive = self.problem.target, self.problem.positive
        # 1 equals true to Python, but not to whoever reads the label "true" later
        if target.type == "boolean" and not isinstance(positive, bool):
            raise ValueError(f"problem.positive is {positive!r}, but {name!r} is boolean: write true or false")
        # a bare `yes` is true to YAML, which may not be what was meant
        written = str(positive) if isinstance(positive, bool) else category_text(positive)
        if target.values and target.known and written not in target.known:
            hint = nearest(str(positive), target.values)
            raise ValueError(f"problem.positive is {positive!r}, which {name!r} does not have among its values{hint}")

    @property
    def feature_columns(self) -> list[str]:
        """Columns that the model sees, in the contract's order."""
        apart = {*self.data.key, self.problem.target, self.data.time, *self.features.drop}
        return [name for name in self.data.columns if name not in apart]

    @cached_property
    def readings(self) -> dict[str, Reading]:
        """How the text of each column is written."""
        defaults = self.data.format.model_dump()
        return {name: Reading.of(column.model_dump(), defaults) for name, column in self.data.columns.items()}

    def reading(self, name: str) -> Reading:
        return self.readings[name]

    @property
    def prediction_type(self) -> str:
        """Column type of what a model of this contract predicts."""
        return "number" if self.problem.type == "regression" else self.data.columns[str(self.problem.target)].type

    @property
    def lower_is_better(self) -> bool:
        return self.problem.metric in LOWER_IS_BETTER
