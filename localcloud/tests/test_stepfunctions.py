"""State machines on a running local cloud: integrations under the machine's role, errors, time-outs, statuses."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cloud_help import Cloud, wait_for

pytestmark = pytest.mark.cloud

FUNCTION = """
import time

class ContractError(Exception):
    pass

def handler(event, context):
    if event.get("fail"):
        raise ContractError("column 3 is wrong")
    time.sleep(event.get("sleep", 0))
    return {"doubled": event.get("number", 0) * 2, "token": event.get("token")}
"""


@pytest.fixture(scope="module")
def function(cloud: Cloud) -> str:
    return doubling(cloud, "sfn")


def doubling(cloud: Cloud, name: str) -> str:
    """ARN of a small Lambda function."""
    role = cloud.role(f"{name}-function", "lambda.amazonaws.com", [])
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", FUNCTION)
    answer = cloud.client("lambda").create_function(
        FunctionName=f"{name}-double",
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=20,
    )
    return str(answer["FunctionArn"])


@pytest.fixture(scope="module")
def role(cloud: Cloud, function: str) -> str:
    return machine_role(cloud, function, "sfn")


def machine_role(cloud: Cloud, function: str, name: str) -> str:
    """A state machine's role that may do what the tests' machines do."""
    account = cloud.settings.account
    rule = f"arn:aws:events:*:{account}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
    return cloud.role(
        f"{name}-machine",
        "states.amazonaws.com",
        [
            {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function},
            {"Effect": "Allow", "Action": "states:StartExecution", "Resource": "*"},
            {"Effect": "Allow", "Action": ["states:DescribeExecution", "states:StopExecution"], "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
                "Resource": rule,
            },
            {"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"},
            {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*"},
        ],
    )


def machine(cloud: Cloud, role: str, states: dict[str, Any], **top: Any) -> str:
    """Creates a JSONata machine that starts at its first state."""
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **top}
    answer = cloud.client("stepfunctions").create_state_machine(
        name=f"m-{uuid.uuid4().hex[:12]}", definition=json.dumps(definition), roleArn=role
    )
    return str(answer["stateMachineArn"])


def start(cloud: Cloud, arn: str, data: dict[str, Any] | None = None) -> str:
    answer = cloud.client("stepfunctions").start_execution(stateMachineArn=arn, input=json.dumps(data or {}))
    return str(answer["executionArn"])


def finish(cloud: Cloud, execution: str, seconds: float = 20) -> dict[str, Any]:
    """Waits for the end; returns DescribeExecution's answer with `output` parsed."""
    states = cloud.client("stepfunctions")

    def ended() -> dict[str, Any] | None:
        description = states.describe_execution(executionArn=execution)
        return description if description["status"] != "RUNNING" else None

    description = wait_for(ended, seconds)
    description["output"] = json.loads(description.get("output") or "null")
    return dict(description)


