"""One tuning job at work: proposals become training jobs, their objectives go back to the strategies."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from localcloud.extension import ServiceError
from localcloud.sagemaker import containers, events, images, store, training
from localcloud.sagemaker.completion import Completion
from localcloud.sagemaker.strategies import Proposal, Strategy

Record = dict[str, Any]

log = logging.getLogger(__name__)

FINISHED = ("Completed", "Failed", "Stopped")
_EVENT = "SageMaker HyperParameter Tuning Job State Change"
# The median of fewer finished jobs says little; AWS does not publish its own number.
_EARLY_STOPPING_JOBS = 3


@dataclass
class Definition:
    """One algorithm of a tuning job."""

    request: Record
    objective: Record
    strategy: Strategy
    ranges: Record = field(default_factory=dict)


@dataclass(eq=False)
class Child:
    """One training job of a tuning job; `objectives` are the values that it printed, in order."""

    definition: Definition
    proposal: Proposal
    record: Record = field(default_factory=dict)
    objectives: list[float] = field(default_factory=list)
    cut: bool = False
    ended: bool = False
    final: float | None = None

    @property
    def status(self) -> str:
        return self.record["TrainingJobStatus"]


def child_request(definition: Definition, name: str, proposal: Proposal, tags: list[Record]) -> Record:
    """The CreateTrainingJob request of one proposal."""
    source = definition.request
    resources = source.get("ResourceConfig") or source.get("HyperParameterTuningResourceConfig")
    if resources and resources.get("InstanceConfigs"):
        first = resources["InstanceConfigs"][0]
        resources = {**{k: v for k, v in resources.items() if k != "InstanceConfigs"}, **first}
    members = ("RoleArn", "InputDataConfig", "OutputDataConfig", "StoppingCondition", "Environment", "VpcConfig")
    more = ("EnableManagedSpotTraining", "CheckpointConfig", "RetryStrategy", "EnableNetworkIsolation")
    return {
        **store.pick(source, *members, *more),
        "TrainingJobName": name,
        "AlgorithmSpecification": source["AlgorithmSpecification"],
        "ResourceConfig": {k: v for k, v in (resources or {}).items() if k != "AllocationStrategy"},
        "HyperParameters": {
            **source.get("StaticHyperParameters", {}),
            **proposal.values,
            "_tuning_objective_metric": definition.objective["MetricName"],
        },
        "Tags": tags,
    }


class TuningRun:
    """Runs the tuning job of `record` with at most `total` training jobs."""

    def __init__(
        self,
        record: Record,
        definitions: list[Definition],
        total: int,
        tags: list[Record],
        parents: Sequence[TuningRun] = (),
    ) -> None:
        self.parents = parents
        self._record = record
        self.definitions = definitions
        self._total = total
        self._tags = tags
        self._config = record["HyperParameterTuningJobConfig"]
        self._maximize = definitions[0].objective["Type"] == "Maximize"
        self._early = self._config.get("TrainingJobEarlyStoppingType", "Off") == "Auto"
        self._hyperband = self._config["Strategy"] == "Hyperband"
        self._completion = Completion(self._config.get("TuningJobCompletionCriteria", {}), self._maximize)
        self._children: list[Child] = []
        self._finals: list[float] = []  # in the order in which the jobs ended
        self._converged_at: float | None = None
        self._changed = threading.Condition(store.lock())
        self._left = {id(d): d.strategy.count for d in definitions}

    def run(self) -> None:
        """Never raises: what goes wrong is the tuning job's failure."""
        try:
            status, reason = self._work()
        except Exception as error:
            log.exception("tuning job %s failed", self._record["HyperParameterTuningJobName"])
            message = error.message if isinstance(error, ServiceError) else f"{type(error).__name__}: {error}"
            status, reason = "Failed", f"InternalServerError: {message}"
            self._stop_children()
        with store.lock():
            at = store.now()
            self._record["HyperParameterTuningJobStatus"] = status
            self._record["FailureReason"] = reason
            self._record["HyperParameterTuningEndTime"] = at
            self._record["LastModifiedTime"] = at
        self.publish()

    def _work(self) -> tuple[str, str | None]:
        self._pull()
        limits = self._config["ResourceLimits"]
        deadline = time.monotonic() + limits.get("MaxRuntimeInSeconds", float("inf"))
        over = False
        while True:
            with self._changed:
                over = over or self._record["_stop"].is_set() or containers.closing()
                over = over or time.monotonic() >= deadline or self._completion.met(self._finals)
                if over:
                    self._stop_children()
                    if all(c.ended for c in self._children):
                        break
                elif len(self._children) == self._total and all(c.ended for c in self._children):
                    break
                running = sum(not c.ended for c in self._children)
                room = not over and running < limits["MaxParallelTrainingJobs"] and len(self._children) < self._total
                if not room:
                    self._changed.wait(timeout=0.5)
                    continue
            self._launch()
        if self._record["_stop"].is_set():
            return "Stopped", None
        if any(c.final is not None for c in self._children):
            return "Completed", None
        if not over and all(c.status == "Failed" for c in self._children):
            # as AWS says it: the reason is only in the training jobs
            return "Failed", (
                "All training jobs failed. Please take a look at the training jobs failures to get more details."
            )
        return "Failed", (
            f"No objective metrics found after running {len(self._children)} training jobs. Please ensure that the "
            "custom algorithm is emitting the objective metric as defined by the regular expression provided."
        )

    def _pull(self) -> None:
        """Has the images' environments made before the clock starts: on AWS a machine has an image within seconds.

        What goes wrong is left to the training jobs, whose failures say it.
        """
        for definition in self.definitions:
            image = definition.request["AlgorithmSpecification"].get("TrainingImage", "")
            if images.is_made_on_demand(image):
                with contextlib.suppress(containers.ClientError):
                    images.pull(image, definition.request["RoleArn"], training=True)

    def _launch(self) -> None:
        """Starts the next training job: the definitions take turns."""
        number = len(self._children) + 1
        open_ = [d for d in self.definitions if self._left[id(d)] is None or self._left[id(d)]]
        definition = open_[(number - 1) % len(open_)]
        left = self._left[id(definition)]
        if left is not None:
            self._left[id(definition)] = left - 1
        proposal = definition.strategy.ask()
        child = Child(definition, proposal)
        job = self._record["HyperParameterTuningJobName"]
        digest = hashlib.sha256(f"{job}:{number}:{sorted(proposal.values.items())}".encode()).hexdigest()[:8]
        request = child_request(definition, f"{job}-{number:03d}-{digest}", proposal, self._tags)
        with store.lock():  # the job's thread cannot end before the child is known
            child.record = training.start(
                request,
                tuning_job_arn=self._record["HyperParameterTuningJobArn"],
                on_metric=lambda _record, name, value: self._heard(child, name, value),
                on_end=lambda _record: self._ended(child),
            )
            self._children.append(child)

    def _heard(self, child: Child, name: str, value: float) -> None:
        """Early stopping and Hyperband look at each objective value as it is printed."""
        if name != child.definition.objective["MetricName"]:
            return
        with store.lock():
            child.objectives.append(value)
            if child.cut or child.ended or not child.record:
                return
            cut = False
            if self._hyperband:
                cut = child.definition.strategy.should_stop(child.proposal, len(child.objectives), value)
            elif self._early:
                cut = self._below_median(child)
            if cut and child.status == "InProgress":
                child.cut = True
                training.stop(child.record)

    def _below_median(self, child: Child) -> bool:
        """Whether the last value is worse than the median of the earlier jobs' running averages at this step."""
        step = len(child.objectives)
        averages = [
            statistics.fmean(c.objectives[:step])
            for c in self._children
            if c is not child and c.ended and c.final is not None and len(c.objectives) >= step
        ]
        if len(averages) < _EARLY_STOPPING_JOBS:
            return False
        median, value = statistics.median(averages), child.objectives[-1]
        return value < median if self._maximize else value > median

    def _ended(self, child: Child) -> None:
        with self._changed:
            name = child.definition.objective["MetricName"]
            if child.status in ("Completed", "Stopped"):
                child.final = child.record["_metrics"].last(name)
            if child.final is not None:
                self._finals.append(child.final)
            if self._converged_at is None and self._completion.converged(self._finals):
                self._converged_at = store.now()
            child.definition.strategy.tell(child.proposal, child.final)
            child.ended = True
            self._record["LastModifiedTime"] = store.now()
            self._changed.notify_all()
        self.publish()

    def _stop_children(self) -> None:
        for child in self._children:
            if not child.ended and child.status == "InProgress":
                training.stop(child.record)

    def observations(self) -> list[tuple[dict[str, str], float]]:
        """Tuned hyperparameters and objective of each training job that came to one."""
        with store.lock():
            return [(dict(c.proposal.values), c.final) for c in self._children if c.final is not None]

    def summaries(self) -> list[Record]:
        """HyperParameterTrainingJobSummary of each training job, in the order of their start."""
        with store.lock():
            return [self._summary(child) for child in self._children]

    def _summary(self, child: Child) -> Record:
        members = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingStartTime", "TrainingEndTime")
        summary = {
            **store.pick(child.record, *members, "TrainingJobStatus", "FailureReason"),
            "TuningJobName": self._record["HyperParameterTuningJobName"],
            "TunedHyperParameters": dict(child.proposal.values),
            "ObjectiveStatus": "Pending" if not child.ended else "Failed" if child.final is None else "Succeeded",
        }
        if "DefinitionName" in child.definition.request:
            summary["TrainingJobDefinitionName"] = child.definition.request["DefinitionName"]
        if child.final is not None:
            objective = {**child.definition.objective, "Value": child.final}
            summary["FinalHyperParameterTuningJobObjectiveMetric"] = objective
        return summary

    def described(self) -> Record:
        """The tuning job's record with its counters and its best training job so far."""
        with store.lock():
            ended = [c for c in self._children if c.ended]
            succeeded = [c for c in ended if c.final is not None]
            record = {
                **self._record,
                "TrainingJobStatusCounters": {
                    "Completed": sum(c.status == "Completed" for c in ended),
                    "InProgress": len(self._children) - len(ended),
                    "RetryableError": 0,
                    "NonRetryableError": sum(c.status == "Failed" for c in ended),
                    "Stopped": sum(c.status == "Stopped" for c in ended),
                },
                "ObjectiveStatusCounters": {
                    "Succeeded": len(succeeded),
                    "Pending": len(self._children) - len(ended),
                    "Failed": len(ended) - len(succeeded),
                },
                "TuningJobCompletionDetails": {
                    "NumberOfTrainingJobsObjectiveNotImproving": self._completion.not_improving(self._finals),
                    **({"ConvergenceDetectedTime": self._converged_at} if self._converged_at else {}),
                },
                "ConsumedResources": {"RuntimeInSeconds": self._seconds()},
            }
            if succeeded:
                pick = max if self._maximize else min
                record["BestTrainingJob"] = self._summary(pick(succeeded, key=lambda c: c.final or 0.0))
            if best := self._overall_best(record.get("BestTrainingJob")):
                record["OverallBestTrainingJob"] = best
            return record

    def _overall_best(self, own: Record | None) -> Record | None:
        """The best of this job and its parents, which AWS names only for a warm start with identical data."""
        if self._record.get("WarmStartConfig", {}).get("WarmStartType") != "IdenticalDataAndAlgorithm":
            return None
        found = [best for run in self.parents if (best := run.described().get("BestTrainingJob"))]
        found += [own] if own else []
        member = "FinalHyperParameterTuningJobObjectiveMetric"
        pick = max if self._maximize else min
        return pick(found, key=lambda summary: summary[member]["Value"], default=None)

    def _seconds(self) -> int:
        end = self._record.get("HyperParameterTuningEndTime") or store.now()
        return max(0, round(end - self._record["CreationTime"]))

    def publish(self) -> None:
        """Tells EventBridge how the tuning job stands."""
        events.changed(_EVENT, self._record["HyperParameterTuningJobArn"], self.described())
