"""An execution that is stopped stops its jobs, is recorded as failed, and lets the next run start."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from examples.generate_sessions import Knobs, as_csv
from sluice import keys
from testing.line import Json, Line, contract, wait_for
from tests.e2e.calls import ended, present, start, stop

STRICT = [{"metric": "roc_auc", "min": 0.9999}]


def stopped(line: Line) -> dict[str, Any]:
    """Copies of a run are stopped while Glue cleans, while models learn, and while they are evaluated."""
    project = "stopped"
    line.put_contract(project, contract(project, gates=STRICT))
    line.drop(project, "day1.csv", as_csv(Knobs(rows=600, seed=62)))
    original = line.run(project, 1)
    sagemaker, glue = line.aws("sagemaker"), line.stack.client("glue")
    found: dict[str, Any] = {}

    plan = copied(line, project, original["run_id"], "r0000000a0001")
    # as its planner leaves it, with a file that came meanwhile
    line.ledger.acquire_lock(project, plan["run_id"], datetime.now(UTC))
    line.ledger.start_run(project, plan["run_id"], datetime.now(UTC), {"status": "running", "datasets": []})
    line.ledger.add_pending(project, "(manual)", "a test asks")
    execution = start(line, "MlLifecycle", plan)
    job = line.resources["CleanDatasetJob"]

    def cleaning() -> Json | None:
        runs = glue.get_job_runs(JobName=job)["JobRuns"]
        return next((each for each in runs if "r0000000a0001" in json.dumps(each.get("Arguments", {}))), None)

    wait_for(cleaning, "the cleaning to begin")
    stop(line, execution)
    found["cleaning"] = wait_for(lambda: ended((cleaning() or {}).get("JobRunState")), "the cleaning to end")
    line.alert(project, "Run Failed")
    record = line.ledger.run(project, plan["run_id"]) or {}
    found["run"] = (record["status"], record["error"]["error"])
    # what waited starts once the lock is free
    waited = line.run(project, 3, until="execution_arn")
    found["waited"] = waited["trigger"]
    stop(line, waited["execution_arn"])

    plan = copied(line, project, original["run_id"], "r0000000a0002")
    names = plan["names"]
    execution = start(line, "BuildModel", plan)

    def learning() -> tuple[str, str]:
        training = sagemaker.describe_training_job(TrainingJobName=names["baseline_job"])
        tuning = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=names["tuning_job"])
        return training["TrainingJobStatus"], tuning["HyperParameterTuningJobStatus"]

    wait_for(lambda: present(learning) == ("InProgress", "InProgress"), "both jobs to learn")
    stop(line, execution)
    found["learning"] = wait_for(lambda: all(map(ended, learning())) and learning(), "both jobs to end")

    plan = copied(line, project, original["run_id"], "r0000000a0003")
    execution = start(line, "BuildModel", plan)

    def evaluating() -> str:
        name = plan["names"]["evaluation_job"]
        return str(sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"])

    wait_for(lambda: present(evaluating) == "InProgress", "the evaluation to begin")
    stop(line, execution)
    found["evaluating"] = wait_for(lambda: ended(evaluating()), "the evaluation to end")
    return found


def copied(line: Line, project: str, run_id: str, other: str) -> Json:
    """The plan of a run with all its inputs, as another run of which the ledger knows nothing."""
    source = keys.run(project, run_id)
    for key in line.listed(source):
        line.put(key.replace(run_id, other), line.read(key))
    plan: Json = json.loads(line.read(keys.run(project, run_id, "plan.json")).decode().replace(run_id, other))
    return plan


@pytest.mark.story.with_args(stopped)
def test_jobs_stop_with_their_execution(story: dict[str, Any]) -> None:
    jobs = {name: story[name] for name in ("cleaning", "learning", "evaluating")}
    assert jobs == {"cleaning": "STOPPED", "learning": ("Stopped", "Stopped"), "evaluating": "Stopped"}


@pytest.mark.story.with_args(stopped)
def test_a_run_that_is_stopped_is_recorded_and_what_waited_starts(story: dict[str, Any]) -> None:
    assert story["run"] == ("failed", "ABORTED")
    assert story["waited"] == "manual"