def run(cloud: Cloud, arn: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    return finish(cloud, start(cloud, arn, data))


def double(function: str, payload: Any = "{% $states.input %}", **more: Any) -> dict[str, Any]:
    """A Task that calls the function and ends with its answer."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function, "Payload": payload},
        "Output": "{% $states.result.Payload %}",
        "TimeoutSeconds": 20,
        "End": True,
        **more,
    }


def test_a_machine_calls_a_lambda_and_sees_its_context(cloud: Cloud, function: str, role: str) -> None:
    shape = {"answer": "{% $states.result.Payload.doubled %}", "role": "{% $states.context.Execution.RoleArn %}"}
    shape["state"] = "{% $states.context.State.Name %}"
    arn = machine(cloud, role, {"Double It": double(function, Output=shape)})
    ended = run(cloud, arn, {"number": 21})
    assert ended["status"] == "SUCCEEDED", ended
    assert ended["output"] == {"answer": 42, "role": role, "state": "Double It"}
    call = [c for c in cloud.calls() if c["action"] == "lambda:InvokeFunction" and c["role"] == role]
    assert call
    assert call[-1]["allowed"]


def test_a_lambdas_error_is_caught_by_its_class_name(cloud: Cloud, function: str, role: str) -> None:
    catch = [{"ErrorEquals": ["ContractError"], "Next": "Refused", "Output": "{% $states.errorOutput %}"}]
    retry = [{"ErrorEquals": ["ContractError"], "MaxAttempts": 0}]
    states = {"Try": double(function, Catch=catch, Retry=retry), "Refused": {"Type": "Pass", "End": True}}
    ended = run(cloud, machine(cloud, role, states), {"fail": True})
    assert ended["status"] == "SUCCEEDED", ended
    assert ended["output"]["Error"] == "ContractError"
    assert json.loads(ended["output"]["Cause"])["errorMessage"] == "column 3 is wrong"


def test_a_machine_may_do_only_what_its_role_may(cloud: Cloud, function: str) -> None:
    powerless = cloud.role("sfn-powerless", "states.amazonaws.com", [])
    ended = run(cloud, machine(cloud, powerless, {"Try": double(function)}))
    assert ended["status"] == "FAILED"
    assert ended["error"] == "Lambda.AWSLambdaException"
    assert "lambda:InvokeFunction" in ended["cause"]


def test_a_nested_machine_gives_its_output(cloud: Cloud, function: str, role: str) -> None:
    child = machine(cloud, role, {"Double It": double(function)})
    nested = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": child, "Input": {"number": 4}},
        "Output": "{% $states.result.Output.doubled %}",
        "End": True,
    }
    ended = run(cloud, machine(cloud, role, {"Run Child": nested}))
    assert ended["output"] == 8, ended


def test_a_failed_nested_machine_fails_the_task_with_its_description(cloud: Cloud, function: str, role: str) -> None:
    child = machine(cloud, role, {"Double It": double(function)})
    nested = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": child, "Input": {"fail": True}},
        "End": True,
    }
    ended = run(cloud, machine(cloud, role, {"Run Child": nested}))
    assert ended["error"] == "States.TaskFailed"
    assert json.loads(ended["cause"])["Error"] == "ContractError"


def ask(function: str, **more: Any) -> dict[str, Any]:
    """A Task that calls the function with its token and ends with what the token's answer says."""
    payload = {"token": "{% $states.context.Task.Token %}"}
    resource = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    return double(function, payload, Resource=resource, Output="{% $states.result %}", **more)


def token_of(cloud: Cloud, execution: str) -> str:
    """The token with which the execution's last task waits; its call has most likely been made."""

    def token() -> str:
        history = cloud.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
        scheduled = [e["taskScheduledEventDetails"]["parameters"] for e in history if e["type"] == "TaskScheduled"]
        return str(json.loads(scheduled[-1])["Payload"]["token"]) if scheduled else ""

    return str(wait_for(token, every=0.02))


def test_a_task_waits_for_its_token(cloud: Cloud, function: str, role: str) -> None:
    execution = start(cloud, machine(cloud, role, {"Ask": ask(function)}))
    states = cloud.client("stepfunctions")
    states.send_task_success(taskToken=token_of(cloud, execution), output=json.dumps({"approved": True}))
    assert finish(cloud, execution)["output"] == {"approved": True}


def test_a_token_is_waited_for_at_the_clouds_speed(cloud: Cloud, function: str, role: str) -> None:
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}]
    late = {"Type": "Pass", "Output": "late", "End": True}
    execution = start(cloud, machine(cloud, role, {"Ask": ask(function, TimeoutSeconds=30, Catch=catch), "Late": late}))
    token = token_of(cloud, execution)
    began = time.monotonic()
    assert finish(cloud, execution)["output"] == "late"
    assert 1.5 < time.monotonic() - began < 10  # 3 s at ten times the speed, less what the call took of them
    states = cloud.client("stepfunctions")
    for send in (states.send_task_success, states.send_task_failure, states.send_task_heartbeat):
        with pytest.raises(states.exceptions.TaskTimedOut, match="Provided task does not exist anymore"):
            send(taskToken=token, **({"output": "{}"} if send == states.send_task_success else {}))


