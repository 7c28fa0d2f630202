"""plan.json: what the state machine ml_lifecycle is started with, every name, place and setting of the run.

`plan_training` makes it, and the machines read it in JSONata as `$plan`. Members in SageMaker's own form stay JSON:
botocore's models check them (`proofs/api_calls.py`).
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from sluice.records.record import Record

NO_MODEL = "none"
"""The address of the prepared data of a model that does not exist: a Glue argument needs a value."""


class ChampionModel(Record):
    """The serving model, which the candidate is compared with."""

    run_id: str
    artifact_uri: str


class RunUris(Record):
    """Where the run's data lie: s3://…"""

    accepted: str
    inputs: str
    prepared: str
    train: str
    validation: str
    test: str
    contract: str
    source: str
    training: str
    evaluation: str
    champion_prepared: str = NO_MODEL
    """Prepared data of the champion's run, which list the rows that the champion was trained on."""
    anchor_prepared: str = NO_MODEL
    """The same of the anchor's run."""


class RunNames(Record):
    """Names of the run's jobs and nested executions, derived so that a retry finds the same ones."""

    baseline_job: str
    tuning_job: str
    evaluation_job: str
    prepare_execution: str
    build_execution: str
    release_execution: str


class JobCode(Record):
    """Addresses of the jobs' code."""

    sourcedir: str
    learn: str
    glue: str


class BaselineTraining(Record):
    hyperparameters: dict[str, str]


class WarmStart(Record):
    """The earlier run, whose tuning job the search starts from."""

    run_id: str
    tuning_job: str


class Tuning(Record):
    strategy: str
    max_jobs: int | None
    """None for Grid, whose jobs SageMaker counts itself."""
    parallel_jobs: int
    max_seconds: int
    config: dict[str, Any]
    """SageMaker's HyperParameterTuningJobConfig."""
    families: list[str] = Field(default_factory=list)
    """The definitions' families, in their order."""
    definitions: list[dict[str, Any]]
    """SageMaker's TrainingJobDefinitions; if there is only one, it is sent as TrainingJobDefinition."""
    warm_start: WarmStart | None = None
    warm_start_note: str = ""
    """Why the search starts from nothing although the contract wants a warm start."""

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_plan(cls, value: Any) -> Any:
        """An older deployment wrote the parts of `config` one by one."""
        if not isinstance(value, dict) or "config" in value or not {"strategy", "limits"} <= value.keys():
            return value
        config = {"Strategy": value["strategy"], "ResourceLimits": value["limits"], "RandomSeed": value.get("seed", 0)}
        return {**value, "config": config}


class TrainingPlan(Record):
    project: str
    run_id: str
    trigger: str
    datasets: int
    metric: str
    metric_definitions: list[dict[str, str]]
    maximize: bool
    approval: str
    approval_timeout_seconds: int
    endpoint: str
    image: str
    tags: list[dict[str, str]]
    channels: list[dict[str, Any]]
    """InputDataConfig of every training job."""
    baseline: BaselineTraining
    spot: bool
    stopping: dict[str, int]
    """StoppingCondition of the baseline's job."""
    instance: str
    code: JobCode
    uris: RunUris
    names: RunNames
    tuning: Tuning
    champion: ChampionModel | None
    """None before the first model."""
    anchor: ChampionModel | None = None
    """The best champion so far, where it is another: the candidate is compared with it, too."""
