"""The template's policies against the recording: sufficient, necessary, tight; and that mistakes are found."""

from __future__ import annotations

from typing import Any

import pytest

from proofs import boto_calls, forbidden_calls, iam, recording
from proofs.iam_policies import Request, of_template
from proofs.project import Finding, Project

PROJECT = Project.load()
POLICIES = of_template(PROJECT.translated)


@pytest.fixture(scope="module")
def report() -> iam.Report:
    return iam.report(POLICIES, recording.recorded_checks())


def test_every_recorded_check_is_allowed(report: iam.Report) -> None:
    assert report.denied == ()


def test_no_action_could_be_left_out(report: iam.Report) -> None:
    assert sorted(report.unused) == []
    assert len(report.used) > 200


def test_nothing_is_wider_than_it_must_be(report: iam.Report) -> None:
    assert [str(each) for each in report.wide] == []


def test_forbidden_calls_are_denied(report: iam.Report) -> None:
    assert len({str(each) for each, _ in forbidden_calls.of_roles()}) >= 50
    assert report.permitted == ()


def test_every_forbidden_call_can_be_made_for_real() -> None:
    for request, _ in forbidden_calls.of_roles():
        service, method, parameters = boto_calls.boto_call(request)
        assert service
        assert method
        assert parameters


def test_aws_takes_every_recorded_call() -> None:
    assert iam.wrong_calls() == []
    assert len(recording.recorded_calls()) > 100


def test_no_data_are_recorded() -> None:
    for call in recording.recorded_calls():
        assert "robe" not in str(call.parameters)
        for name in ("Body", "Message", "input", "Detail"):
            found = call.parameters.get(name, "<")
            assert str(found).startswith("<"), f"{call.role} {call.operation} {name}"


@pytest.mark.parametrize("role", ["SageMakerRole", "PlanReleaseFunctionRole", "BuildModelRole"])
def test_each_left_out_action_is_found(role: str) -> None:
    """Really left out, not only counted: the policies are made anew without it."""
    recorded = recording.recorded_checks()
    for action in sorted({action for owner, action in iam.report(POLICIES, recorded).used if owner == role}):
        without = POLICIES.roles[role]
        changed = type(POLICIES)(
            {**POLICIES.roles, role: tuple(_without(each, action) for each in without)},
            POLICIES.resources,
            POLICIES.role_arns,
        )
        assert iam.report(changed, recorded).denied, action


def _without(statement: Any, action: str) -> Any:
    from dataclasses import replace

    return replace(statement, actions=tuple(each for each in statement.actions if each != action))


@pytest.mark.parametrize(
    ("request_", "allowed"),
    [
        (Request("role:SageMakerRole", "s3:GetObject", f"{forbidden_calls.BUCKET}/runs/shop/x"), True),
        (Request("role:SageMakerRole", "s3:GetObject", f"{forbidden_calls.BUCKET}/raw/shop/x"), False),
        (Request("role:Nobody", "s3:GetObject", f"{forbidden_calls.BUCKET}/runs/shop/x"), False),
    ],
)
def test_the_policies_are_read(request_: Request, allowed: bool) -> None:
    assert bool(POLICIES.allowing(request_)) is allowed


def mutants() -> dict[str, tuple[tuple[str | int, ...], Any]]:
    """Name → (path of a statement's member in the template, mistake)."""
    policies = PROJECT.source["Resources"]["BuildModelRole"]["Properties"]["Policies"]
    found: dict[str, tuple[tuple[str | int, ...], Any]] = {}
    for number, each in enumerate(policies):
        for index, statement in enumerate(each["PolicyDocument"]["Statement"]):
            path: tuple[str | int, ...] = (
                *("source", "Resources", "BuildModelRole", "Properties", "Policies", number),
                *("PolicyDocument", "Statement", index, "Action"),
            )
            actions = statement["Action"]
            if actions == ["iam:PassRole"]:
                found["no PassRole"] = (path, ["iam:GetRole"])
            if "sagemaker:StopTrainingJob" in actions:
                found["a typo"] = (path, [each.replace("StopTraining", "StopTrainig") for each in actions])
                found["a wildcard"] = (path, "sagemaker:*TrainingJob")
            if "events:PutRule" in actions:
                found["no rule of .sync"] = (path, ["events:DescribeRule"])
    return found


@pytest.mark.parametrize("name", ["no PassRole", "a typo", "a wildcard", "no rule of .sync"])
def test_a_mistake_in_the_template_is_found(name: str) -> None:
    path, value = mutants()[name]
    before = set(iam.findings(PROJECT))
    after = [each for each in iam.findings(PROJECT.changed(path, value)) if each not in before]
    assert after
    assert all(isinstance(each, Finding) for each in after)