def test_a_heartbeat_is_missed_at_the_clouds_speed(cloud: Cloud, function: str, role: str) -> None:
    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "Silent"}]
    silent = {"Type": "Pass", "Output": "silent", "End": True}
    task = ask(function, TimeoutSeconds=6000, HeartbeatSeconds=40, Catch=catch)
    execution = start(cloud, machine(cloud, role, {"Ask": task, "Silent": silent}))
    states, token = cloud.client("stepfunctions"), token_of(cloud, execution)
    for _ in range(6):  # 6 s, 60 cloud seconds
        time.sleep(1)
        states.send_task_heartbeat(taskToken=token)
    assert states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    began = time.monotonic()
    assert finish(cloud, execution)["output"] == "silent"
    assert 3 < time.monotonic() - began < 9


def test_what_is_sent_to_a_token_ends_the_task_at_once_and_once(cloud: Cloud, function: str, role: str) -> None:
    catch = [{"ErrorEquals": ["CanaryAlarm"], "Next": "Aborted", "Output": "{% $states.errorOutput.Cause %}"}]
    task = ask(function, TimeoutSeconds=60000, Catch=catch)
    execution = start(cloud, machine(cloud, role, {"Ask": task, "Aborted": {"Type": "Pass", "End": True}}))
    states, token = cloud.client("stepfunctions"), token_of(cloud, execution)
    time.sleep(1)  # the call has returned
    with pytest.raises(states.exceptions.InvalidOutput):
        states.send_task_success(taskToken=token, output="not JSON")
    sent = time.time()
    states.send_task_failure(taskToken=token, error="CanaryAlarm", cause="5xx")
    with pytest.raises(states.exceptions.TaskTimedOut):
        states.send_task_success(taskToken=token, output="{}")
    ended = finish(cloud, execution)
    assert ended["output"] == "5xx"
    assert ended["stopDate"].timestamp() - sent < 0.5
    with pytest.raises(states.exceptions.InvalidToken):
        states.send_task_failure(taskToken="never-issued")


def test_a_token_ends_with_its_execution(cloud: Cloud, function: str, role: str) -> None:
    execution = start(cloud, machine(cloud, role, {"Ask": ask(function, TimeoutSeconds=60000)}))
    states, token = cloud.client("stepfunctions"), token_of(cloud, execution)
    time.sleep(0.5)
    states.stop_execution(executionArn=execution)
    time.sleep(0.2)
    with pytest.raises(states.exceptions.TaskTimedOut):
        states.send_task_success(taskToken=token, output="{}")


def test_a_task_without_a_token_keeps_real_seconds(cloud: Cloud, function: str, role: str) -> None:
    ended = run(cloud, machine(cloud, role, {"Sleep": double(function, {"sleep": 2}, TimeoutSeconds=8)}))
    assert ended["status"] == "SUCCEEDED", ended


def test_a_task_times_out(cloud: Cloud, function: str, role: str) -> None:
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}]
    states = {
        "Sleep": double(function, {"sleep": 10}, TimeoutSeconds=1, Catch=catch),
        "Late": {"Type": "Pass", "Output": "late", "End": True},
    }
    assert run(cloud, machine(cloud, role, states))["output"] == "late"


def test_a_machine_times_out_in_a_wait(cloud: Cloud, role: str) -> None:
    arn = machine(cloud, role, {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}, TimeoutSeconds=1)
    assert run(cloud, arn)["status"] == "TIMED_OUT"


def test_stopping_aborts_at_once_and_stays_aborted(cloud: Cloud, role: str) -> None:
    execution = start(cloud, machine(cloud, role, {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}))
    cloud.client("stepfunctions").stop_execution(executionArn=execution, error="Enough")
    time.sleep(0.5)
    assert finish(cloud, execution)["status"] == "ABORTED"


def test_an_assign_sees_the_variables_of_before(cloud: Cloud, role: str) -> None:
    states = {
        "First": {"Type": "Pass", "Assign": {"step": 1}, "Next": "Second"},
        "Second": {
            "Type": "Pass",
            "Assign": {"step": "{% $step + 1 %}", "seen": "{% $step %}"},
            "Next": "Last",
        },
        "Last": {"Type": "Pass", "Output": {"step": "{% $step %}", "seen": "{% $seen %}"}, "End": True},
    }
    ended = run(cloud, machine(cloud, role, states))
    assert ended["output"] == {"step": 2, "seen": 1}


