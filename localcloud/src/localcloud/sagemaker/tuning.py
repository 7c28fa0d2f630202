"""Hyperparameter tuning jobs: what the API accepts and tells; `tuning_run` does the work."""

from __future__ import annotations

import logging
import threading
from typing import Any

from localcloud.extension import CallContext, ServiceError, operation
from localcloud.sagemaker import checks, jobs, store, strategies, training, warm_start
from localcloud.sagemaker.metrics import MetricReader
from localcloud.sagemaker.tuning_run import FINISHED, Definition, TuningRun, child_request

Record = dict[str, Any]

log = logging.getLogger(__name__)

_MAX_RESOURCE = 20_000
# static hyperparameters from which SageMaker takes Hyperband's MaxResource when it is not given
_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
_DEFAULT_JOBS = 20  # of a tuning job that limits only its time; AWS leaves the number to itself

table = store.Table(
    missing=lambda name: ServiceError(
        "ResourceNotFound", f"Amazon SageMaker can't find a tuning job with the name {name}."
    ),
    exists=lambda name, record: ServiceError(
        "ResourceInUse",
        "Tuning job names must be unique within an AWS account and region, and a tuning job with this name already "
        f"exists ({record['HyperParameterTuningJobArn']})",
    ),
)


@operation("CreateHyperParameterTuningJob")
def create_hyper_parameter_tuning_job(request: Record, context: CallContext) -> Record:
    name = request["HyperParameterTuningJobName"]
    table.free(name)
    config = request["HyperParameterTuningJobConfig"]
    _check(request, config)
    definitions = _definitions(request, config)
    total = _jobs(config, definitions)
    parents = warm_start.check(request, definitions, total, table.get)
    created = store.now()
    record: Record = {
        **{k: v for k, v in request.items() if k != "Tags"},
        "HyperParameterTuningJobArn": store.arn("hyper-parameter-tuning-job", name),
        "HyperParameterTuningJobStatus": "InProgress",
        "CreationTime": created,
        "LastModifiedTime": created,
        "_stop": threading.Event(),
    }
    tags = request.get("Tags", [])
    if parents:
        known = warm_start.learn(definitions[0], parents)
        log.info("%s: starts from %d training jobs of its parents", name, known)
    run = TuningRun(record, definitions, total, tags, [parent for parent, _ in parents])
    record["_run"] = run
    table.add(name, record)
    store.tag(record["HyperParameterTuningJobArn"], tags)
    run.publish()
    jobs.run(f"tuning-{name}", run.run)
    return {"HyperParameterTuningJobArn": record["HyperParameterTuningJobArn"]}


@operation("DescribeHyperParameterTuningJob")
def describe_hyper_parameter_tuning_job(request: Record, context: CallContext) -> Record:
    record = table.get(request["HyperParameterTuningJobName"])
    return checks.answer("DescribeHyperParameterTuningJob", record["_run"].described())


@operation("ListHyperParameterTuningJobs")
def list_hyper_parameter_tuning_jobs(request: Record, context: CallContext) -> Record:
    found, more = store.page(
        table.all(), request, name="HyperParameterTuningJobName", status="HyperParameterTuningJobStatus"
    )
    members = ("HyperParameterTuningJobName", "HyperParameterTuningJobArn", "HyperParameterTuningJobStatus")
    summaries = []
    for record in found:
        described = record["_run"].described()
        config = record["HyperParameterTuningJobConfig"]
        summaries.append(
            {
                **store.pick(described, *members, "CreationTime", "HyperParameterTuningEndTime", "LastModifiedTime"),
                **store.pick(described, "TrainingJobStatusCounters", "ObjectiveStatusCounters"),
                **store.pick(config, "Strategy", "ResourceLimits"),
            }
        )
    return {"HyperParameterTuningJobSummaries": summaries, **more}


@operation("ListTrainingJobsForHyperParameterTuningJob")
def list_training_jobs_for_hyper_parameter_tuning_job(request: Record, context: CallContext) -> Record:
    run: TuningRun = table.get(request["HyperParameterTuningJobName"])["_run"]
    summaries = run.summaries()
    if request.get("SortBy") == "FinalObjectiveMetricValue":
        member = "FinalHyperParameterTuningJobObjectiveMetric"
        summaries = [s for s in summaries if member in s]  # AWS lists no others then
        downwards = request.get("SortOrder", "Ascending") == "Descending"
        summaries.sort(key=lambda s: s[member]["Value"], reverse=downwards)
        rows = [{**s, "_rank": i} for i, s in enumerate(summaries)]
        plain = {k: v for k, v in request.items() if k != "SortOrder"}
        found, more = store.page(rows, {**plain, "SortBy": "Name"}, name="_rank", status="TrainingJobStatus")
    else:
        found, more = store.page(summaries, request, name="TrainingJobName", status="TrainingJobStatus")
    return {"TrainingJobSummaries": [store.public(s) for s in found], **more}


@operation("StopHyperParameterTuningJob")
def stop_hyper_parameter_tuning_job(request: Record, context: CallContext) -> Record:
    record = table.get(request["HyperParameterTuningJobName"])
    with store.lock():
        if record["HyperParameterTuningJobStatus"] in FINISHED:
            raise checks.invalid(
                "The request was rejected because the tuning job is in status "
                f"{record['HyperParameterTuningJobStatus']}."
            )
        record["HyperParameterTuningJobStatus"] = "Stopping"
        record["_stop"].set()
    record["_run"].publish()
    return {}


