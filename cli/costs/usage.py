"""How much of what one run and one month use, from a contract and assumptions that are said aloud."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields

from cli.costs.prices import PriceTable
from cli.costs.route import Route, definition, route
from cli.repository import deployed_file
from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.release.plan import timing
from sluice.steps.replay_requests import LOOKBACK, MAX_CALL_SECONDS, MAX_MIRRORED, THREADS
from sluice.watch import metric_names

TEMPLATE = deployed_file("template.yaml")
HOURS, DAYS = 730.0, 30.0
"""The length of a month."""
_GB = 1e9
_POLLER_SECONDS, _POLLERS = 20.0, 5
"""Lambda asks a queue with five long polls of 20 s each, whether anything is in it or not."""
_VOLUME_GB = 10


@dataclass(frozen=True)
class Assumptions:
    """What the contract does not say. Each is an option of `sluice cost`, with its text as help."""

    rows: int = 50_000
    drops: float = 4.0
    requests: int = 100_000
    batch_rows: int = 0
    serving_hours: float = HOURS
    train_minutes: float = 4.0
    evaluate_minutes: float = 4.0
    glue_minutes: float = 3.0
    endpoint_minutes: float = 6.0
    glue_workers: int = 2
    spot_discount: float = 0.6
    replay_ms: float = 50.0
    bandit_share: float = 0.5

    def told(self, without: tuple[str, ...] = ()) -> list[str]:
        """One text an assumption; `without` those that were measured instead."""
        names = (each.name for each in fields(self) if each.name not in without)
        return [f"{HELP[name]}: {getattr(self, name):,g}" for name in names]


HELP = {
    "rows": "rows of a dropped file",
    "drops": "dropped files a month, a run each",
    "requests": "requests to the endpoint a month",
    "batch_rows": "rows scored in batch a month, in one file",
    "serving_hours": "hours a month in which the endpoint exists",
    "train_minutes": "billed minutes of a training job",
    "evaluate_minutes": "billed minutes of an evaluation or transform job",
    "glue_minutes": "billed minutes of the cleaning job",
    "endpoint_minutes": "minutes that an endpoint takes to change its machines",
    "glue_workers": "the stack's parameter GlueWorkers",
    "spot_discount": "share that spot training saves, where the contract has it",
    "replay_ms": "milliseconds of a replayed request",
    "bandit_share": "share of a bandit's longest time (release.max_bake) after which the better model is known",
}


@dataclass(frozen=True)
class Measured:
    """Billed seconds of a run's jobs; None where the run did not come so far."""

    run_id: str
    where: str
    baseline: float | None = None
    tuning: float | None = None
    jobs: int = 0
    evaluation: float | None = None
    glue: float | None = None

    @property
    def instead_of(self) -> tuple[str, ...]:
        """Assumptions that these times take the place of; a batch's length is assumed in any case."""
        trained = self.baseline is not None and self.tuning is not None
        return (("train_minutes",) if trained else ()) + (("glue_minutes",) if self.glue is not None else ())


@dataclass(frozen=True)
class Line:
    """One row: `quantity` of `unit`, at `usd` in all."""

    service: str
    what: str
    quantity: float
    unit: str
    usd: float


@dataclass(frozen=True)
class Release:
    """What happens between a registered model and its promotion.

    `machine_hours` are those beside the champion's own, `looks` those of the judge. `pairs` of requests are replayed,
    which takes `replay_seconds`.
    """

    hours: float
    machine_hours: float
    looks: int
    route: Route
    pairs: float = 0.0
    replay_seconds: float = 0.0


