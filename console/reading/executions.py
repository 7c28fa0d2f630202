"""The executions of a run, their definitions and what their histories say about each state."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from cli import machines
from console.source import Source
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.ports import Json
from sluice.serving.start_drill import TRIGGER
from sluice.store.run_records import training_plan

STAGES = {
    "PrepareData": ("prepare_execution", "Prepare Data", "prepare_data"),
    "BuildModel": ("build_execution", "Build Model", "build_model"),
    "ReleaseModel": ("release_execution", "Release Model", "release_model"),
}
"""Logical id of a nested machine → its execution's name in the plan, the state that starts it, its source."""
ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionAborted": "ABORTED",
    "ExecutionTimedOut": "TIMED_OUT",
}
_FAILED = ("Failed", "TimedOut")


@dataclass(frozen=True)
class Execution:
    """One machine's part of a run. `arn` may name an execution that has not begun."""

    machine: str
    arn: str
    machine_arn: str
    source: str
    started_by: str = ""
    """The state of the machine around it."""


@dataclass
class StateHistory:
    """What became of one state so far. Times are ISO, in UTC."""

    status: str = "running"
    entries: int = 0
    entered: str = ""
    exited: str = ""
    error: str = ""
    cause: str = ""

    def plain(self) -> Json:
        return {name: value for name, value in vars(self).items() if value}


@dataclass
class History:
    """One execution's events, read on from where the last reading ended; most are never kept."""

    read: int = 0
    status: str = ""
    started: str = ""
    ended: str = ""
    error: str = ""
    cause: str = ""
    states: dict[str, StateHistory] = field(default_factory=dict)
    taken: set[tuple[str, str]] = field(default_factory=set)
    """Transitions: a state and the one that was entered after it."""
    _left: str = ""
    _within: dict[int, str] = field(default_factory=dict)
    _failing: dict[str, bool] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, events: Iterable[Json]) -> None:
        """Events with greater ids than all before, in their order."""
        for event in events:
            self.read = event["id"]
            self._take(event)

    def _take(self, event: Json) -> None:
        kind, at = str(event["type"]), moment(event.get("timestamp"))
        entered, exited = event.get("stateEnteredEventDetails"), event.get("stateExitedEventDetails")
        if entered:
            name = str(entered["name"])
            self.taken.add((self._within.get(int(event.get("previousEventId") or 0)) or self._left, name))
            state = self.states.setdefault(name, StateHistory())
            state.status, state.entered, state.exited = "running", at, ""
            state.entries += 1
            state.error = state.cause = ""
            self._failing[name] = False
            if kind.startswith("Fail"):
                state.status, state.exited = "failed", at
        else:
            name = str(exited["name"]) if exited else self._inside(event)
        self._within[int(event["id"])] = name
        if exited and name in self.states:
            self._left = name
            state = self.states[name]
            state.status, state.exited = "caught" if self._failing.get(name) else "done", at
        elif kind == "ExecutionStarted":
            self.status, self.started = "RUNNING", at
        elif kind in ENDS:
            self._end(kind, at, event)
        elif name in self.states and not entered:
            self._work(name, kind, event)

    def _inside(self, event: Json) -> str:
        """The state of an event that names none: that of the event before it, or without one, the newest that runs."""
        if event.get("previousEventId") is not None:
            return self._within.get(int(event["previousEventId"]), "")
        running = (name for name, state in reversed(self.states.items()) if state.status == "running")
        return next(running, "")

    def _work(self, name: str, kind: str, event: Json) -> None:
        """What happened within a state: attempts, and how they ended."""
        state = self.states[name]
        if kind.endswith(_FAILED):
            told = details(event)
            state.error, state.cause = str(told.get("error") or kind), str(told.get("cause") or "")
            self._failing[name] = True
        elif kind.endswith(("Succeeded", "Started", "Scheduled")):
            self._failing[name] = False
            if kind.endswith("Succeeded"):
                state.error = state.cause = ""

    def _end(self, kind: str, at: str, event: Json) -> None:
        self.status, self.ended = ENDS[kind], at
        told = details(event)
        self.error, self.cause = str(told.get("error") or ""), str(told.get("cause") or "")
        for state in self.states.values():
            if state.status == "running":
                state.status, state.exited = "failed" if kind != "ExecutionSucceeded" else "done", at


