"""Follows a run: prints the states as they are entered, and afterwards accounts for its time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cli.demo.console import say
from cli.demo.waiting import until
from cli.following import Narrator, Progress
from cli.stack import LocalStack
from sluice.records.training_plan import TrainingPlan
from sluice.store.run_records import training_plan


@dataclass
class Run:
    """A finished run and where its time went, in seconds."""

    run_id: str
    record: dict[str, Any]
    seconds: float
    jobs: float
    bakes: float
    intervals: dict[str, float] = field(default_factory=dict)

    @property
    def overhead(self) -> float:
        """Seconds in no job and no bake."""
        return self.seconds - self.jobs - self.bakes


class Follower:
    def __init__(self, stack: LocalStack, project: str) -> None:
        self._stack = stack
        self._project = project
        self._progress: dict[str, Progress] = {}
        self._narrator = Narrator()

    def wait_for_start(self, known: set[str], trigger: str | None = None, seconds: float = 60) -> dict[str, Any]:
        """The record of the first run that is not among `known` run ids."""
        return until(lambda: self._new_run(known, trigger), seconds, f"a run ({trigger or 'any trigger'}) starts")

    def wait_for_end(self, run_id: str, since: float, seconds: float = 300) -> Run:
        """The finished run; `since` is the time (epoch seconds) from which it is accounted."""
        record = until(lambda: self._ended(run_id), seconds, f"run {run_id} ends")
        self._print(run_id)
        return self._account(record, since)

    def _new_run(self, known: set[str], trigger: str | None) -> dict[str, Any] | None:
        for record in self._stack.world.ledger.runs(self._project):
            if record["run_id"] not in known and trigger in (None, record.get("trigger")):
                return record
        return None

    def _ended(self, run_id: str) -> dict[str, Any] | None:
        self._print(run_id)
        record = self._stack.world.ledger.run(self._project, run_id)
        return record if record and record.get("outcome") else None

    def _print(self, run_id: str) -> None:
        progress = self._progress.setdefault(run_id, Progress(self._stack.connection, self._project, run_id))
        for step in progress.fresh():
            if step.state == "Canary Healthy?":
                say(self._verdict(run_id), mark="·")
            elif step.state == "Replay Passed?":
                replay = (self._stack.world.ledger.run(self._project, run_id) or {}).get("replay") or {}
                say(
                    f"replay: {replay.get('result') or replay.get('decision')} — {(replay.get('reasons') or [''])[0]}",
                    mark="·",
                )
            elif step.state != "Bake" and not step.state.startswith("Await") and (line := self._narrator.fresh(step)):
                say(line, mark="·")

    def _verdict(self, run_id: str) -> str:
        """The judge's latest verdict; it may be one measurement ahead of the state that is printed."""
        verdict = (self._stack.world.ledger.run(self._project, run_id) or {}).get("canary") or {}
        reasons = verdict.get("reasons") or [""]
        return f"canary at {verdict.get('percent')} %: {verdict.get('decision')} — {reasons[0]}"

    def _account(self, record: dict[str, Any], since: float) -> Run:
        run_id = record["run_id"]
        plan = training_plan(self._project, run_id, objects=self._stack.world.objects)
        job_spans = self._job_spans(plan, run_id)
        bake_spans = self._bake_spans(plan)
        end = datetime.fromisoformat(record["ended_at"]).timestamp()
        return Run(
            run_id=run_id,
            record=record,
            seconds=end - since,
            jobs=covered(list(job_spans.values())),
            bakes=covered(bake_spans),
            intervals={name: round(stop - start, 1) for name, (start, stop) in job_spans.items()},
        )

    def _job_spans(self, plan: TrainingPlan, run_id: str) -> dict[str, tuple[float, float]]:
        spans: dict[str, tuple[float, float]] = {}
        glue, sagemaker = self._stack.client("glue"), self._stack.client("sagemaker")
        for run in glue.get_job_runs(JobName=f"{self._stack.stack}-clean-dataset")["JobRuns"]:
            if run.get("Arguments", {}).get("--run-id") == run_id and run.get("CompletedOn"):
                spans["clean dataset (Glue)"] = (run["StartedOn"].timestamp(), run["CompletedOn"].timestamp())
        described = {
            "train baseline": (sagemaker.describe_training_job, "TrainingJobName", "baseline_job", "TrainingEndTime"),
            "tune candidates": (
                sagemaker.describe_hyper_parameter_tuning_job,
                "HyperParameterTuningJobName",
                "tuning_job",
                "HyperParameterTuningEndTime",
            ),
            "evaluate": (sagemaker.describe_processing_job, "ProcessingJobName", "evaluation_job", "ProcessingEndTime"),
        }
        for label, (describe, member, key, end) in described.items():
            try:
                job = describe(**{member: getattr(plan.names, key)})
            except sagemaker.exceptions.ClientError:
                continue
            if job.get(end):
                spans[label] = (job["CreationTime"].timestamp(), job[end].timestamp())
        return spans

    def _bake_spans(self, plan: TrainingPlan) -> list[tuple[float, float]]:
        states, name = self._stack.client("stepfunctions"), plan.names.release_execution
        machine = self._stack.outputs["ReleaseModelArn"]
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
        spans, entered = [], 0.0
        try:
            pages = list(states.get_paginator("get_execution_history").paginate(executionArn=arn))
        except states.exceptions.ExecutionDoesNotExist:
            return []  # a run that ended before its release
        for event in (event for page in pages for event in page["events"]):
            state = (event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails") or {}).get("name")
            if state == "Bake" and event["type"] == "TaskStateEntered":
                entered = event["timestamp"].timestamp()
            elif state == "Bake":
                spans.append((entered, event["timestamp"].timestamp()))
        return spans


def covered(spans: list[tuple[float, float]]) -> float:
    """Length of the union of intervals.

    >>> covered([(0, 2), (1, 3), (5, 6)])
    4.0
    """
    total, reach = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reach))
        reach = max(reach, end)
    return total


def now() -> float:
    return datetime.now(UTC).timestamp()
