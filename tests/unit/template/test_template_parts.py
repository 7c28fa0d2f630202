from __future__ import annotations

import ast
import re
from dataclasses import fields
from typing import Any

import pytest
from template_files import ROOT, machine_files, resources, statements, template, text

from cli import machines
from sluice import names
from sluice.ports import Settings

FUNCTIONS = sorted(path.name for path in (ROOT / "functions").iterdir() if (path / "app.py").exists())
# where AWS has no resource to name: each line says why, and no other action may be added without a reason here
WITHOUT_RESOURCE = {
    "application-autoscaling:DescribeScalableTargets",
    "cloudwatch:GetMetricData",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:PutMetricData",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    "ecr:GetAuthorizationToken",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "sagemaker:ListModelPackages",
    "sns:GetSubscriptionAttributes",
    "sns:SetSubscriptionAttributes",
    "states:SendTaskFailure",
    "states:SendTaskSuccess",
}


def pascal(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_every_function_folder_is_a_function_and_the_other_way_round() -> None:
    deployed = {name: each["CodeUri"] for name, each in resources("AWS::Serverless::Function").items()}
    assert deployed == {f"{pascal(name)}Function": f"functions/{name}/" for name in FUNCTIONS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_calls_the_step_of_its_name_in_an_app_and_nothing_else(name: str) -> None:
    step = ROOT / "layers" / "core" / "sluice" / "steps" / f"{name}.py"
    tree = ast.parse(step.read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    app = ROOT / "functions" / name / "app.py"
    imported = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(app.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert f"sluice.steps.{name}.{name}" in imported


def test_every_machine_file_is_a_machine_and_the_other_way_round() -> None:
    deployed = {name: each["DefinitionUri"] for name, each in resources("AWS::Serverless::StateMachine").items()}
    files = {
        machines.name_of(path): f"build/statemachines/{machines.name_of(path)}.asl.json" for path in machine_files()
    }
    assert deployed == {pascal(name): uri for name, uri in files.items()}


def test_no_policy_has_a_wildcard_action() -> None:
    for name, statement in statements():
        if statement["Effect"] == "Allow":
            assert not [action for action in listed(statement["Action"]) if "*" in action], name


def test_every_resource_is_named_where_aws_has_one_to_name() -> None:
    for name, statement in statements():
        if "*" in listed(statement.get("Resource", [])):
            assert set(listed(statement["Action"])) <= WITHOUT_RESOURCE, f"{name} may do this to everything"


def test_every_wildcard_resource_says_why() -> None:
    for number, line in enumerate(text().splitlines(), 1):
        if re.search(r'Resource: *"\*"|^ *- *"\*"', line):
            assert re.search(r'"\*"(, Condition: .*)?[}\]]* +# .{10,}', line), (
                f"line {number}: a wildcard without its reason"
            )


def test_roles_can_be_passed_only_to_the_service_that_they_are_for() -> None:
    for name, statement in statements():
        if "iam:PassRole" in listed(statement["Action"]):
            assert statement["Condition"]["StringEquals"]["iam:PassedToService"].endswith(".amazonaws.com"), name
            assert statement["Action"] == ["iam:PassRole"], name


def test_what_holds_data_is_kept_encrypted_and_not_public() -> None:
    for name in ("DataKey", "DataBucket", "Table"):
        # only what a first deployment that fails has just made is deleted: its fixed name would stop the second one
        assert template()["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert template()["Resources"][name]["UpdateReplacePolicy"] == "Retain"
    bucket = resources("AWS::S3::Bucket")["DataBucket"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert resources("AWS::DynamoDB::Table")["Table"]["SSESpecification"]["SSEType"] == "KMS"
    assert all(queue["KmsMasterKeyId"] for queue in resources("AWS::SQS::Queue").values())


def test_every_event_target_has_a_dead_letter_queue() -> None:
    rules = [
        (f"{name}.{event}", each["Properties"])
        for kind in ("AWS::Serverless::Function", "AWS::Serverless::StateMachine")
        for name, properties in resources(kind).items()
        for event, each in properties.get("Events", {}).items()
        if each["Type"] == "EventBridgeRule"
    ]
    rules += [(name, target) for name, each in resources("AWS::Events::Rule").items() for target in each["Targets"]]
    assert len(rules) >= 7
    for name, rule in rules:
        assert rule.get("DeadLetterConfig"), f"{name}: an event that cannot be delivered is lost"


def test_every_alarm_function_parameter_and_output_says_what_it_is() -> None:
    assert all(each["AlarmDescription"].endswith(".") for each in resources("AWS::CloudWatch::Alarm").values())
    assert all(each["Description"] for each in resources("AWS::Serverless::Function").values())
    for part in ("Parameters", "Outputs"):
        assert all(each["Description"] for each in template()[part].values())


# read by Arrow, by the C library, and by numpy's library of linear algebra
OF_LIBRARIES = {
    "ARROW_DEFAULT_MEMORY_POOL",
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_MMAP_THRESHOLD_",
    "OPENBLAS_NUM_THREADS",
}


def test_functions_are_given_the_settings_that_exist() -> None:
    known = {f"SLUICE_{field.name.upper()}" for field in fields(Settings)}
    shared = set(template()["Globals"]["Function"]["Environment"]["Variables"])
    for name, each in resources("AWS::Serverless::Function").items():
        own = set(each.get("Environment", {}).get("Variables", {}))
        assert own - OF_LIBRARIES <= known, f"{name} has a variable that no setting reads"
    assert shared - OF_LIBRARIES <= known


def test_the_glue_job_is_the_pinned_one_with_its_name() -> None:
    (job,) = resources("AWS::Glue::Job").values()
    assert job["GlueVersion"] == "5.1"
    assert job["Name"] == {"Fn::Sub": "${AWS::StackName}-clean-dataset"}
    assert "pyspark==3.5.6" in (ROOT / "requirements" / "glue.txt").read_text(encoding="utf-8")


def test_names_of_jobs_fall_under_the_permissions() -> None:
    """Policies name `<stack>-*`, so what is made in the stack's name must begin so however long the project's is."""
    project, run = "p" * 32, "r" + "0" * 12
    made = [names.job("sluice", project, run, "evaluation"), names.endpoint("sluice", project)]
    made += [names.endpoint_config("sluice", project, run, "canary"), names.package_group("sluice", project)]
    assert all(name.startswith("sluice-") and len(name) <= 63 for name in made)
    for stack in ("sluice", "s" * 22):
        assert re.fullmatch(rf"{stack}-[a-z0-9-]+", names.tuning_job(stack, run))
        assert len(names.tuning_job(stack, run)) <= 32
    jobs = [arn["Fn::Sub"] for _, each in statements() for arn in listed(each["Resource"]) if "Fn::Sub" in arn]
    jobs = [
        arn
        for arn in jobs
        if isinstance(arn, str) and re.search(r":(training|hyper-parameter-tuning|processing|transform)-job/", arn)
    ]
    assert jobs
    assert all(arn.endswith("/${AWS::StackName}-*") for arn in jobs)
