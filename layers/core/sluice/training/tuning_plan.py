"""The contract's candidates as SageMaker training job definitions with their search spaces."""

from __future__ import annotations

import json
from typing import Any

from sluice.contract.models import Contract
from sluice.contract.tuning_rules import MIN_MINUTES
from sluice.model.reporting import MAX_REPORTS
from sluice.model.search_spaces import AUTO, LIBRARIES
from sluice.ports import Settings
from sluice.records.training_plan import RunUris, TrainingPlan, Tuning
from sluice.training.images import own_parameters, training_image
from sluice.training.search_ranges import grid_ranges, search_ranges
from sluice.training.warm_start import with_warm_start

STRATEGIES = {"bayesian": "Bayesian", "random": "Random", "grid": "Grid", "hyperband": "Hyperband"}
CODE = "/opt/ml/input/data/code/sourcedir.tar.gz"
"""Where the channel `code` puts the job's code: a container without network cannot fetch it from S3 itself."""
AUTO_EXTRA_SECONDS = 900
"""Beyond `max_minutes`, which `auto` uses up: for the machine to come up and the data to be copied."""
SPOT_WAIT_SECONDS = 3_600
"""What a spot job may lose to waiting for a machine and to starting again. There is no checkpoint to go on from: our
jobs take minutes, so an interrupted one starts again, and SageMaker stops it when this time is used up."""


