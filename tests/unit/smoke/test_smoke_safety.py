"""The smoke run removes what it made and nothing else, and says what it did not look at."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from cli.errors import CliError
from proofs.locks import ROOT
from scripts import smoke_aws
from scripts.smoke import line
from scripts.smoke.record import FAILED, NOT_RUN, PASSED, FailedCheckError, Record
from scripts.smoke.samples import samples
from scripts.smoke.stack import TAG, OwnStack
from scripts.smoke.states import tried
from sluice import keys
from sluice.contract import load_contract

TEMPLATE = """
Resources:
  Data: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: !Sub "${AWS::StackName}-data"}}
  Kept: {Type: AWS::DynamoDB::Table, DeletionPolicy: RetainExceptOnCreate}
  Key: {Type: AWS::KMS::Key, DeletionPolicy: Retain}
  Topic: {Type: AWS::SNS::Topic}
"""


class Stacks:
    """CloudFormation as far as the script asks; what its stacks hold is in moto."""

    meta = SimpleNamespace(region_name="eu-west-1", endpoint_url="https://cloudformation.eu-west-1.amazonaws.com")

    def __init__(self) -> None:
        self.stacks: dict[str, dict[str, Any]] = {}
        self.resources: dict[str, list[dict[str, str]]] = {}

    def make(self, name: str, aws: Any, tags: dict[str, str]) -> None:
        aws("s3").create_bucket(Bucket=f"{name}-data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        aws("dynamodb").create_table(
            TableName=f"{name}-table",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        key = aws("kms").create_key()["KeyMetadata"]["KeyId"]
        made = {"Data": f"{name}-data", "Kept": f"{name}-table", "Key": key, "Topic": "a topic"}
        kinds = {"Data": "AWS::S3::Bucket", "Kept": "AWS::DynamoDB::Table", "Key": "AWS::KMS::Key"}
        self.resources[name] = [
            {
                "LogicalResourceId": each,
                "ResourceType": kinds.get(each, "AWS::SNS::Topic"),
                "PhysicalResourceId": physical,
            }
            for each, physical in made.items()
        ]
        self.stacks[name] = {
            "StackId": name,
            "StackStatus": "CREATE_COMPLETE",
            "Tags": [{"Key": key.replace("__", ":"), "Value": value} for key, value in tags.items()],
        }

    def describe_stacks(self, *, StackName: str) -> Any:  # noqa: N803
        if StackName not in self.stacks:
            raise ClientError(
                {"Error": {"Code": "ValidationError", "Message": "Stack does not exist"}}, "DescribeStacks"
            )
        return {"Stacks": [self.stacks[StackName]]}

    def get_template(self, *, StackName: str, TemplateStage: str) -> Any:  # noqa: N803
        return {"TemplateBody": TEMPLATE}

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(
            paginate=lambda StackName: [{"StackResourceSummaries": self.resources[StackName]}]  # noqa: N803
        )

    def delete_stack(self, *, StackName: str) -> None:  # noqa: N803
        del self.stacks[StackName]


@pytest.fixture
def aws(monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr("scripts.smoke.stack.time.sleep", lambda _: None)
    with mock_aws():
        made: dict[str, Any] = {"cloudformation": Stacks()}
        yield lambda service: made.setdefault(service, boto3.client(service))


def make(aws: Any, name: str, **tags: str) -> None:
    aws("cloudformation").make(name, aws, tags)


def test_its_own_stack_goes_with_all_that_is_kept(aws):
    make(aws, "sluice-smoke-a", sluice__smoke="mine")
    make(aws, "sluice-smoke-b", sluice__smoke="other")
    s3 = aws("s3")
    s3.put_bucket_versioning(Bucket="sluice-smoke-a-data", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"one", b"two"):
        s3.put_object(Bucket="sluice-smoke-a-data", Key="x", Body=body)
    s3.delete_object(Bucket="sluice-smoke-a-data", Key="x")
    own = OwnStack("sluice-smoke-a", "mine", aws)
    assert sorted(kind for kind, _ in own.retained()) == ["AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket"]
    own.delete(patience=5)
    assert own.described() is None
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["sluice-smoke-b-data"]
    assert len(aws("dynamodb").list_tables()["TableNames"]) == 1
    states = [
        aws("kms").describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] for key in aws("kms").list_keys()["Keys"]
    ]
    assert sorted(states) == ["Enabled", "PendingDeletion"]


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("sluice", {"sluice__smoke": "mine"}),
        ("sluice-smoke-a", {}),
        ("sluice-smoke-a", {"sluice__smoke": "another"}),
        ("sluice-smoke-a", {"sluice__stack": "mine"}),
    ],
)
def test_another_stack_is_neither_changed_nor_removed(aws, name, tags):
    make(aws, name, **tags)
    own = OwnStack(name, "mine", aws)
    for change in (lambda: own.delete(1), lambda: own.deploy("eu-west-1", Path("template.yaml"))):
        with pytest.raises(CliError, match=r"keeps to its own|is not of this run"):
            change()
    assert own.described()["StackStatus"] == "CREATE_COMPLETE"
    assert aws("s3").list_buckets()["Buckets"]


@pytest.mark.parametrize("tags", [{}, {"sluice__stack": "x"}])
def test_cleaning_needs_the_tag(aws, tags):
    make(aws, "sluice-smoke-a", **tags)
    with pytest.raises(CliError, match=f"no tag {TAG}"):
        smoke_aws.clean("sluice-smoke-a", aws, yes=True)
    assert aws("cloudformation").describe_stacks(StackName="sluice-smoke-a")["Stacks"]


def test_a_stack_of_that_name_is_not_deployed_over(aws, monkeypatch):
    make(aws, "sluice-smoke-a", sluice__smoke="another")
    monkeypatch.setattr(smoke_aws, "build", lambda: pytest.fail("it must not come so far"))
    options = smoke_aws.parser().parse_args(["--stack-name", "sluice-smoke-a", "--yes"])
    with pytest.raises(CliError, match="is not of this run"):
        smoke_aws.smoke(options, aws)


def test_nothing_is_done_without_consent(aws, monkeypatch):
    monkeypatch.setattr(smoke_aws, "build", lambda: pytest.fail("it must not come so far"))
    options = smoke_aws.parser().parse_args(["--stack-name", "sluice-smoke-a"])
    monkeypatch.setattr("sys.stdin", io.StringIO("sluice-smoke-a\n"))
    with pytest.raises(CliError, match="nobody to ask"):
        smoke_aws.smoke(options, aws)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    assert smoke_aws.smoke(options, aws) == 1


def test_a_stack_with_other_projects_is_not_removed(aws):
    make(aws, "sluice-smoke-a", sluice__smoke="mine")
    ledger = SimpleNamespace(projects=lambda: [line.PROJECT, "shop"])
    connection: Any = SimpleNamespace(world=SimpleNamespace(ledger=ledger))
    with pytest.raises(CliError, match="projects that this script did not make"):
        smoke_aws.removed(Record(on_aws=True), OwnStack("sluice-smoke-a", "mine", aws), connection)
    assert aws("s3").list_buckets()["Buckets"]


def raising(error: Exception) -> Any:
    def look() -> None:
        raise error

    return look


def lacking() -> ClientError:
    told = {"Error": {"Code": "ValidationException", "Message": "TestState is not supported by the local cloud: …"}}
    return ClientError(told, "TestState")


def test_what_a_cloud_lacks_is_told_and_never_passed():
    here, aws = Record(on_aws=False), Record(on_aws=True)
    for record in (here, aws):
        assert record.check("a state", raising(lacking()), "managed rules") is None
        record.check("an address", raising(EndpointConnectionError(endpoint_url="https://x")), "`anything-but`")
        record.check("a thing", raising(FailedCheckError("it is not there")), "**Glue**")
        record.check("another", lambda: "seen", "**Tuning**", "managed rules")
    assert [row.verdict for row in here.rows] == [NOT_RUN, NOT_RUN, FAILED, PASSED]
    assert [row.verdict for row in aws.rows] == [FAILED, FAILED, FAILED, PASSED]
    assert "1 passed, 1 failed, 2 not run" in here.text()
    assert "nothing here is verified on AWS" in here.text()
    assert "**Tuning**" not in here.text()
    # a row is settled only when all that it rests on has passed
    assert aws.text().endswith("These rows can leave docs/not-verified-on-aws.md:\n  **Tuning**")


def test_the_rows_that_it_settles_are_on_the_page():
    page = (ROOT / "docs/not-verified-on-aws.md").read_text(encoding="utf-8")
    sources = [ROOT / "scripts/smoke_aws.py", *(ROOT / "scripts/smoke").glob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    named = set(line._RUN_CONFIRMS) | {
        "**Lambda**",
        "the custom resource",
        "`anything-but` with a list of prefixes",
        "keys in EventBridge events",
        "the serving container's start",
        "**The scikit-learn container and `inference.py`**",
        "Step Functions' JSONata in `TimeoutSeconds`",
        "deletion of the stack",
    }
    for row in named:
        assert row in text
        assert re.search(rf"^\| {re.escape(row)}", page, re.MULTILINE), row


class States:
    """TestState's answers, and what it was asked."""

    def __init__(self, **answer: Any) -> None:
        self.answer, self.asked = answer, {}

    def test_state(self, **request: Any) -> dict[str, Any]:
        self.asked = request
        return self.answer


