"""Distributed Map states: an execution for each item, with what it may see, and how many may fail."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud_help import Cloud, wait_for
from test_stepfunctions import double, doubling, finish, machine, machine_role, run, start

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def function(cloud: Cloud) -> str:
    return doubling(cloud, "map")


@pytest.fixture(scope="module")
def role(cloud: Cloud, function: str) -> str:
    return machine_role(cloud, function, "map")


def distributed(states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    processor |= {"StartAt": next(iter(states)), "States": states}
    return {"Type": "Map", "Items": "{% $states.input.numbers %}", "ItemProcessor": processor, "End": True, **fields}


def test_each_item_is_an_execution_of_its_own(cloud: Cloud, function: str, role: str) -> None:
    selector = {"number": "{% $states.context.Map.Item.Value %}", "sleep": 0.1}
    one = double(function, Output={"doubled": "{% $states.result.Payload.doubled %}", "seen": "{% $exists($kept) %}"})
    opened = {"Type": "Pass", "Assign": {"kept": 1}, "Next": "Double All"}
    every = distributed({"Double": one}, ItemSelector=selector, MaxConcurrency=2, Label="doubles")
    arn = machine(cloud, role, {"Open": opened, "Double All": every})
    ended = run(cloud, arn, {"numbers": [3, 1, 2]})
    # in the order of the items; a variable of the machine is not seen within one
    assert ended["output"] == [{"doubled": each, "seen": False} for each in (6, 2, 4)], ended
    states = cloud.client("stepfunctions")
    (found,) = states.list_map_runs(executionArn=ended["executionArn"])["mapRuns"]
    described = states.describe_map_run(mapRunArn=found["mapRunArn"])
    assert (described["status"], described["maxConcurrency"]) == ("SUCCEEDED", 2)
    counts = described["executionCounts"]
    assert (counts["total"], counts["succeeded"], counts["failed"], counts["pending"]) == (3, 3, 0, 0)
    children = states.list_executions(mapRunArn=found["mapRunArn"])["executions"]
    assert {each["status"] for each in children} == {"SUCCEEDED"}
    assert all(f":{arn.rsplit(':', 1)[1]}/doubles:" in each["executionArn"] for each in children)
    kinds = [event["type"] for event in states.get_execution_history(executionArn=ended["executionArn"])["events"]]
    for kind in ("MapStateEntered", "MapStateStarted", "MapRunStarted", "MapRunSucceeded", "MapStateExited"):
        assert kind in kinds
    assert "TaskScheduled" not in kinds
    own = [event["type"] for event in states.get_execution_history(executionArn=children[0]["executionArn"])["events"]]
    assert own[0] == "ExecutionStarted"
    assert own[-1] == "ExecutionSucceeded"
    asked = {call["action"] for call in cloud.calls() if call["role"] == role}
    assert asked >= {"states:StartExecution", "states:DescribeExecution", "states:StopExecution"}


def test_one_failure_fails_the_run_unless_some_are_tolerated(cloud: Cloud, function: str, role: str) -> None:
    selector = {"number": "{% $states.context.Map.Item.Value %}", "fail": "{% $states.context.Map.Item.Value = 2 %}"}
    retry = [{"ErrorEquals": ["ContractError"], "MaxAttempts": 0}]
    one = double(function, Output="{% $states.result.Payload.doubled %}", Retry=retry)
    catch = [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "Told"}]
    told = {"Type": "Pass", "End": True}
    limits: list[dict[str, Any]] = [{}, {"ToleratedFailureCount": 1}, {"ToleratedFailurePercentage": 40}]
    for tolerated in limits:
        every = distributed({"Double": one}, ItemSelector=selector, Catch=catch, **tolerated)
        ended = run(cloud, machine(cloud, role, {"Double All": every, "Told": told}), {"numbers": [1, 2, 3]})
        assert ended["status"] == "SUCCEEDED"
        if tolerated:
            assert ended["output"] == [2, 6]
        else:
            assert ended["output"]["Error"] == "States.ExceedToleratedFailureThreshold"


def test_a_stopped_execution_stops_its_items(cloud: Cloud, function: str, role: str) -> None:
    waiting = {"Type": "Wait", "Seconds": 3600, "End": True}
    execution = start(cloud, machine(cloud, role, {"All": distributed({"Wait": waiting})}), {"numbers": [1, 2]})
    states = cloud.client("stepfunctions")

    def running() -> list[Any]:
        runs = states.list_map_runs(executionArn=execution)["mapRuns"]
        return states.list_executions(mapRunArn=runs[0]["mapRunArn"])["executions"] if runs else []

    wait_for(lambda: len(running()) == 2, 20)
    states.stop_execution(executionArn=execution)
    assert finish(cloud, execution)["status"] == "ABORTED"
    wait_for(lambda: {each["status"] for each in running()} == {"ABORTED"}, 20)


def test_no_items_are_no_executions(cloud: Cloud, function: str, role: str) -> None:
    every = distributed({"Double": double(function)})
    assert run(cloud, machine(cloud, role, {"All": every}), {"numbers": []})["output"] == []


def test_a_role_that_may_not_start_its_machine_runs_no_item(cloud: Cloud, function: str) -> None:
    powerless = cloud.role("sfn-no-map", "states.amazonaws.com", [])
    ended = run(cloud, machine(cloud, powerless, {"All": distributed({"Double": double(function)})}), {"numbers": [1]})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Permissions")
    assert "states:StartExecution" in ended["cause"]


@pytest.mark.parametrize("field", ["ItemReader", "ItemBatcher", "ResultWriter"])
def test_what_is_not_known_here_is_refused(cloud: Cloud, function: str, role: str, field: str) -> None:
    with pytest.raises(ClientError, match=field):
        machine(cloud, role, {"All": distributed({"Double": double(function)}, **{field: {}})})
