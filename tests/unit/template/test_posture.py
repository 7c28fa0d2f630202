from __future__ import annotations

import shutil
from typing import Any

import pytest
from template_files import ROOT

from proofs import audit, posture
from proofs.project import REMOVED, Project
from sluice import names

Path_ = tuple[str | int, ...]


@pytest.fixture(scope="module")
def project() -> Project:
    return Project.load()


def of(name: str, *path: str | int) -> Path_:
    return ("source", "Resources", name, "Properties", *path)


def statement(project: Project, name: str, member: str, sid: str) -> int:
    document = project.source["Resources"][name]["Properties"][member]
    return next(i for i, each in enumerate(document["Statement"]) if each.get("Sid") == sid)


def test_nothing_is_wrong_with_ours(project: Project) -> None:
    assert [str(each) for each in posture.findings(project)] == []


BROKEN: list[tuple[Path_, Any, str]] = [
    (of("DataKey", "EnableKeyRotation"), False, "DataKey.EnableKeyRotation"),
    (of("MessageKey", "EnableKeyRotation"), REMOVED, "MessageKey.EnableKeyRotation"),
    (of("DataBucket", "BucketEncryption"), REMOVED, "DataBucket.BucketEncryption"),
    (of("DataBucket", "PublicAccessBlockConfiguration", "BlockPublicPolicy"), False, "BlockPublicPolicy"),
    (of("DataBucket", "PublicAccessBlockConfiguration", "RestrictPublicBuckets"), REMOVED, "RestrictPublicBuckets"),
    (of("DataBucket", "OwnershipControls"), REMOVED, "DataBucket.OwnershipControls"),
    (of("DataBucket", "VersioningConfiguration", "Status"), "Suspended", "DataBucket.VersioningConfiguration"),
    (("source", "Resources", "DataBucket", "DeletionPolicy"), "Delete", "DataBucket.DeletionPolicy"),
    (("source", "Resources", "DataKey", "DeletionPolicy"), REMOVED, "DataKey.DeletionPolicy"),
    (("source", "Resources", "DataBucketPolicy"), REMOVED, "DataBucket"),
    (of("Table", "SSESpecification", "KMSMasterKeyId"), REMOVED, "Table.SSESpecification.KMSMasterKeyId"),
    (of("Table", "SSESpecification", "SSEEnabled"), False, "Table.SSESpecification.SSEEnabled"),
    (of("Table", "PointInTimeRecoverySpecification"), REMOVED, "Table.PointInTimeRecoverySpecification"),
    (of("AlertTopic", "KmsMasterKeyId"), REMOVED, "AlertTopic.KmsMasterKeyId"),
    (of("AlertTopic", "KmsMasterKeyId"), "alias/aws/sns", "AlertTopic.KmsMasterKeyId"),
    (of("IntakeQueue", "KmsMasterKeyId"), {"Fn::GetAtt": ["SigningKey", "Arn"]}, "IntakeQueue.KmsMasterKeyId"),
    (of("IntakeQueue", "KmsMasterKeyId"), {"Fn::GetAtt": ["DataKey", "Arn"]}, "DataKey.KeyPolicy"),
    (("source", "Resources", "IntakeDeadLetterQueuePolicy"), REMOVED, "IntakeDeadLetterQueue"),
    (of("EventDeadLetterQueuePolicy", "PolicyDocument", "Statement", 0), REMOVED, "EventDeadLetterQueue"),
    (of("FunctionLogs", "RetentionInDays"), REMOVED, "FunctionLogs.RetentionInDays"),
    (of("MachineLogs", "KmsKeyId"), REMOVED, "MachineLogs.KmsKeyId"),
    (of("MachineLogs", "LogGroupName"), "/aws/vendedlogs/states/other", "MessageKey.KeyPolicy"),
    (of("MlLifecycle", "Logging", "IncludeExecutionData"), True, "MlLifecycle.LoggingConfiguration"),
    (of("RollBack", "Logging"), REMOVED, "RollBack.LoggingConfiguration"),
    (("source", "Globals", "Function", "LoggingConfig", "LogGroup"), REMOVED, "PlanTrainingFunction.LoggingConfig"),
    (of("GlueRole", "AssumeRolePolicyDocument", "Statement", 0, "Condition"), REMOVED, "GlueRole.AssumeRolePolicy"),
    (of("RollBackRole", "AssumeRolePolicyDocument", "Statement", 0, "Condition"), REMOVED, "RollBackRole.AssumeRole"),
    (of("IntakeQueuePolicy", "PolicyDocument", "Statement", 0, "Condition"), REMOVED, "IntakeQueuePolicy.PolicyDoc"),
    (of("DataKey", "KeyPolicy", "Statement", 0, "Principal"), {"AWS": "*"}, "DataKey.KeyPolicy.Statement.0"),
    (of("BuildModel", "Tags"), REMOVED, "BuildModel.Tags"),
    (of("AlertTopic", "Tags"), [{"Key": "sluice:stack", "Value": "x"}], "AlertTopic.Tags"),
    (("source", "Globals", "Function", "Tags"), REMOVED, "JudgeCanaryFunction.Tags"),
    (of("Budget", "ResourceTags"), REMOVED, "Budget.ResourceTags"),
]


