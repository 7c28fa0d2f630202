"""The states that a run enters, across its lifecycle execution and the three nested ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from cli.connection import Connection
from cli.state_sentences import BAKE, QUIET, REPEATED, sentence
from cli.text import number
from sluice import keys
from sluice.bootstrap import World
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.model.shortening import shortened
from sluice.ports import Json
from sluice.serving.start_drill import TRIGGER
from sluice.store.run_records import training_plan

_STAGES = {"PrepareData": "prepare_execution", "BuildModel": "build_execution", "ReleaseModel": "release_execution"}
_FAILURES = ("ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")


@dataclass(frozen=True)
class Step:
    """A state that was entered, or a failure. `state` is the state's name, empty for a failure."""

    at: datetime
    machine: str
    state: str
    failure: str = ""

    @property
    def words(self) -> str:
        """What to print."""
        if self.failure:
            return f"{self.machine} ended in an error: {self.failure}"
        return sentence(self.machine, self.state)


@dataclass
class Progress:
    """The new events of a run's executions since the last poll."""

    connection: Connection
    project: str
    run_id: str
    _read: dict[str, int] = field(default_factory=dict)
    _executions: dict[str, str] = field(default_factory=dict)

    def fresh(self) -> list[Step]:
        """Steps since the last call, in order of time."""
        steps: list[Step] = []
        for arn, machine in self._known().items():
            for event in self._events(arn):
                self._read[arn] = event["id"]
                state, failure = _told(event)
                if state or failure:
                    steps.append(Step(event["timestamp"], machine, state, failure))
        return sorted(steps, key=lambda step: step.at)

    def _known(self) -> dict[str, str]:
        """Execution ARN → machine; the nested ones by the names that the plan has fixed."""
        if self._executions:
            return self._executions
        record = self.connection.world.ledger.run(self.project, self.run_id) or {}
        lifecycle = record.get("execution_arn")
        if not lifecycle:
            return {}
        if record.get("trigger") == TRIGGER:
            # the release machine alone, without a line around it
            self._executions = {lifecycle: "Drill"}
            return self._executions
        found = {lifecycle: "Lifecycle"}
        try:
            planned: Json = training_plan(
                self.project, self.run_id, objects=self.connection.world.objects
            ).names.plain()
        except (NotFoundError, DamagedRecordError):
            planned = {}
        for machine, arn in self._machines().items():
            name = planned.get(_STAGES[machine])
            if name:
                found[f"{arn.replace(':stateMachine:', ':execution:')}:{name}"] = machine
        self._executions = found
        return found

    def _machines(self) -> dict[str, str]:
        pages = self.connection.client("cloudformation").get_paginator("list_stack_resources")
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages.paginate(StackName=self.connection.stack)
            for resource in page["StackResourceSummaries"]
            if resource["LogicalResourceId"] in _STAGES
        }

    def _events(self, arn: str) -> Iterator[Any]:
        """Reads newest first until a known event, then reverses: a long bake has thousands of events."""
        last, fresh = self._read.get(arn, 0), []
        pages = self.connection.client("stepfunctions").get_paginator("get_execution_history")
        try:
            for page in pages.paginate(executionArn=arn, reverseOrder=True, includeExecutionData=False):
                new = [event for event in page["events"] if event["id"] > last]
                fresh += new
                if len(new) < len(page["events"]):
                    break
        except ClientError as error:
            # a stage that has not begun yet
            if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
                raise
        return iter(sorted(fresh, key=lambda event: event["id"]))


@dataclass
class CanaryWatch:
    """What the judge measured of a run's canary since the last poll: traffic, failures, evidence."""

    world: World
    project: str
    run_id: str
    _shown: str = ""

    def fresh(self, record: Json) -> list[str]:
        """One line for each newest measurement; none while the run has no canary."""
        if not record.get("canary"):
            return []
        try:
            found = json.loads(self.world.objects.read(keys.decision(self.project, self.run_id, "canary")))
        except NotFoundError:
            return []
        looks = found.get("looks") or []
        words = measurement(looks[-1]) if looks else ""
        if not words or words == self._shown:
            return []
        self._shown = words
        return [words]


def measurement(look: Json) -> str:
    """One measurement of the judge in words."""
    inputs, statistic = look["inputs"], look.get("statistic") or {}
    own, control = inputs["step_canary"], inputs["step_control"]
    log_e = max((value for value in (statistic.get("log_e") or {}).values() if value is not None), default=None)
    words = (
        f"canary at {inputs['percent']} %: {own['requests']} requests, {own['failures']} failed; champion "
        f"{control['requests']}, {control['failures']} failed"
    )
    if log_e is not None and statistic.get("log_limit") is not None:
        words += f"; evidence against it {number(log_e)} of {number(statistic['log_limit'])} (ln E)"
    return f"{words}: {look['decision']}"


def _told(event: Any) -> tuple[str, str]:
    """The state that was entered, and how the execution failed: at most one of them is not empty."""
    details = event.get("stateEnteredEventDetails")
    if details:
        return str(details["name"]), ""
    if event["type"] in _FAILURES:
        kind = event["type"][0].lower() + event["type"][1:]
        why = event.get(f"{kind}EventDetails") or {}
        return "", f"{event['type']}: {why.get('error', 'no error was given')}"
    return "", ""


@dataclass
class Narrator:
    """Chooses what is worth a line: states that only repeat what others say have none."""

    _last: str = ""
    _in_bake: set[str] = field(default_factory=set)

    def fresh(self, step: Step) -> str:
        """The line, or nothing."""
        if step.state == BAKE:
            self._in_bake.clear()
        if step.state in QUIET or step.words == self._last or step.state in self._in_bake:
            return ""
        if step.state in REPEATED:
            self._in_bake.add(step.state)
        self._last = step.words
        return step.words


def execution_state(connection: Connection, arn: str) -> Json:
    """`{"status", "error", "cause"}`; GONE when Step Functions does not know it (any more)."""
    try:
        found: Any = connection.client("stepfunctions").describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        return {"status": "GONE", "error": None, "cause": None}
    return {"status": found["status"], "error": found.get("error"), "cause": found.get("cause")}


def end_of(execution: Json) -> str:
    why = ": ".join(shortened(str(execution[part]), 300) for part in ("error", "cause") if execution.get(part))
    return f"its execution is {execution['status']}" + (f": {why}" if why else "")