def sample(kind: str) -> Any:
    machine = {
        "StartAt": "A",
        "States": {"A": {"Type": kind, "Resource": "arn:aws:states:::lambda:invoke", "End": True}},
    }
    return next(samples("m", machine, line.contract()))


def test_calls_are_mocked_so_that_nothing_is_made():
    states = States(status="SUCCEEDED", nextState="B")
    assert tried(states, sample("Task")) == "→ B"
    assert "result" in states.asked["mock"]
    assert "roleArn" not in states.asked
    tried(states, sample("Pass"))
    assert "mock" not in states.asked  # TestState refuses one there


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("Task", {"status": "FAILED", "error": "States.QueryEvaluationError"}),
        ("Task", {"status": "CAUGHT_ERROR"}),
        ("Task", {"status": "RETRIABLE"}),
        ("Fail", {"status": "SUCCEEDED"}),
        ("Fail", {"status": "FAILED", "error": "States.QueryEvaluationError"}),
    ],
)
def test_a_state_that_ends_otherwise_has_failed(kind, answer):
    with pytest.raises(FailedCheckError):
        tried(States(**answer), sample(kind))


def test_the_sample_passes_what_the_line_asks():
    contract = line.contract()
    assert contract.project == line.PROJECT
    assert load_contract((ROOT / "examples/shop/project.yaml").read_bytes()).data == contract.data
    assert keys.contract(line.PROJECT).endswith("/smoke/project.yaml")
    assert line.rows(500).count(b"\n") == 501