def tuning_plan(
    settings: Settings,
    contract: Contract,
    run_id: str,
    uris: RunUris,
    metric: str,
    metric_definitions: list[dict[str, str]],
    champion: str | None = None,
    last: TrainingPlan | None = None,
) -> Tuning:
    """`last`: the plan of the run that a warm start would start from; None if there is none."""
    tuning = contract.training.tuning
    families = list(dict.fromkeys(contract.training.candidates))
    max_seconds = max(MIN_MINUTES, tuning.max_minutes) * 60  # a contract from before that rule may have less
    max_seconds += AUTO_EXTRA_SECONDS if families == [AUTO] else 0
    # each candidate family gets at least one job; `auto` needs no second one, and holds its deadline itself
    max_jobs = 1 if families == [AUTO] else max(tuning.max_jobs, len(families))
    limits: dict[str, int] = {
        "MaxParallelTrainingJobs": min(tuning.parallel_jobs, max_jobs),
        "MaxRuntimeInSeconds": max_seconds,
    }
    grid = tuning.strategy == "grid"
    if not grid:
        # SageMaker counts a grid itself and refuses this limit beside it
        limits["MaxNumberOfTrainingJobs"] = max_jobs
    config = _config(contract, limits)
    objective = {"Type": "Minimize" if contract.lower_is_better else "Maximize", "MetricName": metric}
    definitions: list[dict[str, Any]] = []
    for family in families:
        own = tuning.ranges.get(family, {})
        ranges = grid_ranges(family, max_jobs // len(families), own) if grid else search_ranges(family, own)
        tuned: dict[str, Any] = {
            "DefinitionName": definition_name(family),
            "TuningObjective": objective,
            "HyperParameterRanges": ranges,
        }
        if len(families) == 1:
            # SageMaker takes early stopping and a warm start for the form with one definition only, where these
            # belong to the tuning job
            config |= {"HyperParameterTuningJobObjective": objective, "ParameterRanges": ranges}
            tuned = {}
        definitions.append(
            tuned
            | {
                "StaticHyperParameters": static_parameters(run_id, family, reports=_acts_on_reports(contract)),
                "AlgorithmSpecification": {
                    "TrainingImage": training_image(settings, family),
                    "TrainingInputMode": "File",
                    "MetricDefinitions": metric_definitions,
                },
                "RoleArn": settings.execution_role_arn,
                "InputDataConfig": channels(uris, family, champion),
                "OutputDataConfig": {"S3OutputPath": uris.training, "KmsKeyId": settings.data_key_arn},
                "ResourceConfig": {
                    "InstanceType": contract.training.instance,
                    "InstanceCount": 1,
                    "VolumeSizeInGB": 10,
                },
                "StoppingCondition": stopping_condition(contract, max_seconds),
                "EnableManagedSpotTraining": contract.training.spot,
                "EnableNetworkIsolation": True,
            }
        )
    plan = Tuning(
        strategy=STRATEGIES[tuning.strategy],
        max_jobs=None if grid else max_jobs,
        parallel_jobs=limits["MaxParallelTrainingJobs"],
        max_seconds=max_seconds,
        config=config,
        families=families,
        definitions=definitions,
    )
    return with_warm_start(plan, last) if tuning.warm_start else plan


def _config(contract: Contract, limits: dict[str, int]) -> dict[str, Any]:
    """SageMaker's HyperParameterTuningJobConfig, as far as it does not depend on the families."""
    tuning = contract.training.tuning
    config: dict[str, Any] = {
        "Strategy": STRATEGIES[tuning.strategy],
        "ResourceLimits": limits,
        "RandomSeed": contract.training.seed,
    }
    if tuning.strategy == "hyperband":
        # SageMaker stops a job at MaxResource, and a job that prints its last value has still to end: one more
        resource = {"MinResource": 1, "MaxResource": MAX_REPORTS + 1}
        config["StrategyConfig"] = {"HyperbandStrategyConfig": resource}
    if tuning.early_stopping:
        config["TrainingJobEarlyStoppingType"] = "Auto"
    criteria: dict[str, Any] = {}
    if tuning.target is not None:
        criteria["TargetObjectiveMetricValue"] = tuning.target
    if tuning.patience is not None:
        criteria["BestObjectiveNotImproving"] = {"MaxNumberOfTrainingJobsNotImproving": tuning.patience}
    if criteria:
        config["TuningJobCompletionCriteria"] = criteria
    return config


def _acts_on_reports(contract: Contract) -> bool:
    return contract.training.tuning.early_stopping or contract.training.tuning.strategy == "hyperband"


def definition_name(family: str) -> str:
    return family.replace("_", "-")


def stopping_condition(contract: Contract, run_seconds: int) -> dict[str, int]:
    """SageMaker's StoppingCondition of a training job; a limit of waiting is refused where there is no spot."""
    condition = {"MaxRuntimeInSeconds": run_seconds}
    if contract.training.spot:
        condition["MaxWaitTimeInSeconds"] = run_seconds + SPOT_WAIT_SECONDS
    return condition


def static_parameters(run_id: str, family: str, *, reports: bool = False) -> dict[str, str]:
    """Hyperparameters that do not vary, each as JSON text, which is how script mode sends them.

    Always the same names for a family: SageMaker refuses a warm start from a tuning job with others.
    """
    values: dict[str, Any] = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": CODE,
        "sagemaker_container_log_level": 20,
        "family": family,
        "run-id": run_id,
        "report-progress": "true" if reports else "false",
        **own_parameters(family),
    }
    return {name: json.dumps(value) for name, value in values.items()}


def channels(uris: RunUris, family: str = "baseline", champion: str | None = None) -> list[dict[str, Any]]:
    """InputDataConfig of a family's training jobs; `libraries` has what the family needs beyond the container.

    `champion`: the archive of a model that the training asks.
    """
    asked = [_channel("champion", champion, "application/gzip")] if champion else []
    library = LIBRARIES.get(family)
    # `auto` tries them all: the address of what they have in common
    name = "" if family == AUTO else f"{library}.tar.gz"
    beside = f"{uris.source.rpartition('/')[0]}/libraries/{name}"
    return [
        *asked,
        _channel("train", uris.train, "text/csv"),
        _channel("validation", uris.validation, "text/csv"),
        _channel("contract", uris.contract, "application/json"),
        _channel("code", uris.source, "application/gzip"),
        *([_channel("libraries", beside, "application/gzip")] if library or family == AUTO else []),
    ]


def _channel(name: str, uri: str, content_type: str) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "ContentType": content_type,
        "InputMode": "File",
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        },
    }
