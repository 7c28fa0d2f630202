"""The chat's own stack: it lints, its role may do what the function calls, and a failure reaches people."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load

from cli.artefacts import runtime
from proofs import cloudformation
from proofs.project import ROOT, Project


@pytest.fixture(scope="module")
def project() -> Project:
    return Project(json.loads(json.dumps(load(str(ROOT / "chat" / "template.yaml")))), {}, {})


@pytest.fixture(scope="module")
def resources(project: Project) -> dict[str, Any]:
    return {name: each["Properties"] for name, each in project.translated["Resources"].items()}


def test_it_lints_as_written_and_as_sam_translates_it(project: Project) -> None:
    assert cloudformation.findings(project) == []


def test_the_role_may_read_one_parameter_write_logs_and_keep_what_failed(resources: dict[str, Any]) -> None:
    [policy] = resources["PostAlertFunctionRole"]["Policies"]
    granted = {action: each["Resource"] for each in policy["PolicyDocument"]["Statement"] for action in each["Action"]}
    assert granted.keys() == {"ssm:GetParameter", "sqs:SendMessage", "logs:CreateLogStream", "logs:PutLogEvents"}
    assert granted["ssm:GetParameter"]["Fn::Sub"].endswith(":parameter${WebhookParameter}")
    assert "ManagedPolicyArns" not in resources["PostAlertFunctionRole"]


def test_what_cannot_be_posted_is_kept_and_an_alarm_reaches_the_topic_once(resources: dict[str, Any]) -> None:
    kept = {"Fn::GetAtt": ["NotPosted", "Arn"]}
    assert resources["PostAlertFunction"]["DeadLetterConfig"]["TargetArn"] == kept
    alarm = resources["NotPostedAlarm"]
    assert alarm["AlarmActions"] == [{"Ref": "AlertTopicArn"}]
    assert "OKActions" not in alarm


def test_the_topic_lets_the_alarm_publish_where_the_stack_is_named_as_the_page_says(resources: dict[str, Any]) -> None:
    """Sluice's topic and its key take alarms whose names begin with its own stack's."""
    assert resources["NotPostedAlarm"]["AlarmName"] == {"Fn::Sub": "${AWS::StackName}-not-posted"}
    main = (ROOT / "template.yaml").read_text(encoding="utf-8")
    assert main.count(":alarm:${AWS::StackName}-*") == 2
    page = (ROOT / "docs" / "how-to" / "chat.md").read_text(encoding="utf-8")
    assert "--stack-name <stack>-chat" in page


def test_the_python_is_that_of_the_other_functions(resources: dict[str, Any]) -> None:
    assert resources["PostAlertFunction"]["Runtime"] == f"python{runtime()}"
