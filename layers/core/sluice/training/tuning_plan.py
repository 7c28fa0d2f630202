"""The contract's candidates as SageMaker training job definitions with their search spaces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sluice.contract.models import Contract
from sluice.model.search_spaces import LIBRARIES, SPACES, parameter_ranges
from sluice.ports import Settings
from sluice.records.training_plan import RunUris, Tuning

STRATEGIES = {"bayesian": "Bayesian", "random": "Random", "grid": "Grid"}
CODE = "/opt/ml/input/data/code/sourcedir.tar.gz"
"""Where the channel `code` puts the job's code: a container without network cannot fetch it from S3 itself."""
_LEVELS = 3
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
) -> Tuning:
    tuning = contract.training.tuning
    families = list(dict.fromkeys(contract.training.candidates))
    max_seconds = tuning.max_minutes * 60
    # each candidate family gets at least one job
    max_jobs = max(tuning.max_jobs, len(families))
    limits: dict[str, int] = {
        "MaxParallelTrainingJobs": min(tuning.parallel_jobs, max_jobs),
        "MaxRuntimeInSeconds": max_seconds,
    }
    grid = tuning.strategy == "grid"
    if not grid:
        # SageMaker counts a grid itself and refuses this limit beside it
        limits["MaxNumberOfTrainingJobs"] = max_jobs
    return Tuning(
        strategy=STRATEGIES[tuning.strategy],
        max_jobs=None if grid else max_jobs,
        parallel_jobs=limits["MaxParallelTrainingJobs"],
        max_seconds=max_seconds,
        limits=limits,
        seed=contract.training.seed,
        definitions=[
            {
                "DefinitionName": family.replace("_", "-"),
                "TuningObjective": {
                    "Type": "Minimize" if contract.lower_is_better else "Maximize",
                    "MetricName": metric,
                },
                "HyperParameterRanges": (
                    grid_ranges(family, max_jobs // len(families)) if grid else parameter_ranges(family)
                ),
                "StaticHyperParameters": static_parameters(run_id, family),
                "AlgorithmSpecification": {
                    "TrainingImage": settings.image,
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
            for family in families
        ],
    )


def stopping_condition(contract: Contract, run_seconds: int) -> dict[str, int]:
    """SageMaker's StoppingCondition of a training job; a limit of waiting is refused where there is no spot."""
    condition = {"MaxRuntimeInSeconds": run_seconds}
    if contract.training.spot:
        condition["MaxWaitTimeInSeconds"] = run_seconds + SPOT_WAIT_SECONDS
    return condition


def static_parameters(run_id: str, family: str) -> dict[str, str]:
    """Hyperparameters that do not vary, each as JSON text, which is how script mode sends them."""
    values: dict[str, Any] = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": CODE,
        "sagemaker_container_log_level": 20,
        "family": family,
        "run-id": run_id,
    }
    return {name: json.dumps(value) for name, value in values.items()}


def grid_ranges(family: str, jobs: int) -> dict[str, list[dict[str, Any]]]:
    """The family's space as at most `jobs` points (at least one), all categorical: SageMaker's Grid takes no other.

    Parameters get a second and third level in turn, as long as the product of the levels allows.
    """
    space = SPACES[family]
    parameters = [(r, kind) for kind in ("continuous", "integer", "categorical") for r in space[kind]]
    most = [len(r["values"]) if kind == "categorical" else _LEVELS for r, kind in parameters]
    levels = [1] * len(parameters)
    grown = True
    while grown:
        grown = False
        for i, limit in enumerate(most):
            points = 1
            for j, level in enumerate(levels):
                points *= level + (i == j)
            if levels[i] < limit and points <= jobs:
                levels[i] += 1
                grown = True
    chosen = [
        {"Name": r["name"], "Values": _points(r, kind, level)}
        for (r, kind), level in zip(parameters, levels, strict=True)
    ]
    return {"CategoricalParameterRanges": chosen, "ContinuousParameterRanges": [], "IntegerParameterRanges": []}


def _points(parameter: Mapping[str, Any], kind: str, level: int) -> list[str]:
    if kind == "categorical":
        return [str(value) for value in parameter["values"][:level]]
    low, high = float(parameter["min"]), float(parameter["max"])
    shares = [0.5] if level == 1 else [i / (level - 1) for i in range(level)]
    if parameter["scaling"] == "Logarithmic":
        values = [low * (high / low) ** share for share in shares]
    else:
        values = [low + (high - low) * share for share in shares]
    if kind == "integer":
        return [str(value) for value in dict.fromkeys(round(value) for value in values)]
    return [f"{value:.6g}" for value in values]


def channels(uris: RunUris, family: str = "baseline", champion: str | None = None) -> list[dict[str, Any]]:
    """InputDataConfig of a family's training jobs; `libraries` has what the family needs beyond the container.

    `champion`: the archive of a model that the training asks.
    """
    asked = [_channel("champion", champion, "application/gzip")] if champion else []
    library = LIBRARIES.get(family)
    beside = f"{uris.source.rpartition('/')[0]}/libraries/{library}.tar.gz"
    return [
        *asked,
        _channel("train", uris.train, "text/csv"),
        _channel("validation", uris.validation, "text/csv"),
        _channel("contract", uris.contract, "application/json"),
        _channel("code", uris.source, "application/gzip"),
        *([_channel("libraries", beside, "application/gzip")] if library else []),
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
