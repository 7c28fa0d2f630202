"""What AWS answers, becomes a sentence: a stack that is not there, one of something else, a region that is not set."""

from __future__ import annotations

from datetime import UTC, datetime

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from cli.app import main
from cli.connection import Connection
from tests.unit.changes.changed_projects import F09


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (NoCredentialsError(), "AWS_PROFILE"),
        (EndpointConnectionError(endpoint_url="http://x"), "cannot be reached"),
        (ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, "DescribeStacks"), "sign in again"),
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "Query"), "your identity may not"),
    ],
)
def test_what_aws_says_becomes_a_sentence(capsys, raised, told):
    class Broken:
        @property
        def world(self):
            raise raised

    assert main(["status"], lambda stack: Broken()) == 1
    assert told in capsys.readouterr().err


@pytest.fixture
def cloudformation():
    """A stubbed client, and a connection that uses it."""
    client = boto3.client("cloudformation", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stubber:
        yield stubber, lambda stack: Connection(stack, lambda service: client)


def test_a_stack_that_is_not_there_is_named_with_its_region(cloudformation, capsys):
    stubber, connect = cloudformation
    stubber.add_client_error("describe_stacks", "ValidationError", "Stack with id mine does not exist")
    assert main(["status", "--stack", "mine"], connect) == 1
    assert "there is no stack 'mine' in region eu-west-1" in capsys.readouterr().err


def test_a_stack_of_something_else_is_not_taken_for_sluice(cloudformation, capsys):
    stubber, connect = cloudformation
    stack = {"StackName": "mine", "CreationTime": datetime.now(UTC), "StackStatus": "CREATE_COMPLETE"}
    stack["Outputs"] = [{"OutputKey": "AlertTopicArn", "OutputValue": "x"}]
    stubber.add_response("describe_stacks", {"Stacks": [stack]})
    assert main(["--stack", "mine", "status"], connect) == 1
    error = capsys.readouterr().err
    assert "DataBucketName" in error
    assert "not a Sluice stack" in error


def test_without_a_region_check_says_that_none_is_set_and_not_what_boto_says(tmp_path, capsys, monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    path = tmp_path / "project.yaml"
    path.write_text(yaml.safe_dump(F09), encoding="utf-8")
    assert main(("check", str(path))) == 0
    assert "not compared with accepted rows, because no AWS region is set" in capsys.readouterr().out
