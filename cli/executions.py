"""The histories of a run's executions: of its lifecycle and of the three machines that it starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from cli.connection import Connection
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.ports import Json
from sluice.serving.start_drill import TRIGGER
from sluice.store.run_records import training_plan

LIFECYCLE, DRILL = "Lifecycle", "Drill"
NESTED = {"PrepareData": "prepare_execution", "BuildModel": "build_execution", "ReleaseModel": "release_execution"}
"""Machine → the plan's name of its execution."""


@dataclass
class Histories:
    """The new events of a run's executions since the last poll."""

    connection: Connection
    project: str
    run_id: str
    _read: dict[str, int] = field(default_factory=dict)
    _executions: dict[str, str] = field(default_factory=dict)

    def fresh(self) -> list[tuple[str, Any]]:
        """(machine, event) since the last call, in order of time."""
        found: list[tuple[str, Any]] = []
        for arn, machine in self._known().items():
            for event in self._events(arn):
                self._read[arn] = event["id"]
                found.append((machine, event))
        return sorted(found, key=lambda pair: pair[1]["timestamp"])

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
            self._executions = {lifecycle: DRILL}
            return self._executions
        found = {lifecycle: LIFECYCLE}
        try:
            planned: Json = training_plan(
                self.project, self.run_id, objects=self.connection.world.objects
            ).names.plain()
        except (NotFoundError, DamagedRecordError):
            planned = {}
        for machine, arn in self._machines().items():
            name = planned.get(NESTED[machine])
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
            if resource["LogicalResourceId"] in NESTED
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


def execution_state(connection: Connection, arn: str) -> Json:
    """`{"status", "error", "cause"}`; GONE when Step Functions does not know it (any more)."""
    try:
        found: Any = connection.client("stepfunctions").describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        return {"status": "GONE", "error": None, "cause": None}
    return {"status": found["status"], "error": found.get("error"), "cause": found.get("cause")}
