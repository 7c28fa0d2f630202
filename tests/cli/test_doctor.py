"""Each check of `sluice doctor`: what it says when all is well, and each way in which it fails."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from cli import repository
from cli.commands import doctor
from cli.connection import OUTPUTS
from cli.doctor import access, machine, projects, resources
from cli.doctor.checks import CHECKS, findings
from cli.errors import CliError
from sluice import keys
from tests.cli.stack import serve

LOCAL, AWS = "http://127.0.0.1:4566", "https://sts.eu-west-1.amazonaws.com"
MADE = datetime(2026, 11, 30, 2, tzinfo=UTC)
BUS = "sluice|sluice-DatasetAccepted"


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")


@dataclass
class Account:
    """A set-up in which nothing is wrong; a test breaks one thing. It answers for every service."""

    world: Any
    endpoint: str = AWS
    region: str | None = "eu-west-1"
    known: bool = True
    stack: str = "sluice"
    status: str = "UPDATE_COMPLETE"
    versioning: str = "Enabled"
    table: str = "ACTIVE"
    subscriptions: list[dict[str, str]] = field(
        default_factory=lambda: [{"Protocol": "email", "SubscriptionArn": "arn:aws:sns:x", "Endpoint": "a@b.c"}]
    )
    messages: int = 0
    rule: str = "ENABLED"
    alarm: str = "OK"
    changes: list[str] = field(default_factory=list)
    changed_at: datetime = MADE
    schedule: dict[str, str] | None = field(default_factory=lambda: {"State": "ENABLED"})
    broken: dict[str, Exception] = field(default_factory=dict)

    @property
    def outputs(self) -> dict[str, str]:
        if "outputs" in self.broken:
            raise self.broken["outputs"]
        return {name: f"the-{name}" for name in OUTPUTS.values()}

    def client(self, service: str) -> Any:
        return self

    @property
    def meta(self) -> Any:
        return SimpleNamespace(endpoint_url=self.endpoint, region_name=self.region)

    def _answer(self, call: str, answer: Any) -> Any:
        if call in self.broken:
            raise self.broken[call]
        return answer

    def get_caller_identity(self) -> Any:
        return self._answer("get_caller_identity", {"Arn": "arn:aws:iam::1:user/me"})

    def describe_stacks(self, **_: str) -> Any:
        return {"Stacks": [{"StackStatus": self.status}]}

    def head_bucket(self, **_: str) -> Any:
        return self._answer("head_bucket", {})

    def describe_alarm_history(self, AlarmName: str, HistoryItemType: str) -> Any:  # noqa: N803 - AWS's names
        return {
            "AlarmHistoryItems": [
                {
                    "HistorySummary": each,
                    "HistoryData": json.dumps({"oldState": {"stateValue": each.split()[1]}}),
                    "Timestamp": self.changed_at,
                }
                for each in self.changes
            ]
        }

    def get_bucket_versioning(self, **_: str) -> Any:
        return {"Status": self.versioning}

    def describe_table(self, **_: str) -> Any:
        return self._answer("describe_table", {"Table": {"TableStatus": self.table}})

    def get_queue_attributes(self, **_: Any) -> Any:
        return {"Attributes": {"ApproximateNumberOfMessages": str(self.messages)}}

    def describe_rule(self, **asked: str) -> Any:
        if not self.rule or (self.endpoint == LOCAL) == (asked.get("EventBusName") == "sluice"):
            raise refused("ResourceNotFoundException")
        return {"State": self.rule}

    def get_schedule(self, **_: str) -> Any:
        if self.schedule is None:
            raise refused("ResourceNotFoundException")
        return self.schedule

    def get_paginator(self, name: str) -> Any:
        resources = [
            {
                "LogicalResourceId": "IntakeDeadLetterQueue",
                "PhysicalResourceId": "https://q/dead",
                "ResourceType": "AWS::SQS::Queue",
            },
            {"LogicalResourceId": "Accepted", "PhysicalResourceId": BUS, "ResourceType": "AWS::Events::Rule"},
            {
                "LogicalResourceId": "Failed",
                "PhysicalResourceId": "sluice-failed",
                "ResourceType": "AWS::CloudWatch::Alarm",
            },
        ]
        alarms = [
            {"AlarmName": "sluice-failed", "StateValue": self.alarm, "StateTransitionedTimestamp": MADE},
            {"AlarmName": "other", "StateValue": "ALARM"},
        ]
        pages = {
            "list_stack_resources": [{"StackResourceSummaries": resources}],
            "list_subscriptions_by_topic": [{"Subscriptions": self.subscriptions}],
            "describe_alarms": [{"MetricAlarms": alarms if self.alarm else []}],
        }
        return SimpleNamespace(paginate=lambda **_: pages[name])


@pytest.fixture
def account(world: Any) -> Account:
    body = b"project: shop"
    world.objects.write(keys.contract("shop"), body)
    contract, _ = world.ledger.contract("shop")
    world.ledger.save_contract("shop", contract, world.objects.version(keys.contract("shop")))
    serve(world)
    return Account(world)


def test_a_good_set_up_passes_every_check(account):
    found, skipped = findings(account)
    assert [each for each in found if each.status != "PASS"] == []
    assert (len(found), skipped) == (len(CHECKS), [])


def one(check: Any, account: Account) -> tuple[str, str, str]:
    (found,) = check(account)
    return found.status, found.says, found.fix


@pytest.mark.parametrize(
    ("check", "broken", "status", "says", "fix"),
    [
        (access.region, {"known": False}, "FAIL", "no AWS region", "export AWS_REGION"),
        (access.stack, {"status": "UPDATE_ROLLBACK_FAILED"}, "FAIL", "UPDATE_ROLLBACK_FAILED", "describe-stack-events"),
        (access.stack, {"status": "UPDATE_ROLLBACK_COMPLETE"}, "WARN", "not in force", "describe-stack-events"),
        (resources.bucket, {"versioning": "Suspended"}, "FAIL", "keeps no versions", "put-bucket-versioning"),
        (resources.table, {"table": "DELETING"}, "FAIL", "DELETING", "describe-table"),
        (resources.subscriptions, {"subscriptions": []}, "WARN", "nobody receives", "aws sns subscribe"),
        (
            resources.subscriptions,
            {"subscriptions": [{"Protocol": "email", "SubscriptionArn": "PendingConfirmation", "Endpoint": "a@b.c"}]},
            "WARN",
            "nothing is sent to a@b.c",
            "Subscription Confirmation",
        ),
        (resources.dead_letters, {"messages": 2}, "WARN", "2 messages in dead", "--queue-url https://q/dead"),
        (
            resources.rules,
            {"rule": "DISABLED"},
            "FAIL",
            "disabled: Accepted",
            "enable-rule --name sluice-DatasetAccepted --event-bus-name sluice",
        ),
        (resources.rules, {"rule": ""}, "FAIL", "deleted: Accepted", "deploy again"),
        (resources.alarms, {"alarm": "ALARM"}, "WARN", "in ALARM: sluice-failed", "describe-alarm-history"),
        (
            resources.alarms,
            {"alarm": "INSUFFICIENT_DATA", "changes": ["from OK to INSUFFICIENT_DATA"]},
            "WARN",
            "no longer have any: sluice-failed",
            "describe-alarms",
        ),
        (resources.alarms, {"alarm": ""}, "FAIL", "deleted: sluice-failed", "deploy again"),
        (projects.schedules, {"schedule": None}, "FAIL", "shop is not monitored", "sluice retrain shop"),
        (projects.schedules, {"schedule": {"State": "DISABLED"}}, "FAIL", "is disabled", "update-schedule"),
    ],
)
def test_each_failing_case_says_what_mends_it(account, check, broken, status, says, fix):
    for name, value in broken.items():
        setattr(account, name, value)
    found = one(check, account)
    assert found[0] == status
    assert says in found[1]
    assert fix in found[2]


def test_an_alarm_that_waits_for_its_first_data_is_no_fault(account):
    account.alarm = "INSUFFICIENT_DATA"
    status, says, _ = one(resources.alarms, account)
    assert status == "PASS"
    assert says.endswith("for the first data")


def test_an_entry_of_an_alarm_s_creation_is_no_data(account):
    """As for a model that is minutes old on a local cloud."""
    account.alarm, account.changes = "INSUFFICIENT_DATA", ["from INSUFFICIENT_DATA to INSUFFICIENT_DATA"]
    assert one(resources.alarms, account)[0] == "PASS"


def test_what_an_earlier_alarm_of_the_name_had_is_no_fault_of_a_new_one(account):
    """A release makes its project's alarms anew, and CloudWatch keeps the history of those that were deleted."""
    account.alarm, account.changes = "INSUFFICIENT_DATA", ["from OK to INSUFFICIENT_DATA"]
    account.changed_at = MADE - timedelta(minutes=5)
    assert one(resources.alarms, account)[0] == "PASS"


