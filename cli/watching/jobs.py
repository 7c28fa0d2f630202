"""How far a run's jobs are, as SageMaker and Glue say it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.candidates import problem_of
from cli.connection import Connection, described
from cli.text import number, plural, seconds_in_words
from cli.watching.states import Evidence
from sluice.model.family_names import family_name
from sluice.model.shortening import shortened

_REASON = 200  # characters


_PHASES = {
    "InProgress": "the job runs",
    "Starting": "waiting for a machine",
    "Pending": "waiting for a machine",
    "LaunchingMLInstances": "waiting for a machine",
    "PreparingTrainingStack": "preparing the machine",
    "Downloading": "loading the data",
    "DownloadingTrainingImage": "loading the image",
    "Training": "training",
    "Uploading": "storing the model",
    "Completed": "completed",
    "Stopping": "being stopped",
    "Stopped": "stopped",
    "Failed": "failed",
}
"""Statuses of SageMaker's jobs, for people; any other is shown as SageMaker writes it."""
_VALIDATION = "validation:"


@dataclass(frozen=True)
class Job:
    """`ended` is None while it runs."""

    began: datetime
    ended: datetime | None
    failure: str
    evidence: Evidence


def training(connection: Connection, name: str) -> Job | None:
    """None before the job was created."""
    found = described(connection.client("sagemaker").describe_training_job, TrainingJobName=name)
    if not found:
        return None
    metrics = {each["MetricName"]: each["Value"] for each in found.get("FinalMetricDataList") or []}
    facts = {"job": name, "status": found["TrainingJobStatus"], "secondary": found.get("SecondaryStatus")}
    status = str(found.get("SecondaryStatus") or found["TrainingJobStatus"])
    words = _PHASES.get(status, status)
    if measured := [_measured(key, value) for key, value in list(metrics.items())[:3]]:
        words = ", ".join(measured)
    return _job(found, found["TrainingJobStatus"], "TrainingEndTime", Evidence((words,), {**facts, "metrics": metrics}))


def tuning(connection: Connection, name: str) -> Job | None:
    """None before the search was created."""
    sagemaker = connection.client("sagemaker")
    found = described(sagemaker.describe_hyper_parameter_tuning_job, HyperParameterTuningJobName=name)
    if not found:
        return None
    counters = found.get("TrainingJobStatusCounters") or {}
    counts = {
        "completed": counters.get("Completed", 0),
        "running": counters.get("InProgress", 0),
        "stopped": counters.get("Stopped", 0),
        "failed": counters.get("NonRetryableError", 0) + counters.get("RetryableError", 0),
    }
    planned = ((found.get("HyperParameterTuningJobConfig") or {}).get("ResourceLimits") or {}).get(
        "MaxNumberOfTrainingJobs"
    )
    best = found.get("BestTrainingJob") or {}
    metric = best.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
    parts = [f"{count} {what}" for what, count in counts.items() if count]
    # a search within one job, as `auto` does it, has no count to show
    if planned == 1:
        words = f"training job: {_one(counts)}"
    else:
        of = f"{plural(planned, 'training job')} at most" if planned else "training jobs"
        words = f"{of}: {', '.join(parts) or 'none yet'}"
    if metric:
        words += f"; best {_measured(metric['MetricName'], float(metric['Value']))}"
        family = str(best.get("TrainingJobDefinitionName") or "").replace("-", "_")
        words += f" ({family_name(family, problem_of(metric['MetricName']))})" if family else ""
    facts = {
        "job": name,
        "status": found["HyperParameterTuningJobStatus"],
        "jobs": {**counts, "planned": planned},
        "best": {"job": best.get("TrainingJobName"), "metric": metric.get("MetricName"), "value": metric.get("Value")}
        if metric
        else None,
    }
    return _job(found, found["HyperParameterTuningJobStatus"], "HyperParameterTuningEndTime", Evidence((words,), facts))


def processing(connection: Connection, name: str) -> Job | None:
    """None before the job was created."""
    found = described(connection.client("sagemaker").describe_processing_job, ProcessingJobName=name)
    if not found:
        return None
    status = str(found["ProcessingJobStatus"])
    words = _PHASES.get(status, status)
    return _job(found, status, "ProcessingEndTime", Evidence((words,), {"job": name, "status": status}))


def cleaning(connection: Connection, run_id: str) -> Job | None:
    """The newest of the run's Glue runs; None before there is one."""
    glue = connection.client("glue")
    # the newest come first, and a project has one run at a time: one page is enough while it runs
    found = glue.get_job_runs(JobName=f"{connection.stack}-clean-dataset", MaxResults=50)["JobRuns"]
    own = next((run for run in found if (run.get("Arguments") or {}).get("--run-id") == run_id), None)
    if own is None:
        return None
    state, seconds = str(own["JobRunState"]), own.get("ExecutionTime") or 0
    words = f"Glue: {state.lower()}" + (f", {seconds_in_words(seconds)} of work" if seconds else "")
    facts = {"job_run": own["Id"], "status": state, "seconds": seconds}
    failure = shortened(str(own.get("ErrorMessage") or ""), _REASON, "the job's log") if state == "FAILED" else ""
    return Job(own["StartedOn"], own.get("CompletedOn"), failure, Evidence((words,), facts))


def _job(found: Any, status: str, end: str, evidence: Evidence) -> Job:
    failure = ""
    if status == "Failed":
        failure = shortened(str(found.get("FailureReason") or "no reason was given"), _REASON, "the job's log")
    return Job(found["CreationTime"], found.get(end), failure, evidence)


def _measured(metric: str, value: float) -> str:
    """
    >>> _measured("validation:roc_auc", 0.912345)
    'roc_auc 0.9123 on the validation rows'
    """
    name = metric.removeprefix(_VALIDATION)
    return f"{name} {number(value)}{' on the validation rows' if name != metric else ''}"


def _one(counts: dict[str, int]) -> str:
    """What the only job does."""
    return next((what for what, count in counts.items() if count), "not started yet")
