"""The interpreter does what Step Functions does, where the release depends on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

import pytest

from proofs.stateful import asl
from proofs.stateful.asl import Execution, TaskError
from testing.fakes import FixedClock

LAMBDA = "arn:${Partition}:states:::lambda:invoke"


class Services:
    """Answers calls from a list; an error in it is raised."""

    def __init__(self, *answers: Any) -> None:
        self.clock, self.answers, self.calls = FixedClock(), list(answers), 0
        self.told: dict[str, Any] = {}

    def now(self) -> datetime:
        return self.clock.now()

    def call(self, execution: Execution, resource: str, arguments: Any) -> Any:
        self.calls += 1
        found = self.answers.pop(0)
        if isinstance(found, TaskError):
            raise found
        return {"Payload": found}

    def answer(self, token: str) -> Any:
        found = self.told.get(token)
        if isinstance(found, TaskError):
            raise found
        return found

    def child(self, execution: Execution, arguments: Any) -> Execution:
        raise AssertionError("no child here")


@contextmanager
def machine(**states: Any) -> Iterator[None]:
    content = {"StartAt": next(iter(states)), "States": {**states, "End": {"Type": "Succeed"}}}
    with patch.object(asl, "definition", lambda name: content):
        yield


def ended(services: Services, data: Any = None) -> Execution:
    execution = Execution("m", "e", data or {}, services)
    while execution.running:
        if not execution.advance():
            wake = execution.wakes()
            assert wake is not None
            services.clock.advance((wake - services.now()).total_seconds())
    return execution


def test_an_assign_sees_the_variables_of_before() -> None:
    first = {"Type": "Pass", "Assign": {"n": 1}, "Next": "Second"}
    second = {"Type": "Pass", "Assign": {"n": "{% $n + 1 %}", "m": "{% $n %}"}, "Next": "End"}
    with machine(First=first, Second=second):
        assert ended(Services()).variables == {"n": 2, "m": 1}


def test_retries_are_counted_by_retrier_and_wait_longer_each_time() -> None:
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 10, "MaxAttempts": 2, "BackoffRate": 2}]
    caught = {"ErrorEquals": ["States.ALL"], "Assign": {"why": "{% $states.errorOutput.Error %}"}, "Next": "End"}
    task = {"Type": "Task", "Resource": LAMBDA, "Arguments": {}, "Retry": retry, "Catch": [caught], "Next": "End"}
    with machine(Ask=task):
        services = Services(*[TaskError("Busy")] * 3)
        begun, execution = services.now(), ended(services)
    assert (services.calls, execution.variables) == (3, {"why": "Busy"})
    assert (services.now() - begun).total_seconds() == 10 + 20


def test_what_a_definition_cannot_catch_ends_the_execution() -> None:
    caught = {"ErrorEquals": ["States.ALL"], "Next": "End"}
    task = {"Type": "Task", "Resource": LAMBDA, "Arguments": {}, "Catch": [caught], "Next": "End"}
    with machine(Ask=task):
        execution = ended(Services(TaskError("States.Runtime", "no")))
    assert (execution.status, execution.error) == ("FAILED", "States.Runtime")


def test_a_missing_field_is_an_error_and_null_is_not() -> None:
    with machine(Say={"Type": "Pass", "Output": "{% $states.input.there %}", "Next": "End"}):
        assert ended(Services(), {"there": None}).output is None
        assert ended(Services(), {"here": 1}).error == "States.QueryEvaluationError"


def test_a_wait_for_a_token_ends_by_word_or_by_time() -> None:
    task = {
        "Type": "Task",
        "Resource": f"{LAMBDA}.waitForTaskToken",
        "TimeoutSeconds": "{% 10 + 20 %}",
        "Arguments": {"token": "{% $states.context.Task.Token %}"},
        "Catch": [{"ErrorEquals": ["States.Timeout"], "Assign": {"late": True}, "Next": "End"}],
        "Next": "End",
    }
    with machine(Wait=task):
        quiet = Services({})
        assert ended(quiet).variables == {"late": True}
        told = Services({})
        execution = Execution("m", "e", {}, told)
        execution.advance()
        assert execution.waits_for_word
        assert not execution.ready()
        told.told[f"{execution.arn}#1"] = TaskError("Aborted", "now")
        assert execution.ready()
        execution.advance()
        assert (execution.status, execution.error) == ("FAILED", "Aborted")


def test_what_is_not_known_is_refused() -> None:
    with machine(Ask={"Type": "Task", "Resource": f"{LAMBDA}.sync", "Arguments": {}, "Next": "End"}):
        execution = Execution("m", "e", {}, Services())
        with pytest.raises(asl.UnsupportedError):
            execution.advance()


@pytest.mark.parametrize("name", ["release_model", "roll_back", "ml_lifecycle"])
def test_the_real_machines_are_understood(name: str) -> None:
    assert asl.definition(name)["States"]