def test_waits_pass_at_the_clouds_speed(cloud: Cloud, role: str) -> None:
    began = time.monotonic()
    ended = run(cloud, machine(cloud, role, {"Wait": {"Type": "Wait", "Seconds": 10, "End": True}}))
    assert ended["status"] == "SUCCEEDED"
    assert 0.9 < time.monotonic() - began < 5


def test_an_sdk_error_has_the_name_of_the_java_class(cloud: Cloud, role: str) -> None:
    put = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:putItem",
        "Arguments": {"TableName": "nowhere", "Item": {"pk": {"S": "x"}}},
        "End": True,
    }
    ended = run(cloud, machine(cloud, role, {"Put": put}))
    assert ended["error"] == "DynamoDb.ResourceNotFoundException", ended
    put["Arguments"]["Itme"] = {}
    ended = run(cloud, machine(cloud, role, {"Put": put}))
    assert ended["error"] == "States.Runtime"
    assert "Itme" in ended["cause"]


def test_a_resource_that_aws_has_not_is_refused(cloud: Cloud, role: str) -> None:
    task = {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createEndpoint.sync", "End": True}
    assert run(cloud, machine(cloud, role, {"No": task}))["error"] == "States.Runtime"


def test_parallel_branches_have_their_own_context(cloud: Cloud, function: str, role: str) -> None:
    branches = [{"StartAt": "A", "States": {"A": double(function, {"number": n})}} for n in (1, 2)]
    both = {"Type": "Parallel", "Branches": branches, "Output": "{% $states.result.doubled %}", "End": True}
    assert run(cloud, machine(cloud, role, {"Both": both}))["output"] == [2, 4]


def test_a_history_has_the_states_of_branches_and_says_to_which_an_event_belongs(
    cloud: Cloud, function: str, role: str
) -> None:
    branches = [{"StartAt": name, "States": {name: double(function, {"number": 1})}} for name in ("A", "B")]
    both = {"Type": "Parallel", "Branches": branches, "Next": "After"}
    execution = start(cloud, machine(cloud, role, {"Both": both, "After": {"Type": "Succeed"}}))
    finish(cloud, execution)
    history = cloud.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))
    # each event's state: its own, or that of the event before it
    within: dict[int, str] = {0: ""}
    found: dict[str, list[str]] = {}
    for event in history:
        details = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails") or {}
        within[event["id"]] = details.get("name") or within[event["previousEventId"]]
        found.setdefault(within[event["id"]], []).append(event["type"])
    task = ["TaskStateEntered", "TaskScheduled", "TaskSucceeded", "TaskStateExited"]
    assert (found["A"], found["B"]) == (task, task)
    assert found["Both"] == ["ParallelStateEntered", "ParallelStateExited"]
    assert history[-1]["type"] == "ExecutionSucceeded"


def test_the_same_start_twice_is_one_execution(cloud: Cloud, role: str) -> None:
    arn = machine(cloud, role, {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}})
    states = cloud.client("stepfunctions")
    first, second = (states.start_execution(stateMachineArn=arn, name="one", input="{}") for _ in range(2))
    assert first["executionArn"] == second["executionArn"]
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(stateMachineArn=arn, name="one", input='{"other": 1}')
    states.stop_execution(executionArn=first["executionArn"])


def test_a_broken_definition_is_refused(cloud: Cloud, role: str) -> None:
    states = cloud.client("stepfunctions")
    with pytest.raises(states.exceptions.InvalidDefinition, match="Nowhere"):
        machine(cloud, role, {"A": {"Type": "Pass", "Next": "Nowhere"}})


def test_what_only_aws_can_say_of_a_definition_is_refused(cloud: Cloud) -> None:
    # boto3 would ask for TestState at a host of its own
    states = boto3.client(
        "stepfunctions",
        region_name="eu-west-1",
        endpoint_url=cloud.client("stepfunctions").meta.endpoint_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(inject_host_prefix=False),
    )
    definition = json.dumps({"StartAt": "x", "States": {"x": {"Type": "Pass", "End": True}}})
    with pytest.raises(ClientError, match="is not supported by the local cloud"):
        states.validate_state_machine_definition(definition=definition)
    with pytest.raises(ClientError, match="is not supported by the local cloud"):
        states.test_state(definition=definition, stateName="x")