def test_nobody_who_receives_alerts_is_usual_on_a_local_cloud(account):
    account.endpoint, account.subscriptions = LOCAL, []
    status, says, fix = one(resources.subscriptions, account)
    assert (status, fix) == ("PASS", "")
    assert "local cloud" in says


@pytest.mark.parametrize(
    ("check", "call", "error", "says", "fix"),
    [
        (access.credentials, "get_caller_identity", NoCredentialsError(), "none were found", "AWS_PROFILE"),
        (access.credentials, "get_caller_identity", refused("ExpiredToken"), "ExpiredToken", "aws sso login"),
        (access.credentials, "get_caller_identity", EndpointConnectionError(endpoint_url=AWS), "reached", "network"),
        (access.stack, "outputs", CliError("there is no stack 'sluice' in x. Deploy it"), "no stack", "sam deploy"),
        (resources.bucket, "head_bucket", refused("404"), "404", "deploy again"),
        (resources.table, "describe_table", refused("ResourceNotFoundException"), "cannot be used", "deploy again"),
    ],
)
def test_what_aws_refuses_fails(account, check, call, error, says, fix):
    account.broken[call] = error
    status, told, what = one(check, account)
    assert status == "FAIL"
    assert says in told
    assert fix in what


def test_the_bus_of_a_rule_is_found_where_its_id_does_not_name_it(account):
    account.endpoint = LOCAL
    assert one(resources.rules, account)[0] == "PASS"


