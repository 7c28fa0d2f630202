"""Each port twice: the fake of the unit tests, and the AWS adapter on moto. Both must pass the same tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from sluice.bootstrap import World, assemble
from testing.fakes import SETTINGS
from testing.fakes import world as fake_world


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The adapters on moto's empty account with a stack's resources."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=SETTINGS.bucket)
        s3.put_bucket_versioning(Bucket=SETTINGS.bucket, VersioningConfiguration={"Status": "Enabled"})
        boto3.client("dynamodb").create_table(
            TableName=SETTINGS.table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )
        topic = boto3.client("sns").create_topic(Name="sluice-alerts")["TopicArn"]
        boto3.client("events").create_event_bus(Name=SETTINGS.bus)
        trust = {"Version": "2012-10-17", "Statement": []}
        role = boto3.client("iam").create_role(RoleName="states", AssumeRolePolicyDocument=json.dumps(trust))
        definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
        machine = boto3.client("stepfunctions").create_state_machine(
            name="sluice-lifecycle", definition=json.dumps(definition), roleArn=role["Role"]["Arn"]
        )
        yield assemble(replace(SETTINGS, topic_arn=topic, lifecycle_arn=machine["stateMachineArn"]))


@pytest.fixture(params=["fake", "aws"])
def world(request: pytest.FixtureRequest) -> World:
    return fake_world() if request.param == "fake" else request.getfixturevalue("aws")
