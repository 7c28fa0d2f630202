"""A stack for the console's tests: the fake world, and AWS clients that answer what a test lays down."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from cli.target import Target
from console.source import Source
from sluice.bootstrap import World
from sluice.ports import Json
from testing import fakes

LOCAL = Target("http://127.0.0.1:4566", "eu-west-1")


@dataclass
class StubClients:
    """`histories`: execution ARN → events, oldest first; everything else as AWS names it."""

    histories: dict[str, list[Json]] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    resources: dict[str, str] = field(default_factory=dict)
    alarms: list[Json] = field(default_factory=list)
    alarm_history: dict[str, list[Json]] = field(default_factory=dict)
    tuning: dict[str, Json] = field(default_factory=dict)
    jobs: dict[str, list[Json]] = field(default_factory=dict)
    logs: list[Json] = field(default_factory=list)
    log_group: str = "/aws/lambda/sluice"
    asked: list[tuple[str, Json]] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)
    messages: list[str] = field(default_factory=list)
    """What the console's queue gets."""

    def __getattr__(self, name: str) -> Any:
        answer = {
            "describe_state_machine_for_execution": lambda executionArn: self._definition(executionArn),  # noqa: N803
            "describe_state_machine": lambda stateMachineArn: self._definition(stateMachineArn),  # noqa: N803
            "describe_hyper_parameter_tuning_job": self._tuning,
            "describe_alarm_history": lambda AlarmName, **_: {  # noqa: N803
                "AlarmHistoryItems": self.alarm_history.get(AlarmName, [])
            },
            "create_queue": lambda QueueName: {"QueueUrl": QueueName},  # noqa: N803
            "get_queue_attributes": lambda **_: {"Attributes": {"QueueArn": "arn:aws:sqs:r:1:q"}},
            "subscribe": lambda **_: {"SubscriptionArn": "arn:aws:sns:r:1:t:s"},
            "receive_message": self._received,
            **dict.fromkeys(("set_queue_attributes", "delete_message", "unsubscribe", "delete_queue"), lambda **_: {}),
            "filter_log_events": lambda **asked: {"events": self.logs},
            "get_function_configuration": lambda **asked: {"LoggingConfig": {"LogGroup": self.log_group}},
        }.get(name)
        if answer is None:
            raise AttributeError(name)

        def call(**asked: Any) -> Any:
            self.asked.append((name, asked))
            if name in self.denied:
                raise refused("AccessDeniedException", name)
            return answer(**asked)

        return call

    def get_paginator(self, name: str) -> Any:
        return _Pages(self, name)

    def pages(self, name: str, asked: Json) -> list[Json]:
        self.asked.append((name, asked))
        if name in self.denied:
            raise refused("AccessDeniedException", name)
        if name == "get_execution_history":
            return self._history(asked)
        if name == "list_stack_resources":
            found = [{"LogicalResourceId": a, "PhysicalResourceId": b} for a, b in self.resources.items()]
            return [{"StackResourceSummaries": found}]
        if name == "describe_alarms":
            own = [each for each in self.alarms if each["AlarmName"].startswith(asked["AlarmNamePrefix"])]
            return [{"MetricAlarms": own}]
        if name == "list_training_jobs_for_hyper_parameter_tuning_job":
            return [{"TrainingJobSummaries": self.jobs.get(asked["HyperParameterTuningJobName"], [])}]
        raise AttributeError(name)

    def _history(self, asked: Json) -> list[Json]:
        if asked["executionArn"] not in self.histories:
            raise refused("ExecutionDoesNotExist", "GetExecutionHistory")
        events = self.histories[asked["executionArn"]]
        events = events[::-1] if asked.get("reverseOrder") else events
        if not asked.get("includeExecutionData", True):
            events = [_without_data(event) for event in events]
        return [{"events": events[first : first + 100]} for first in range(0, len(events), 100)]

    def _definition(self, arn: str) -> Json:
        if arn not in self.definitions:
            raise refused("ExecutionDoesNotExist", "DescribeStateMachineForExecution")
        return {"definition": self.definitions[arn]}

    def _received(self, **_: Any) -> Json:
        if not self.messages:
            time.sleep(0.05)
            return {}
        return {"Messages": [{"Body": self.messages.pop(0), "ReceiptHandle": "r"}]}

    def _tuning(self, HyperParameterTuningJobName: str) -> Json:  # noqa: N803
        if HyperParameterTuningJobName not in self.tuning:
            raise refused("ResourceNotFound", "DescribeHyperParameterTuningJob")
        return self.tuning[HyperParameterTuningJobName]


@dataclass
class _Pages:
    clients: StubClients
    name: str

    def paginate(self, **asked: Any) -> list[Json]:
        return self.clients.pages(self.name, asked)


def _without_data(event: Json) -> Json:
    gone = ("input", "output", "parameters")
    return {
        name: {part: told for part, told in value.items() if part not in gone} if isinstance(value, dict) else value
        for name, value in event.items()
    }


def refused(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code}: no"}}, operation)


@dataclass
class StubStack:
    world: World = field(default_factory=fakes.world)
    clients: StubClients = field(default_factory=StubClients)
    target: Target = LOCAL
    stack: str = "sluice"

    def client(self, service: str) -> Any:
        return self.clients


def source(stack: StubStack | None = None) -> Source:
    return Source(stack or StubStack())