def test_a_local_cloud_that_does_not_answer(account):
    account.endpoint = LOCAL
    account.broken["get_caller_identity"] = EndpointConnectionError(endpoint_url=LOCAL)
    assert "make cloud" in one(access.credentials, account)[2]


@pytest.mark.parametrize(("version", "status"), [((3, 10), "FAIL"), ((3, 13), "PASS"), ((3, 14), "WARN")])
def test_python(account, monkeypatch, version, status):
    monkeypatch.setattr(machine.sys, "version_info", version)
    found = one(machine.python, account)
    assert found[0] == status
    assert ("make setup" in found[2]) == (status != "PASS")


def test_environments_are_needed_on_the_local_cloud_alone(account, monkeypatch, tmp_path):
    monkeypatch.setattr(repository, "clone", lambda: tmp_path)
    assert one(machine.environments, account)[0] == "PASS"
    account.endpoint = LOCAL
    status, says, fix = one(machine.environments, account)
    assert (status, ".envs/learn, .envs/glue" in says, fix) == ("FAIL", True, "make setup")
    for name in ("learn", "glue"):
        (tmp_path / ".envs" / name / "bin").mkdir(parents=True)
        (tmp_path / ".envs" / name / "bin" / "python").touch()
    assert one(machine.environments, account)[0] == "PASS"

    def none() -> None:
        raise CliError("this needs a clone: `git clone`")

    monkeypatch.setattr(repository, "clone", none)
    assert one(machine.environments, account)[0] == "WARN"


def test_a_contract_that_was_changed_or_never_registered(account, world):
    world.objects.write(keys.contract("shop"), b"changed")
    assert "the change is not registered" in one(projects.contracts, account)[1]
    world.objects.write(keys.contract("new"), b"project: new")
    assert [each.status for each in projects.contracts(account)] == ["FAIL", "FAIL"]


def test_without_a_project_it_says_how_to_begin(account, world, monkeypatch):
    monkeypatch.setattr(world.ledger, "projects", lambda: [])
    monkeypatch.setattr(world.objects, "list", lambda _: [])
    assert "sluice init FILE" in one(projects.contracts, account)[2]


def test_an_endpoint_that_is_gone_or_failed(account, world):
    world.models.endpoints.clear()
    assert one(projects.endpoints, account)[::2] == ("FAIL", "sluice wake shop")
    failed = SimpleNamespace(status="Failed", failure="no capacity")
    account.world = SimpleNamespace(ledger=world.ledger, models=SimpleNamespace(endpoint=lambda _: failed))
    assert "Failed: no capacity" in one(projects.endpoints, account)[1]


def test_what_may_not_be_read_is_a_warning_and_the_others_are_checked(account):
    account.broken["get_queue_attributes"] = refused("AccessDenied")
    account.get_queue_attributes = lambda **_: account._answer("get_queue_attributes", {})
    found, _ = findings(account)
    warned = [each for each in found if each.status == "WARN"]
    assert [each.check for each in warned] == ["dead letters"]
    assert "could not be checked" in warned[0].says
    assert len(found) == len(CHECKS)


def test_the_command_prints_counts_and_fails(sluice, account, monkeypatch):
    monkeypatch.setattr(doctor, "findings", lambda _: findings(account))
    assert sluice("doctor")[0] == 0
    account.broken["outputs"] = CliError("there is no stack")
    code, printed, _ = sluice("doctor")
    assert code == 1
    assert "FAIL  stack: there is no stack" in printed
    assert "      → make build" in printed
    assert "not checked before that is fixed: bucket, table" in printed
    assert "1 failed" in printed
    document = json.loads(sluice("doctor", "--json")[1])
    assert doctor.JSON.mistakes(document) == []
    assert document["failed"] == 1