@pytest.mark.parametrize(("path", "value", "where"), BROKEN, ids=[f"{'.'.join(map(str, p[2:]))}" for p, _, _ in BROKEN])
def test_what_is_broken_is_found(project: Project, path: Path_, value: Any, where: str) -> None:
    found = [each.where for each in posture.findings(project.changed(path, value))]
    assert any(each.startswith(where) or where in each for each in found), found


@pytest.mark.parametrize(
    ("sid", "principal"),
    [
        ("EventsGoToQueues", "events.amazonaws.com"),
        ("AlarmsGoToTheTopic", "cloudwatch.amazonaws.com"),
        ("TheBudgetGoesToTheTopic", "budgets.amazonaws.com"),
        ("LogsAreKept", "logs"),
    ],
)
def test_a_service_without_its_grant_is_found(project: Project, sid: str, principal: str) -> None:
    """Whole, one action of it, and for any account."""
    at = of("MessageKey", "KeyPolicy", "Statement", statement(project, "MessageKey", "KeyPolicy", sid))
    for path, value in (((*at,), REMOVED), ((*at, "Action"), ["kms:Decrypt"])):
        found = [
            each for each in posture.findings(project.changed(path, value)) if each.where == "MessageKey.KeyPolicy"
        ]
        assert any(principal in each.what and "kms:GenerateDataKey" in each.what for each in found)
    found = posture.findings(project.changed((*at, "Condition"), REMOVED))
    assert any("for any account" in each.what for each in found)


def test_what_runs_make_is_tagged_with_the_keys_of_the_template() -> None:
    made = {each["Key"] for each in names.tags("sluice", "shop", "r1")}
    assert made == {"sluice:stack", "sluice:project", "sluice:run"}
    assert posture.TAGS & made == {"sluice:stack"}
    assert "tags" not in (ROOT / "samconfig.toml").read_text(encoding="utf-8")  # the template has them, for any stack


needs_the_tools = pytest.mark.skipif(
    not (audit.BIN / "checkov").exists() or shutil.which("sh") is None,
    reason="needs .envs/audit: make check sets it up",
)


@needs_the_tools
def test_parliament_finds_nothing_in_ours_and_a_typo_in_another() -> None:
    project = Project.load()
    policies = dict(audit.documents(project))
    assert len(policies) >= 60
    broken = {
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObjekt", "Resource": "arn:aws:s3:::b/*"}],
        "Version": "2012-10-17",
    }
    found = audit.parliament({**policies, "broken": broken})
    assert [each.where for each in found] == ["broken"]


def test_every_skip_of_checkov_says_why_and_is_of_a_resource(project: Project) -> None:
    skips = audit.written_skips()
    assert [skip for skip in skips if len(skip.reason) < 30] == []
    resources = project.source["Resources"]
    assert [skip for skip in skips if not any(skip.explains(skip.check, name) for name in resources)] == []


def test_a_finding_of_checkov_is_skipped_for_the_named_resource_only() -> None:
    failed = [
        {"check_id": "CKV_1", "check_name": "encrypts", "resource": f"AWS::S3::Bucket.{name}", "file_path": "/t.yaml"}
        for name in ("Data", "DataCopy")
    ]
    found, skipped = audit.without_skips(failed, [audit.Skip("CKV_1", "Data", "a reason")])
    assert (skipped, [each.where for each in found]) == (1, ["t.yaml AWS::S3::Bucket.DataCopy"])
    found, skipped = audit.without_skips(failed, [audit.Skip("CKV_1", "Data*", "a reason")])
    assert (skipped, found) == (2, [])


def test_a_skip_of_checkov_that_explains_nothing_is_found() -> None:
    (found,) = audit.without_skips([], [audit.Skip("CKV_1", "Data", "a reason")])[0]
    assert "CKV_1 of Data" in found.what


def test_a_template_is_read_whole() -> None:
    """A rule that cannot read a resource says so, and does not pass it over."""
    project = Project.load().changed(of("DataKey", "KeyPolicy"), REMOVED)
    assert any("cannot be read" in each.what for each in posture.findings(project))