def moment(at: Any) -> str:
    return at.isoformat() if isinstance(at, datetime) else str(at or "")


def details(event: Json) -> Json:
    """The details of an event, whatever its kind calls them."""
    found = (value for name, value in event.items() if name.endswith("EventDetails") and isinstance(value, dict))
    return next(found, {})


def executions_of(source: Source, project: str, record: Json) -> list[Execution]:
    """The lifecycle's and those within it, by the names that the run's plan has fixed; a drill has one alone."""
    lifecycle = str(record.get("execution_arn") or "")
    if not lifecycle:
        return []
    around = lifecycle.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    if record.get("trigger") == TRIGGER:
        return [Execution("ReleaseModel", lifecycle, around, "release_model")]
    found = [Execution("Lifecycle", lifecycle, around, "ml_lifecycle")]
    try:
        planned: Json = training_plan(project, record["run_id"], objects=source.world.objects).names.plain()
    except (NotFoundError, DamagedRecordError):
        return found
    arns = machine_arns(source)
    for machine, (member, state, name) in STAGES.items():
        if arns.get(machine) and planned.get(member):
            arn = f"{arns[machine].replace(':stateMachine:', ':execution:')}:{planned[member]}"
            found.append(Execution(machine, arn, arns[machine], name, state))
    return found


def machine_arns(source: Source) -> dict[str, str]:
    """Logical id → ARN of the nested machines."""
    return {name: arn for name, arn in resources(source).items() if name in STAGES}


def resources(source: Source) -> dict[str, str]:
    """Logical id → name or ARN of everything in the stack."""

    def read() -> dict[str, str]:
        pages = source.client("cloudformation").get_paginator("list_stack_resources")
        return {
            each["LogicalResourceId"]: each.get("PhysicalResourceId", "")
            for page in pages.paginate(StackName=source.stack)
            for each in page["StackResourceSummaries"]
        }

    return source.kept.get("resources", read, 300)


def definition_of(source: Source, execution: Execution) -> Json:
    """What the execution runs; before it begins, what its machine would run now; else what this command knows.

    `{"definition", "from"}`; `from` says which of the three, in words.
    """

    def read() -> Json:
        client = source.client("stepfunctions")
        asked = (
            (client.describe_state_machine_for_execution, {"executionArn": execution.arn}, "the execution"),
            (client.describe_state_machine, {"stateMachineArn": execution.machine_arn}, "the machine as deployed"),
        )
        for ask, name, words in asked:
            try:
                return {"definition": json.loads(ask(**name)["definition"]), "from": words}
            except (ClientError, ValueError):
                continue
        own = next(path for path in machines.sources() if machines.name_of(path) == execution.source)
        return {
            "definition": machines.definition(own),
            "from": "this version of Sluice: AWS did not show the machine's",
        }

    return source.kept.get(("definition", execution.arn), read, 30)


def history_of(source: Source, execution: Execution) -> History:
    """Empty while the execution has not begun."""
    history = source.kept.get(("history", execution.arn), History, float("inf"))
    with history.lock:
        if history.status in ("", "RUNNING"):
            history.add(_fresh(source, execution.arn, history.read))
    return history


def _fresh(source: Source, arn: str, last: int) -> list[Json]:
    """Reads newest first until a known event, then reverses: a long bake has thousands of events."""
    found: list[Json] = []
    for event in newest_first(source, arn, data=False):
        if event["id"] <= last:
            break
        found.append(event)
    return found[::-1]


def newest_first(source: Source, arn: str, *, data: bool) -> Iterator[Json]:
    """The events of an execution; none when Step Functions does not know it (yet). `data`: with input and output."""
    pages = source.client("stepfunctions").get_paginator("get_execution_history")
    try:
        for page in pages.paginate(executionArn=arn, reverseOrder=True, includeExecutionData=data):
            yield from page["events"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
