"""The search of a run's tuning: strategy and jobs, what it started from, and the families with their best scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cli.connection import Connection, described
from cli.text import indent, number, plural, table
from sluice.aws.clients import absent
from sluice.contract.metric_limits import METRICS
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.model.family_names import family_name, family_with_key
from sluice.ports import ObjectStore
from sluice.records.training_plan import TrainingPlan, Tuning
from sluice.store.run_records import training_plan


@dataclass(frozen=True)
class Candidate:
    """One family. `score` is None when none of its jobs came to a score; `won` when its best job became the model.

    `stopped`: jobs that SageMaker ended, because they fell behind or because the search was over.
    """

    family: str
    metric: str
    score: float | None
    jobs: int
    failed: int
    won: bool
    stopped: int = 0


@dataclass(frozen=True)
class Search:
    """`start` says in words what the search started from; "" where the contract wants no warm start."""

    strategy: str
    jobs: int
    stopped: int
    start: str
    families: list[Candidate]
    problem: str = ""


def search_of(connection: Connection, project: str, run_id: str, refused: str = "") -> Search | None:
    """None when the run was never tuned, or SageMaker has forgotten its jobs.

    `refused`: why SageMaker took no earlier run as the start (the run's record).
    """
    found = tuning_of(connection.world.objects, lambda: connection.client("sagemaker"), project, run_id)
    if found is None:
        return None
    plan, _, jobs = found
    return Search(
        strategy=plan.tuning.strategy.lower(),
        jobs=len(jobs),
        stopped=_with_status(jobs, "Stopped"),
        start=_start(plan.tuning, refused),
        families=ranked(jobs, lower=not plan.maximize, only=plan.tuning.families),
        problem=problem_of(plan.metric),
    )


def problem_of(metric: str) -> str:
    """`regression`, or nothing, as far as the contract's metric shows it: no metric of a number is one of classes."""
    return "regression" if metric.removeprefix("validation:") in METRICS["regression"] else ""


def ranked(jobs: list[dict[str, Any]], *, lower: bool, only: Sequence[str] = ()) -> list[Candidate]:
    """Families of SageMaker's job summaries: the winner first, then by score.

    The model is the best of the jobs that came to their end (`List Best Candidate` of build_model). `only`: the run's
    families, for the summaries of a tuning job with one definition, which has no name.
    """
    best = (min if lower else max)(
        (job for job in jobs if job.get("TrainingJobStatus") == "Completed" and _scored(job)), key=_value, default=None
    )
    families: dict[str, list[dict[str, Any]]] = {}
    for job in jobs:
        name = job.get("TrainingJobDefinitionName") or (only[0] if len(only) == 1 else "model")
        families.setdefault(str(name), []).append(job)
    found = []
    for family, own in families.items():
        scored = [job for job in own if _scored(job)]
        ended = [job for job in scored if job.get("TrainingJobStatus") == "Completed"] or scored
        values = [_value(job) for job in ended]
        found.append(
            Candidate(
                family=family.replace("-", "_"),
                metric=str(scored[0]["FinalHyperParameterTuningJobObjectiveMetric"]["MetricName"]) if scored else "",
                score=(min if lower else max)(values) if values else None,
                jobs=len(own),
                failed=_with_status(own, "Failed"),
                stopped=_with_status(own, "Stopped"),
                won=best in own,
            )
        )
    worst = float("inf")
    return sorted(
        found, key=lambda c: (not c.won, worst if c.score is None else c.score if lower else -c.score, c.family)
    )


def told(search: Search) -> str:
    """The search in a line, what it started from, and a table of the families with the winner on top."""
    stopped = f", {search.stopped} of them stopped early" if search.stopped else ""
    head = f"Search: {search.strategy}, {plural(search.jobs, 'training job')}{stopped}"
    lines = [head, *([f"  {search.start}"] if search.start else [])]
    if search.families:
        lines.append(_families(search.families, search.problem))
    return "\n".join(lines)


def _families(found: list[Candidate], problem: str) -> str:
    first = found[0]
    title = f"Families: {family_name(first.family, problem)} won" if first.won else "Families: none won"
    metric = next((each.metric for each in found if each.metric), "score")
    rows = [
        (
            "✓" if each.won else "",
            family_with_key(each.family, problem),
            number(each.score),
            f"{plural(each.jobs, 'job')}{_failed(each)}",
        )
        for each in found
    ]
    return f"{title}, by {metric} on the validation rows\n{indent(table(('', 'family', 'best score', 'tried'), rows))}"


def _failed(each: Candidate) -> str:
    stopped = f", {each.stopped} stopped" if each.stopped else ""
    return stopped + (f", {each.failed} failed" if each.failed else "")


def _start(tuning: Tuning, refused: str) -> str:
    if refused:
        return f"it started from scratch: SageMaker refused the earlier run: {refused}"
    if tuning.warm_start:
        return f"it started from what run {tuning.warm_start.run_id} found"
    return f"it started from scratch: {tuning.warm_start_note}" if tuning.warm_start_note else ""


def _with_status(jobs: list[dict[str, Any]], status: str) -> int:
    return sum(job.get("TrainingJobStatus") == status for job in jobs)


def _value(job: dict[str, Any]) -> float:
    return float(job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])


def _scored(job: dict[str, Any]) -> bool:
    return "Value" in (job.get("FinalHyperParameterTuningJobObjectiveMetric") or {})


def tuning_of(
    objects: ObjectStore, client: Callable[[], Any], project: str, run_id: str
) -> tuple[TrainingPlan, dict[str, Any], list[dict[str, Any]]] | None:
    """A run's plan, its tuning job as SageMaker describes it, and the summaries of that job's training jobs.

    None when the run was never tuned, or SageMaker has forgotten its jobs. `client` makes the client of SageMaker.
    """
    try:
        plan = training_plan(project, run_id, objects=objects)
    except (NotFoundError, DamagedRecordError):
        return None
    sagemaker, name = client(), plan.names.tuning_job
    tuning = described(sagemaker.describe_hyper_parameter_tuning_job, HyperParameterTuningJobName=name)
    return (plan, tuning, _jobs(sagemaker, name)) if tuning else None


def _jobs(sagemaker: Any, name: str) -> list[dict[str, Any]]:
    try:
        pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
        found = pages.paginate(HyperParameterTuningJobName=name)
        return [job for page in found for job in page["TrainingJobSummaries"]]
    except ClientError as error:
        if absent(error):
            return []
        raise
