"""Step Functions and EventBridge Scheduler in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sluice.ports import Json


@dataclass(frozen=True)
class Schedule:
    expression: str
    target_arn: str
    payload: Json


class FakeExecutions:
    """`started`: execution ARN → its input; `succeeded` and `failed`: the first answer to each task token."""

    def __init__(self) -> None:
        self.started: dict[str, Json] = {}
        self.succeeded: dict[str, Json] = {}
        self.failed: dict[str, tuple[str, str]] = {}

    def start(self, machine_arn: str, name: str, payload: Json) -> str:
        arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        self.started.setdefault(arn, json.loads(json.dumps(payload)))
        return arn

    def succeed(self, token: str, output: Json) -> None:
        if token not in self.failed:
            self.succeeded.setdefault(token, json.loads(json.dumps(output)))

    def fail(self, token: str, error: str, cause: str) -> None:
        if token not in self.succeeded:
            self.failed.setdefault(token, (error, cause))


class FakeSchedules:
    def __init__(self) -> None:
        self.schedules: dict[str, Schedule] = {}

    def ensure(self, name: str, expression: str, target_arn: str, payload: Json) -> None:
        self.schedules[name] = Schedule(expression, target_arn, json.loads(json.dumps(payload)))

    def delete(self, name: str) -> None:
        self.schedules.pop(name, None)
