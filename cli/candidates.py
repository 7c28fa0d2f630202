"""The model families that a run's tuning tried, with their best scores on the validation rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cli.connection import Connection, described
from cli.text import indent, number, plural, table
from sluice.aws.clients import absent
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.store.run_records import training_plan


@dataclass(frozen=True)
class Candidate:
    """One family. `score` is None when none of its jobs came to a score; `won` when its best job became the model."""

    family: str
    metric: str
    score: float | None
    jobs: int
    failed: int
    won: bool


def candidates(connection: Connection, project: str, run_id: str) -> list[Candidate]:
    """The winner first, then by score; empty when the run was never tuned, or SageMaker has forgotten its jobs."""
    try:
        name = training_plan(project, run_id, objects=connection.world.objects).names.tuning_job
    except (NotFoundError, DamagedRecordError):
        return []
    sagemaker = connection.client("sagemaker")
    tuning = described(sagemaker.describe_hyper_parameter_tuning_job, HyperParameterTuningJobName=name)
    if not tuning:
        return []
    best = (tuning.get("BestTrainingJob") or {}).get("TrainingJobName")
    return ranked(_jobs(sagemaker, name), best, lower=_lower_is_better(tuning))


def ranked(jobs: list[dict[str, Any]], best: str | None, *, lower: bool) -> list[Candidate]:
    """Families of SageMaker's job summaries."""
    families: dict[str, list[dict[str, Any]]] = {}
    for job in jobs:
        families.setdefault(str(job.get("TrainingJobDefinitionName") or "model"), []).append(job)
    found = []
    for family, own in families.items():
        metrics = [job["FinalHyperParameterTuningJobObjectiveMetric"] for job in own if _scored(job)]
        values = [float(metric["Value"]) for metric in metrics]
        found.append(
            Candidate(
                family=family.replace("-", "_"),
                metric=str(metrics[0]["MetricName"]) if metrics else "",
                score=(min if lower else max)(values) if values else None,
                jobs=len(own),
                failed=sum(job.get("TrainingJobStatus") == "Failed" for job in own),
                won=any(job["TrainingJobName"] == best for job in own),
            )
        )
    worst = float("inf")
    return sorted(
        found, key=lambda c: (not c.won, worst if c.score is None else c.score if lower else -c.score, c.family)
    )


def told(found: list[Candidate]) -> str:
    """A table with the winner on top."""
    first = found[0]
    title = f"Families: {first.family} won" if first.won else "Families: none won"
    metric = next((each.metric for each in found if each.metric), "score")
    rows = [
        ("✓" if each.won else "", each.family, number(each.score), f"{plural(each.jobs, 'job')}{_failed(each)}")
        for each in found
    ]
    return f"{title}, by {metric} on the validation rows\n{indent(table(('', 'family', 'best score', 'tried'), rows))}"


def _failed(each: Candidate) -> str:
    return f", {each.failed} failed" if each.failed else ""


def _scored(job: dict[str, Any]) -> bool:
    return "Value" in (job.get("FinalHyperParameterTuningJobObjectiveMetric") or {})


def _lower_is_better(tuning: dict[str, Any]) -> bool:
    definitions = tuning.get("TrainingJobDefinitions") or [tuning.get("TrainingJobDefinition") or {}]
    objectives = [each.get("TuningObjective") or {} for each in definitions]
    return any(each.get("Type") == "Minimize" for each in objectives)


def _jobs(sagemaker: Any, name: str) -> list[dict[str, Any]]:
    try:
        pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
        found = pages.paginate(HyperParameterTuningJobName=name)
        return [job for page in found for job in page["TrainingJobSummaries"]]
    except ClientError as error:
        if absent(error):
            return []
        raise
