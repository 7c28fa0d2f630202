"""Warm start: what AWS asks of parent tuning jobs, and what a new one learns from them.

The rules are those of SageMaker's developer guide, "Run a Warm Start Hyperparameter Tuning Job".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.extension import ServiceError
from localcloud.sagemaker import checks
from localcloud.sagemaker.tuning_run import FINISHED, Definition, TuningRun

Record = dict[str, Any]

MAX_JOBS = 500  # of a tuning job and its parents together
MAX_CHANGES = 10
_STRATEGIES = ("Bayesian", "Random")
_IDENTICAL = "IdenticalDataAndAlgorithm"
_KINDS = ("ContinuousParameterRanges", "IntegerParameterRanges", "CategoricalParameterRanges")


def check(
    request: Record, definitions: list[Definition], jobs: int, find: Callable[[str], Record]
) -> list[tuple[TuningRun, Definition]]:
    """The parents of a request with a WarmStartConfig, each with its only definition; [] without one.

    `jobs`: how many training jobs the new tuning job may start. `find` gives a tuning job's record by its name.
    Raises ValidationException for what AWS refuses.
    """
    config = request.get("WarmStartConfig")
    if not config:
        return []
    strategy = request["HyperParameterTuningJobConfig"]["Strategy"]
    if "TrainingJobDefinitions" in request:
        raise checks.invalid("Warm start is available only for a single algorithm: use TrainingJobDefinition.")
    if strategy not in _STRATEGIES:
        raise checks.invalid(f"Warm start is available for {' and '.join(_STRATEGIES)} only, not for {strategy}.")
    parents = [_parent(each, find) for each in config["ParentHyperParameterTuningJobs"]]
    for record in parents:
        _compare(record, request, definitions[0], config["WarmStartType"])
    total = jobs + sum(len(record["_run"].summaries()) for record in parents)
    if total > MAX_JOBS:
        raise checks.invalid(
            f"The training jobs of the tuning job and of its parents ({total}) exceed the limit of {MAX_JOBS}."
        )
    return [(record["_run"], record["_run"].definitions[0]) for record in parents]


def learn(definition: Definition, parents: list[tuple[TuningRun, Definition]]) -> int:
    """Gives the parents' objectives to the definition's strategy; returns how many fitted into its ranges."""
    known = 0
    for run, its in parents:
        static = its.request.get("StaticHyperParameters", {})
        for values, objective in run.observations():
            known += definition.strategy.learn({**static, **values}, objective)
    return known


def _parent(given: Record, find: Callable[[str], Record]) -> Record:
    name = given.get("HyperParameterTuningJobName", "")
    try:
        record = find(name)
    except ServiceError:
        raise checks.invalid(f"Could not find the parent tuning job {name}.") from None
    status = record["HyperParameterTuningJobStatus"]
    if status not in FINISHED:
        raise checks.invalid(f"The parent tuning job {name} must have ended; its status is {status}.")
    if "TrainingJobDefinitions" in record:
        raise checks.invalid(f"The parent tuning job {name} tunes several algorithms.")
    return record


def _compare(record: Record, request: Record, definition: Definition, kind: str) -> None:
    parent: Definition = record["_run"].definitions[0]
    name = record["HyperParameterTuningJobName"]
    if parent.objective != definition.objective:
        raise checks.invalid(
            f"The objective metric must be that of the parent tuning job {name}: {parent.objective}, "
            f"not {definition.objective}."
        )
    old, new = _tuned(parent), _tuned(definition)
    old_static = parent.request.get("StaticHyperParameters", {})
    new_static = definition.request.get("StaticHyperParameters", {})
    if {*old, *old_static} != {*new, *new_static}:
        raise checks.invalid(
            "The set of tunable plus static HyperParameter names is not the same across current and parent tuning "
            "jobs. Please ensure this set is constant when warm starting. Note that previously static HyperParameters "
            "can be tuned in warm start jobs and vice versa."
        )
    for both in old.keys() & new.keys():
        if old[both][0] != new[both][0]:
            raise checks.invalid(f"The type of hyperparameter {both} differs from the parent tuning job {name}.")
    changes = _changes(old, old_static, new_static)
    if changes > MAX_CHANGES:
        raise checks.invalid(
            f"{changes} changes of hyperparameters between the parent tuning job {name} and this one exceed the limit "
            f"of {MAX_CHANGES}."
        )
    if kind == _IDENTICAL:
        image = [each.request["AlgorithmSpecification"]["TrainingImage"] for each in (parent, definition)]
        data = [each.request.get("InputDataConfig") for each in (parent, definition)]
        if image[0] != image[1] or data[0] != data[1]:
            raise checks.invalid(f"WarmStartType {kind} needs the input data and the training image of {name}.")


def _changes(old: Mapping[str, tuple[str, Record]], old_static: Record, new_static: Record) -> int:
    """Tunable parameters that became static (each value of a categorical one counts), and twice the changed values."""
    frozen = sum(len(old[name][1].get("Values", [""])) for name in old.keys() & new_static.keys())
    return frozen + 2 * sum(old_static[name] != new_static[name] for name in old_static.keys() & new_static.keys())


def _tuned(definition: Definition) -> dict[str, tuple[str, Record]]:
    return {r["Name"]: (kind, r) for kind in _KINDS for r in definition.ranges.get(kind, [])}
