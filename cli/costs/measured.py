"""What a run's jobs were billed for, from SageMaker and Glue themselves."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from cli.connection import Connection, described
from cli.costs.usage import Measured
from cli.errors import CliError
from sluice.aws.clients import absent
from sluice.errors import NotFoundError
from sluice.store.run_records import training_plan


def measured(connection: Connection, project: str, run_id: str) -> Measured:
    """Raises CliError when the run has no plan, or none of its jobs is known any more."""
    try:
        names = training_plan(project, run_id, objects=connection.world.objects).names
    except NotFoundError:
        raise CliError(
            f"run {run_id} has no plan.json: it was never planned, and measured nothing; "
            f"`sluice runs {project}` lists others"
        ) from None
    sagemaker = connection.client("sagemaker")
    trained = described(sagemaker.describe_training_job, TrainingJobName=names.baseline_job)
    evaluated = described(sagemaker.describe_processing_job, ProcessingJobName=names.evaluation_job)
    tuned = _tuning(sagemaker, names.tuning_job)
    found = Measured(
        run_id,
        str(sagemaker.meta.endpoint_url),
        baseline=_billed(trained) if trained else None,
        tuning=sum(tuned) if tuned else None,
        jobs=len(tuned),
        evaluation=_span(evaluated, "ProcessingStartTime", "ProcessingEndTime") if evaluated else None,
        glue=_glue(connection, run_id),
    )
    if (found.baseline, found.tuning, found.evaluation, found.glue) == (None,) * 4:
        raise CliError(f"none of the jobs of run {run_id} is known any longer: leave out --run for an estimate")
    return found


def _tuning(sagemaker: Any, name: str) -> list[float]:
    try:
        pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
        jobs = [
            job["TrainingJobName"]
            for page in pages.paginate(HyperParameterTuningJobName=name)
            for job in page["TrainingJobSummaries"]
        ]
    except ClientError as error:
        if absent(error):
            return []
        raise
    described = (sagemaker.describe_training_job(TrainingJobName=job) for job in jobs)
    return [seconds for job in described if (seconds := _billed(job)) is not None]


def _glue(connection: Connection, run_id: str) -> float | None:
    glue = connection.client("glue")
    token: dict[str, str] = {}
    while True:
        page = glue.get_job_runs(JobName=f"{connection.stack}-clean-dataset", **token)
        for run in page["JobRuns"]:
            if run.get("Arguments", {}).get("--run-id") == run_id and run.get("ExecutionTime"):
                return float(run["ExecutionTime"])
        if not page.get("NextToken"):
            return None
        token = {"NextToken": page["NextToken"]}


def _billed(job: Any) -> float | None:
    """SageMaker's own figure, which has spot's saving in it."""
    if job.get("BillableTimeInSeconds") is not None:
        return float(job["BillableTimeInSeconds"])
    return _span(job, "TrainingStartTime", "TrainingEndTime")


def _span(job: Any, start: str, end: str) -> float | None:
    return (job[end] - job[start]).total_seconds() if job.get(start) and job.get(end) else None