class Usage:
    """Lines of a run and of a month; `prices` gives each its cost."""

    def __init__(
        self, contract: Contract, prices: PriceTable, given: Assumptions, measured: Measured | None = None
    ) -> None:
        self._contract, self._prices, self._given, self._measured = contract, prices, given, measured

    @property
    def runs(self) -> float:
        """Runs a month: one a drop, and those of the clock, of which `max_per_week` bounds the number."""
        retrain = self._contract.retrain
        by_clock = DAYS * 86_400 / seconds(retrain.schedule) if retrain.schedule else 0.0
        return self._given.drops + min(by_clock, retrain.max_per_week * DAYS / 7)

    @property
    def irrelevant(self) -> tuple[str, ...]:
        """Assumptions that this contract does not need."""
        unneeded = ("replay_ms",) if not self._replays else ()
        return unneeded if self._contract.release.bandit else (*unneeded, "bandit_share")

    def run(self) -> list[Line]:
        """One run of the pipeline whose model is promoted by the contract's strategy."""
        lines = [*self._jobs(), *self._orchestration()]
        return sorted((line for line in lines if line.quantity), key=lambda line: -line.usd)

    def month(self) -> list[Line]:
        """Runs, serving, watching, and what the stack costs when nothing happens."""
        lines = [
            Line(line.service, f"{line.what}, {self.runs:,g} runs", line.quantity * self.runs, line.unit, usd)
            for line in self.run()
            for usd in [line.usd * self.runs]
        ]
        every = [*lines, *self._serving(), *self._intake(), *self._watching(), *self._batch(), *self._standing()]
        return sorted((line for line in every if line.quantity), key=lambda line: -line.usd)

    def longest_tuning_usd(self) -> float:
        """When every parallel job runs until the contract's `max_minutes`."""
        tuning, price = self._contract.training.tuning, self._prices.instance(self._contract.training.instance)
        return price.of(min(tuning.parallel_jobs, self._tuning_jobs) * tuning.max_minutes / 60) * self._training_share()

    # --- a run -------------------------------------------------------------------------------------------------------

    def _jobs(self) -> Iterator[Line]:
        training, found = self._contract.training, self._measured
        instance, share = training.instance, self._training_share()
        spot = " (spot)" if training.spot else ""
        jobs = self._tuning_jobs
        # the tuning's own limit stops what is still running
        most = min(training.tuning.parallel_jobs, jobs) * training.tuning.max_minutes
        # `auto` searches as long as it may
        asked = most if "auto" in training.candidates else jobs * self._given.train_minutes
        tuning = min(asked, most) / 60
        baseline, evaluation = self._given.train_minutes / 60, self._given.evaluate_minutes / 60
        glue = max(self._given.glue_minutes, 1.0) / 60
        if found:
            jobs = found.jobs or jobs
            tuning = tuning if found.tuning is None else found.tuning / 3_600
            baseline = baseline if found.baseline is None else found.baseline / 3_600
            evaluation = evaluation if found.evaluation is None else found.evaluation / 3_600
            glue = glue if found.glue is None else max(found.glue, 60.0) / 3_600  # Glue bills a minute at least
        yield self._machine(f"tuning, {jobs} jobs on {instance}{spot}", instance, tuning, share)
        yield self._machine(f"baseline on {instance}{spot}", instance, baseline, share)
        yield self._machine(f"evaluation on {instance}", instance, evaluation)
        volume = _VOLUME_GB * (tuning + baseline + evaluation) / HOURS
        yield self._line("SageMaker", "disks of the jobs", "ml_volume", volume)
        yield self._line("Glue", "cleaning job, G.1X workers", "glue_dpu", glue * self._given.glue_workers)
        machine = self._contract.release.instance
        new = "new fleet" if self._contract.release.strategy == "blue_green" else "canary"
        yield self._machine(f"{new} beside the champion on {machine}", machine, self.release().machine_hours)

    def _orchestration(self) -> Iterator[Line]:
        contract, release = self._contract, self.release()
        # what is refused is nearer to the end than what is released
        chosen = {"Candidate Good Enough?": "Register Model", "Model Approved?": "Release Model"}
        if contract.release.approval == "manual":
            chosen["Approval Needed?"] = "Await Approval"
        way = route(definition("ml_lifecycle"), "Model Promoted", chosen) + release.route
        way += route(definition("prepare_data"), "Data Prepared") + route(definition("build_model"), "Model Built")
        yield self._line("Step Functions", "transitions of the pipeline", "state_transitions", way.transitions)
        yield from self._lambda("the pipeline's", way.invocations, 2.0, 0.5)
        yield self._line("Lambda", "the replay's time", "lambda_duration", release.replay_seconds * 0.5)
        yield self._line("SageMaker", "data of the replay", "endpoint_data", 2 * release.pairs * 1_000 / _GB)
        megabytes = 1.0 + 0.002 * way.invocations + 0.2 * self._tuning_jobs
        yield self._line("CloudWatch", "logs of jobs and functions", "logs_ingested", megabytes / 1_000)
        months = release.hours / HOURS
        yield self._line("CloudWatch", "alarms of the canary", "cloudwatch_alarms", 2 * months)
        yield self._line("CloudWatch", "composite alarm of the canary", "cloudwatch_composite_alarms", months)
        yield self._line("CloudWatch", "metrics that the judge reads", "cloudwatch_requests", 10 * release.looks)
        yield self._line("DynamoDB", "records of the run", "dynamodb_writes", 60)
        yield self._line("DynamoDB", "reads of the run", "dynamodb_reads", 200)
        jobs = self._tuning_jobs + 3
        yield self._line("S3", "objects written by the run", "s3_writes", 40 + 12 * jobs)
        yield self._line("S3", "objects read by the run", "s3_reads", 80 + 30 * jobs)
        yield self._line("KMS", "keys used by the run", "kms_requests", 120 + 42 * jobs)
        yield self._line("SNS", "alerts", "sns_requests", 4)
        yield self._line("SNS", "mails", "sns_emails", 4 * (1 + len(contract.alerts.emails)))
        yield self._line("EventBridge", "events", "eventbridge_events", 60 + 12 * jobs)

    def release(self) -> Release:
        """From the plan to the promotion. UpdateEndpoint makes new machines for every variant before it ends the old
        ones.
        """
        release, minutes = self._contract.release, self._given.endpoint_minutes
        bake, quiet = seconds(release.bake) / 60, ["Bake"] * (self._slices - 1)
        if release.strategy == "blue_green":
            # SageMaker waits a bake at each of its steps; the judge has one more, when the old fleet is gone
            swap = minutes + len(release.steps) * bake
            swapped: dict[str, str | list[str]] = {
                "Release How?": "Swap Fleet",
                "Canary Healthy?": [*quiet, "Verify Promotion"],
            }
            way = route(definition("release_model"), "Model Promoted", swapped) + _asked(swap)
            return Release((swap + bake) / 60, release.instances * swap / 60, self._slices, way)

        pairs = self._replayed_at_first
        calls = max(1, math.ceil(self._replay_seconds(pairs) / MAX_CALL_SECONDS))
        replays = ["Replay Requests"] * (calls - 1)
        chosen: dict[str, str | list[str]] = {
            "Release How?": "Attach Canary",
            "Canary Attached?": "Replay Requests" if self._replays else "Shift Traffic",
        }
        if release.strategy == "shadow":
            # it waits a bake, interval by interval, and has the planned sample then
            steps, beside = 0, bake
            pairs += min(MAX_MIRRORED - pairs, self._captured * bake / (DAYS * 1_440))
            chosen["Replay Passed?"] = [*replays, *["Await Requests"] * self._slices, "Promote Model"]
        else:
            steps = len(release.steps)
            chosen["Replay Passed?"] = [*replays, "Shift Traffic"]
            healthy = ["Shift Traffic"] * (steps - 1) + ["Promote Model"]
            if release.bandit:
                longest = self._given.bandit_share * release.longest_bake_seconds / 60
                steps = max(1, math.ceil(longest / bake))
                healthy = ["Choose Weights"] * steps
                chosen["Better Model Known?"] = ["Shift Traffic"] * (steps - 1) + ["Promote Model"]
            chosen["Canary Healthy?"] = [each for answer in healthy for each in (*quiet, answer)]
            # a shift takes a minute
            beside = steps * (1.0 + bake)
        took = self._replay_seconds(pairs)
        beside += took / 60
        way = route(definition("release_model"), "Model Promoted", chosen) + _asked(2 * minutes) + _asked(steps)
        hours, machines = (2 * minutes + beside) / 60, release.instances * (2 * 2 * minutes + beside) / 60
        return Release(hours, machines, steps * self._slices, way, pairs, took)

    @property
    def _slices(self) -> int:
        """Intervals of a bake: a measurement follows each."""
        planned = timing(self._contract.release)
        return max(1, -(-planned["bake_seconds"] // planned["slice_seconds"]))

    @property
    def _replays(self) -> bool:
        release = self._contract.release
        return bool(release.strategy != "blue_green" and release.replay and release.capture_percent)

    @property
    def _captured(self) -> float:
        return self._given.requests * self._contract.release.capture_percent / 100

    @property
    def _replayed_at_first(self) -> float:
        """As many as the contract asks for, if there were so many of late."""
        lately = self._captured * LOOKBACK.total_seconds() / (DAYS * 86_400)
        return min(self._contract.release.replay, lately) if self._replays else 0.0

    def _replay_seconds(self, pairs: float) -> float:
        """A pair is asked one after the other, some pairs at a time."""
        return pairs * 2 * self._given.replay_ms / 1_000 / THREADS

    # --- a month -----------------------------------------------------------------------------------------------------

    def _serving(self) -> Iterator[Line]:
        release, given = self._contract.release, self._given
        hours = given.serving_hours * release.instances
        yield self._machine(f"endpoint, {release.instances} × {release.instance}", release.instance, hours)
        yield self._line("SageMaker", "data through the endpoint", "endpoint_data", given.requests * 1_000 / _GB)
        yield self._line("S3", "captured requests kept", "s3_storage", self._captured * 1_500 / _GB)
        yield self._line("S3", "captured requests written", "s3_writes", self._captured / 100)

    def _intake(self) -> Iterator[Line]:
        given, columns = self._given, len(self._contract.data.columns)
        yield self._line(
            "S3", "a month's files, accepted, prepared", "s3_storage", 4 * self._bytes() * given.drops / _GB
        )
        took = 3.0 + given.rows * columns / 1e6
        yield from self._lambda("validation's and profiling's", 2 * given.drops, took, 2.0)
        yield self._line("EventBridge", "events of dropped files", "eventbridge_events", 8 * given.drops)

    def _watching(self) -> Iterator[Line]:
        monitor = self._contract.monitor
        looks = DAYS * 86_400 / seconds(monitor.every)
        rows = self._given.requests * min(1.0, seconds(monitor.window) / (DAYS * 86_400))
        yield from self._lambda("the monitor's", looks, 2.0 + rows / 5_000, 1.0)
        yield self._line("EventBridge", "scheduled measurements of the monitor", "scheduler_calls", looks)
        yield self._line("DynamoDB", "reads of the monitor", "dynamodb_reads", 10 * looks)
        files = self._given.requests * min(1.0, seconds(monitor.window) / (DAYS * 86_400)) / 100
        yield self._line("S3", "captured requests read", "s3_reads", looks * (5 + files))
        yield self._line("S3", "reports written", "s3_writes", 4 * looks)
        published = [name for name in vars(metric_names) if name.isupper() and name != "NAMESPACE"]
        # without replayed requests there is nothing on which a probation could compare two models
        told = {"QUALITY": monitor.quality is not None, "PROBATION": self._replays}
        watched = [name for name in published if told.get(name.split("_")[0], True)]
        yield self._line("CloudWatch", "metrics of the project", "cloudwatch_metrics", len(watched))
        # drift, errors and probation
        alarms = 4 if monitor.quality else 3
        yield self._line("CloudWatch", "alarms of the project", "cloudwatch_alarms", alarms)

    def _batch(self) -> Iterator[Line]:
        if not self._given.batch_rows:
            return
        instance = self._contract.release.instance
        hours = (self._given.evaluate_minutes + self._given.batch_rows / 1e6) / 60
        yield self._machine(f"batch transform on {instance}", instance, hours)
        way = route(definition("batch_predict"), "File Scored")
        yield self._line("Step Functions", "transitions of a batch", "state_transitions", way.transitions)

    def _standing(self) -> Iterator[Line]:
        """The costs of the stack itself, whatever the number of its projects."""
        template = TEMPLATE.read_text(encoding="utf-8")

        def count(kind: str) -> int:
            return len(re.findall(rf"^\s+Type: {re.escape(kind)}\s*$", template, re.MULTILINE))

        yield self._line("KMS", "keys of the stack", "kms_keys", count("AWS::KMS::Key"))
        alarms = count("AWS::CloudWatch::Alarm")
        yield self._line("CloudWatch", "alarms of the stack", "cloudwatch_alarms", alarms)
        dashboards = count("AWS::CloudWatch::Dashboard")
        yield self._line("CloudWatch", "dashboard of the stack", "cloudwatch_dashboards", dashboards)
        polls = _POLLERS * DAYS * 86_400 / _POLLER_SECONDS
        yield self._line("SQS", "polls of the intake queue", "sqs_requests", polls)

    # --- parts -------------------------------------------------------------------------------------------------------

    @property
    def _tuning_jobs(self) -> int:
        """Each candidate gets at least one; `auto` is one job."""
        if "auto" in self._contract.training.candidates:
            return 1
        return max(self._contract.training.tuning.max_jobs, len(set(self._contract.training.candidates)))

    def _training_share(self) -> float:
        return 1.0 - self._given.spot_discount if self._contract.training.spot else 1.0

    def _bytes(self) -> float:
        return self._given.rows * 12.0 * len(self._contract.data.columns)

    def _machine(self, what: str, instance: str, hours: float, share: float = 1.0) -> Line:
        return Line("SageMaker", what, hours, "hours", self._prices.instance(instance).of(hours) * share)

    def _line(self, service: str, what: str, name: str, quantity: float) -> Line:
        price = self._prices.prices[name]
        return Line(service, what, quantity, price.unit, price.of(quantity))

    def _lambda(self, whose: str, calls: float, took: float, gigabytes: float) -> Iterator[Line]:
        yield self._line("Lambda", f"{whose} calls", "lambda_requests", calls)
        yield self._line("Lambda", f"{whose} time", "lambda_duration", calls * took * gigabytes)


def _asked(minutes: float) -> Route:
    """A wait for an endpoint asks it every ten seconds."""
    times = round(minutes * 6)
    return Route(times, times, 0)
