"""What a template says of encryption, lifecycle, backups, logs and budgets is there once it is deployed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cloud_help import Cloud

from localcloud.stepfunctions.logs import DELIVERY_ACTIONS, logged

FAILS = {"StartAt": "Fail Here", "States": {"Fail Here": {"Type": "Fail", "Error": "Sure", "Cause": "it was to"}}}


def template(role: str, days: int, amount: int) -> dict[str, Any]:
    key = {"Fn::GetAtt": ["Key", "Arn"]}
    account = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*"}
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    destination = {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["Logs", "Arn"]}}}
    types: dict[str, tuple[str, dict[str, Any]]] = {
        "Key": ("AWS::KMS::Key", {"KeyPolicy": {"Version": "2012-10-17", "Statement": [account]}}),
        "Bucket": (
            "AWS::S3::Bucket",
            {
                "BucketName": "resources-test",
                "BucketEncryption": {"ServerSideEncryptionConfiguration": [{**encryption, "BucketKeyEnabled": True}]},
                "LifecycleConfiguration": {
                    "Rules": [{"Id": "old", "Status": "Enabled", "Prefix": "a/", "ExpirationInDays": days}]
                },
            },
        ),
        "Table": (
            "AWS::DynamoDB::Table",
            {
                "TableName": "resources-test",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            },
        ),
        "Budget": (
            "AWS::Budgets::Budget",
            {
                "Budget": {
                    "BudgetName": "resources-test",
                    "BudgetType": "COST",
                    "TimeUnit": "MONTHLY",
                    "BudgetLimit": {"Amount": amount, "Unit": "USD"},
                }
            },
        ),
        "Logs": ("AWS::Logs::LogGroup", {"LogGroupName": "/aws/vendedlogs/states/resources-test"}),
        "Machine": (
            "AWS::StepFunctions::StateMachine",
            {
                "StateMachineName": "resources-test",
                "RoleArn": role,
                "DefinitionString": json.dumps({**FAILS, "Comment": f"{days} days"}),
                "LoggingConfiguration": {
                    "Level": "ERROR",
                    "IncludeExecutionData": False,
                    "Destinations": [destination],
                },
            },
        ),
    }
    return {"Resources": {name: {"Type": kind, "Properties": properties} for name, (kind, properties) in types.items()}}


def settled(cloud: Cloud, name: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = str(cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        if not status.endswith("IN_PROGRESS"):
            return status
        time.sleep(0.2)
    raise AssertionError("the stack does not settle")


@pytest.fixture(scope="module")
def updated(cloud: Cloud) -> None:
    """The stack of `template`, deployed and then updated."""
    stacks = cloud.client("cloudformation")
    role = cloud.role(
        "resources-test",
        "states.amazonaws.com",
        [{"Effect": "Allow", "Action": list(DELIVERY_ACTIONS), "Resource": "*"}],
    )
    stacks.create_stack(StackName="resources", TemplateBody=json.dumps(template(role, 7, 50)))
    assert settled(cloud, "resources") == "CREATE_COMPLETE"
    stacks.update_stack(StackName="resources", TemplateBody=json.dumps(template(role, 9, 60)))
    assert settled(cloud, "resources") == "UPDATE_COMPLETE"


@pytest.mark.usefixtures("updated")
def test_a_stack_is_what_its_template_says_also_after_an_update(cloud: Cloud) -> None:
    s3, account = cloud.client("s3"), cloud.settings.account
    s3.put_object(Bucket="resources-test", Key="a/b", Body=b"1")
    key = s3.head_object(Bucket="resources-test", Key="a/b")["SSEKMSKeyId"]
    assert ":key/" in key
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket="resources-test")["Rules"]
    assert (rule["Filter"], rule["Expiration"]["Days"]) == ({"Prefix": "a/"}, 9)
    table = cloud.client("dynamodb").describe_table(TableName="resources-test")["Table"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == key
    budget = cloud.client("budgets").describe_budget(AccountId=account, BudgetName="resources-test")["Budget"]
    assert float(budget["BudgetLimit"]["Amount"]) == 60


@pytest.mark.usefixtures("updated")
def test_what_fails_in_a_machine_is_logged_without_its_data(cloud: Cloud) -> None:
    machines = cloud.client("stepfunctions")
    arn = next(
        e["stateMachineArn"] for e in machines.list_state_machines()["stateMachines"] if "resources" in e["name"]
    )
    machines.start_execution(stateMachineArn=arn, input=json.dumps({"secret": "canary-4711"}))
    deadline = time.monotonic() + 30
    messages: list[str] = []
    while len(messages) < 2 and time.monotonic() < deadline:
        events = cloud.client("logs").filter_log_events(logGroupName="/aws/vendedlogs/states/resources-test")["events"]
        messages = [event["message"] for event in events]
        time.sleep(0.2)
    assert [json.loads(message)["type"] for message in messages] == ["FailStateEntered", "ExecutionFailed"]
    assert "canary-4711" not in "".join(messages)


def test_a_machine_whose_role_may_not_order_logs_is_refused(cloud: Cloud) -> None:
    stacks = cloud.client("cloudformation")
    role = cloud.role("resources-poor", "states.amazonaws.com", [])
    body = {"Resources": {name: template(role, 7, 50)["Resources"][name] for name in ("Logs", "Machine")}}
    body["Resources"]["Logs"]["Properties"]["LogGroupName"] = "/aws/vendedlogs/states/poor"
    stacks.create_stack(StackName="poor", TemplateBody=json.dumps(body))
    assert settled(cloud, "poor") == "ROLLBACK_COMPLETE"
    reasons = [e.get("ResourceStatusReason", "") for e in stacks.describe_stack_events(StackName="poor")["StackEvents"]]
    assert any("not authorized to access the Log Destination" in reason for reason in reasons)


def test_levels_log_what_the_developer_guide_says() -> None:
    events = ["TaskScheduled", "TaskSucceeded", "TaskFailed", "TaskTimedOut", "FailStateEntered", "ExecutionFailed"]
    levels = {"ALL": events, "ERROR": events[2:], "FATAL": events[5:], "OFF": []}
    assert {level: [each for each in events if logged(level, each)] for level in levels} == levels
