"""`sluice remove-project`: all that the line made for a project, and nothing of its neighbour."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from cli import cleaning
from cli.app import main
from cli.cleaning import delete_endpoint, remove, things
from cli.errors import CliError
from cli.target import Target
from sluice.aws.clients import Clients
from sluice.ports import Settings

LOCAL = Target("http://127.0.0.1:4566", "eu-west-1")
ROLE = "arn:aws:iam::123456789012:role/example"


def tags(stack: str, project: str) -> list[dict[str, str]]:
    """What the line tags with, docs/costs.md."""
    return [{"Key": "sluice:stack", "Value": stack}, {"Key": "sluice:project", "Value": project}]


@pytest.fixture
def aws(monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(cleaning.time, "sleep", lambda _: None)
    with mock_aws():
        yield Clients()


@pytest.fixture
def connection(aws) -> Any:
    return SimpleNamespace(stack="sluice", client=aws, world=SimpleNamespace(settings=Settings(stack="sluice")))


def furnish(project: str) -> None:
    """What the line makes for a project, by the same names and tags."""
    sagemaker, run = boto3.client("sagemaker"), f"sluice-{project}-r0123456789ab"
    owned = tags("sluice", project)
    sagemaker.create_model(ModelName=run, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i"}, Tags=owned)
    variant = {"VariantName": "v", "ModelName": run, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=f"{run}-only", ProductionVariants=[variant], Tags=owned)
    sagemaker.create_endpoint(EndpointName=f"sluice-{project}", EndpointConfigName=f"{run}-only", Tags=owned)
    sagemaker.create_model_package_group(ModelPackageGroupName=f"sluice-{project}", Tags=owned)
    sagemaker.create_model_package(ModelPackageGroupName=f"sluice-{project}")
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName=f"sluice/{project}/drift",
        MetricName="DriftScore",
        Namespace="Sluice",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    boto3.client("scheduler").create_schedule(
        Name=f"sluice-{project}-monitor",
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": ROLE, "RoleArn": ROLE, "Input": json.dumps({"project": project})},
    )


KINDS = ["schedule", "endpoint", "alarm", "endpoint configuration", "model", "model package", "model package group"]


def test_all_of_a_project_is_found_and_nothing_of_its_neighbour(connection):
    for project in ("shop", "shop-2"):
        furnish(project)
    found = things(connection, "shop")
    assert [each.kind for each in found] == KINDS
    assert not any("shop-2" in each.name for each in found)
    assert len(things(connection, "shop-2")) == len(KINDS)


def test_what_another_stack_made_under_the_same_name_stays(connection):
    """`test-shop` of the stack `sluice` is named as `shop` of `sluice-test`."""
    sagemaker, owned = boto3.client("sagemaker"), tags("sluice-test", "shop")
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i"})
    variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="sluice-test-shop", EndpointConfigName="c", Tags=owned)
    sagemaker.create_model_package_group(ModelPackageGroupName="sluice-test-shop", Tags=owned)
    boto3.client("scheduler").create_schedule(
        Name="sluice-test-shop-monitor",
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": ROLE, "RoleArn": ROLE, "Input": json.dumps({"project": "shop"})},
    )
    assert things(connection, "test-shop") == []


def test_a_model_of_another_stack_with_the_same_beginning_stays(connection):
    boto3.client("sagemaker").create_model(
        ModelName="sluice-shop-r1",
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": "i"},
        Tags=tags("sluice-2", "shop"),
    )
    boto3.client("sagemaker").create_model(
        ModelName="sluice-shop-mine", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i"}
    )
    assert things(connection, "shop") == []


class CloudWatch:
    """As CloudWatch: lists composites only where they are asked for, and keeps what a composite depends on."""

    def __init__(self, alarms: dict[str, list[str]]) -> None:
        self.alarms = alarms

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_alarms"
        return SimpleNamespace(paginate=self.pages)

    def pages(self, AlarmNamePrefix: str, AlarmTypes: tuple[str, ...] = ("MetricAlarm",)) -> list[dict[str, Any]]:  # noqa: N803
        found: dict[str, list[dict[str, str]]] = {"MetricAlarms": [], "CompositeAlarms": []}
        for name, parts in self.alarms.items():
            kind = "CompositeAlarm" if parts else "MetricAlarm"
            if kind in AlarmTypes and name.startswith(AlarmNamePrefix):
                found[f"{kind}s"].append({"AlarmName": name})
        return [found]

    def delete_alarms(self, AlarmNames: list[str]) -> None:  # noqa: N803
        for name in AlarmNames:
            if any(name in parts for parts in self.alarms.values()):
                message = f"Cannot delete {name} as there are composite alarm(s) depending on it."
                raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DeleteAlarms")
            del self.alarms[name]


def test_a_composite_of_a_stopped_release_goes_before_what_it_depends_on(connection, monkeypatch):
    release = "sluice/shop/r1/canary"
    parts = [f"{release}-errors", f"{release}-latency"]
    watch = CloudWatch({parts[0]: [], parts[1]: [], release: parts, "sluice/shop-2/r1/canary": ["sluice/shop-2/r1/x"]})
    monkeypatch.setattr(connection, "client", lambda name: watch if name == "cloudwatch" else boto3.client(name))
    assert remove(things(connection, "shop"), lambda _: None) == []
    assert list(watch.alarms) == ["sluice/shop-2/r1/canary"]


def test_what_fails_is_told_and_the_rest_goes(connection, capsys):
    def denied() -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DeleteModel")

    def gone() -> None:
        raise ClientError({"Error": {"Code": "ValidationException", "Message": "Could not find model"}}, "DeleteModel")

    done: list[str] = []
    left = remove(
        [
            cleaning.Thing("model", "a", denied),
            cleaning.Thing("model", "b", gone),
            cleaning.Thing("model", "c", lambda: done.append("c")),
        ],
        lambda _: None,
    )
    assert done == ["c"]
    assert len(left) == 1
    assert "AccessDenied" in left[0]


def test_an_endpoint_is_deleted_once_it_is_settled(monkeypatch):
    monkeypatch.setattr(cleaning.time, "sleep", lambda _: None)
    seen, deleted = iter(["Creating", "Updating", "InService", "Deleting"]), []

    def describe_endpoint(**_: str) -> dict[str, str]:
        status = next(seen, None)
        if status is None:
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "Could not find endpoint"}}, "D")
        return {"EndpointStatus": status}

    client = SimpleNamespace(describe_endpoint=describe_endpoint, delete_endpoint=lambda **name: deleted.append(name))
    delete_endpoint(client, "e")
    assert deleted == [{"EndpointName": "e"}]
    stuck = SimpleNamespace(describe_endpoint=lambda **_: {"EndpointStatus": "Creating"})
    with pytest.raises(CliError, match="still Creating"):
        delete_endpoint(stuck, "e", patience=-1)


def command(world: Any, aws: Clients, *arguments: str) -> int:
    connection: Any = SimpleNamespace(stack="sluice", client=aws, world=world, target=LOCAL)
    return main(("remove-project", *arguments), lambda _: connection)


def test_the_command_asks_first_and_leaves_the_data(world, aws, capsys):
    furnish("shop")
    world.objects.write("raw/shop/a.csv", json.dumps(1).encode())
    # moto has no such operations
    groups: list[str] = []
    aws("sagemaker").delete_model_package_group = lambda **name: groups.append(name["ModelPackageGroupName"])
    packages = boto3.client("sagemaker").list_model_packages(ModelPackageGroupName="sluice-shop")[
        "ModelPackageSummaryList"
    ]
    gone: list[str] = []
    aws("sagemaker").delete_model_package = lambda **name: gone.append(name["ModelPackageName"])
    assert command(world, aws, "shop") == 1
    assert "no terminal to ask" in capsys.readouterr().err
    assert boto3.client("sagemaker").list_models()["Models"]
    assert command(world, aws, "shop", "--yes") == 0
    told = capsys.readouterr().out
    assert all(f"removed {kind} " in told for kind in KINDS)
    assert "which SageMaker never deletes" in told
    assert groups == ["sluice-shop"]
    assert gone == [each["ModelPackageArn"] for each in packages]
    assert boto3.client("sagemaker").list_models()["Models"] == []
    assert boto3.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert world.objects.exists("raw/shop/a.csv")
    assert world.ledger.contract("shop")


def test_not_while_a_run_is_on(world, aws, capsys):
    world.ledger.acquire_lock("shop", "r1", world.clock.now())
    assert command(world, aws, "shop", "--yes") == 1
    assert "run r1 of shop is in progress" in capsys.readouterr().err