def _check(request: Record, config: Record) -> None:
    checks.refuse(request, "Autotune")
    early = config.get("TrainingJobEarlyStoppingType", "Off")
    if bool(request.get("TrainingJobDefinition")) == bool(request.get("TrainingJobDefinitions")):
        raise checks.invalid("Exactly one of TrainingJobDefinition and TrainingJobDefinitions is required.")
    if early == "Auto" and "TrainingJobDefinitions" in request:
        raise checks.invalid("Early stopping is available only for a single algorithm: use TrainingJobDefinition.")
    if config["Strategy"] != "Hyperband":
        if config.get("StrategyConfig"):
            raise checks.invalid("StrategyConfig is allowed with the Hyperband strategy only.")
        return
    if early == "Auto":
        raise checks.invalid("TrainingJobEarlyStoppingType must be Off with the Hyperband strategy.")


def _jobs(config: Record, definitions: list[Definition]) -> int:
    """How many training jobs the tuning job may start."""
    given: int | None = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    grid = [d.strategy.count for d in definitions if d.strategy.count is not None]
    if not grid:
        return given or _DEFAULT_JOBS
    total = sum(grid)
    if given is not None and given != total:
        raise checks.invalid(
            f"MaxNumberOfTrainingJobs must be the number of combinations of the grid ({total}) or left out."
        )
    return total


def _resource(config: Record, definition: Record) -> Record | None:
    """Hyperband's MinResource and MaxResource; the latter may come from a static hyperparameter."""
    if config["Strategy"] != "Hyperband":
        return None
    given = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    most = given.get("MaxResource")
    static = definition.get("StaticHyperParameters", {})
    for name in _EPOCHS:
        text = str(static.get(name, "")).strip('"')
        if most is None and text.isdigit():
            most = int(text)
    if most is None:
        raise checks.invalid(
            "HyperbandStrategyConfig.MaxResource is required: it could not be inferred from a static hyperparameter "
            f"({', '.join(_EPOCHS)})."
        )
    least = given.get("MinResource", 1)
    if not least <= most <= _MAX_RESOURCE:
        raise checks.invalid(
            f"HyperbandStrategyConfig: MaxResource must be from MinResource ({least}) to {_MAX_RESOURCE}, not {most}."
        )
    return {"MinResource": least, "MaxResource": most}


def _definitions(request: Record, config: Record) -> list[Definition]:
    """The checked definitions, each with a strategy of its own."""
    given = request.get("TrainingJobDefinitions") or [request["TrainingJobDefinition"]]
    several = "TrainingJobDefinitions" in request
    names = [d.get("DefinitionName") for d in given]
    if several and (None in names or len(set(names)) < len(names)):
        raise checks.invalid(f"Each of TrainingJobDefinitions needs a DefinitionName of its own: {names}")
    if several and (config.get("ParameterRanges") or config.get("HyperParameterTuningJobObjective")):
        raise checks.invalid(
            "With TrainingJobDefinitions, ParameterRanges and objective belong in each definition "
            "(HyperParameterRanges, TuningObjective)."
        )
    limit = config["ResourceLimits"].get("MaxNumberOfTrainingJobs") or _DEFAULT_JOBS
    seed = config.get("RandomSeed")
    if seed is None:  # the same tuning job searches the same way again, another one another way
        seed = int.from_bytes(request["HyperParameterTuningJobName"].encode()[-4:], "big")
    checked = [
        _definition(definition, config, seed=(seed + index) % 2**32, jobs=max(1, limit // len(given)))
        for index, definition in enumerate(given)
    ]
    if len({d.objective["Type"] for d in checked}) > 1:
        raise checks.invalid("All training job definitions must have the same objective type.")
    return checked


def _definition(definition: Record, config: Record, *, seed: int, jobs: int) -> Definition:
    """One checked definition with its strategy, which may propose `jobs` training jobs."""
    objective = definition.get("TuningObjective") or config.get("HyperParameterTuningJobObjective")
    ranges = definition.get("HyperParameterRanges") or config.get("ParameterRanges") or {}
    where = definition.get("DefinitionName", "TrainingJobDefinition")
    if not objective:
        raise checks.invalid(f"{where}: a tuning objective is required.")
    if ranges.get("AutoParameters"):
        raise checks.unsupported(f"{where}: AutoParameters")
    if not any(ranges.values()):
        raise checks.invalid(f"{where}: at least one hyperparameter range is required.")
    algorithm = definition["AlgorithmSpecification"]
    if objective["MetricName"] not in [m["Name"] for m in algorithm.get("MetricDefinitions", [])]:
        raise checks.invalid(
            f"{where}: the objective metric {objective['MetricName']} is not among its MetricDefinitions."
        )
    strategies.check_ranges(ranges)
    tuned = {r["Name"] for group in ranges.values() for r in group}
    if both := tuned & set(definition.get("StaticHyperParameters", {})):
        raise checks.invalid(f"{where}: hyperparameters are both static and tuned: {sorted(both)}")
    strategy = strategies.create(
        config["Strategy"],
        ranges,
        maximize=objective["Type"] == "Maximize",
        seed=seed,
        jobs=jobs,
        resource=_resource(config, definition),
    )
    checked = Definition(definition, objective, strategy, ranges)
    probe = child_request(checked, "probe", strategies.Proposal({}), [])
    training.check(probe)
    MetricReader(probe["AlgorithmSpecification"].get("MetricDefinitions", []))
    checks.role(definition["RoleArn"])
    return checked
