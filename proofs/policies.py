"""Every statement of a policy: actions that exist, on resources that they take, under conditions that AWS knows.

What a role needs is not proved here but by proofs/iam.py, on recorded calls. Actions and the forms of ARNs are
cfn-lint's copy of the Service Authorization Reference.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cfnlint

from proofs import iam_policies
from proofs.project import Finding, Project, TranslationError
from proofs.stack_values import ACCOUNT, REGION, StackValues, UnresolvedError

CHECK = "policies"
_DATA = Path(cfnlint.__file__).parent / "data" / "AdditionalSpecs" / "Policies.json"

# With everything that a parameter can switch on.
_IN_VPC = (
    ("SubnetIds", "subnet-0123456789abcdef0"),
    ("SecurityGroupIds", "sg-0123456789abcdef0"),
    ("AlertEmail", "a@b.c"),
)

_SERVICES = {
    *("lambda", "states", "sagemaker", "glue", "scheduler", "events", "sns", "s3", "cloudwatch", "sqs", "budgets"),
    *("delivery.logs", "logs", f"logs.{REGION}"),
}
_OPERATORS = {
    *("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "ArnEquals", "ArnLike", "ArnNotEquals"),
    *("ArnNotLike", "Bool", "Null", "NumericLessThan", "NumericLessThanEquals", "StringEqualsIfExists"),
    *("StringNotEqualsIfExists", "BoolIfExists", "ForAllValues:StringEquals", "ForAllValues:StringLike"),
    *("ForAnyValue:StringEquals", "ForAnyValue:StringLike"),
}
# Condition keys that our policies may use. Those of a service hold for its actions only; aws: for all.
_KEYS: dict[str, set[str]] = {
    "aws": {
        *("aws:SourceAccount", "aws:SourceArn", "aws:SecureTransport", "aws:PrincipalArn", "aws:ResourceAccount"),
        *("aws:TagKeys", "aws:CalledVia", "aws:PrincipalIsAWSService", "aws:PrincipalServiceName", "aws:SourceOrgID"),
    },
    "iam": {"iam:PassedToService", "iam:AssociatedResourceArn"},
    "cloudwatch": {"cloudwatch:namespace"},
    "kms": {
        *("kms:ViaService", "kms:CallerAccount", "kms:GrantIsForAWSResource", "kms:EncryptionContextKeys"),
        *("kms:SigningAlgorithm", "kms:MessageType", "kms:GranteePrincipal", "kms:GrantOperations"),
    },
    "s3": {"s3:prefix", "s3:TlsVersion", "s3:x-amz-server-side-encryption", "s3:delimiter"}
    | {"s3:x-amz-server-side-encryption-aws-kms-key-id"},
    "sagemaker": {
        *("sagemaker:VolumeKmsKey", "sagemaker:OutputKmsKey", "sagemaker:NetworkIsolation", "sagemaker:InstanceTypes"),
        *(
            "sagemaker:InterContainerTrafficEncryption",
            "sagemaker:ModelArn",
            "sagemaker:VpcSubnets",
            "sagemaker:TaggingAction",
        ),
    },
    "sns": {"sns:Protocol", "sns:Endpoint"},
    "lambda": {"lambda:SourceFunctionArn", "lambda:FunctionArn"},
    "ec2": {"lambda:SourceFunctionArn", "ec2:Vpc", "ec2:Subnet", "ec2:AuthorizedService"},
    "states": {"states:StateMachineQualifier"},
    "dynamodb": {"dynamodb:LeadingKeys"},
    "scheduler": set(),
    "events": set(),
    "glue": set(),
    "logs": set(),
    "sqs": set(),
    "ecr": set(),
    "sts": set(),
}
_OPEN_KEYS = ("aws:ResourceTag/", "aws:RequestTag/", "aws:PrincipalTag/", "kms:EncryptionContext:")
# Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC".
_VPC_ACTIONS = (
    *("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"),
    *("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses", "ec2:DescribeSubnets"),
)
# Actions whose resource types AWS lists although a request may come without one: each with the page that says so.
_WITHOUT_RESOURCE = {
    "sagemaker:ListModelPackages": "no resource-level permission when it lists: docs/not-verified-on-aws.md",
    **dict.fromkeys(_VPC_ACTIONS, "as above"),
    "cloudwatch:PutMetricData": "a metric belongs to no dataset, the one resource listed: docs/not-verified-on-aws.md",
    "sns:GetSubscriptionAttributes": "the call names a subscription, AWS lists the topic: docs/not-verified-on-aws.md",
    "sns:SetSubscriptionAttributes": "as above",
}


def findings(project: Project) -> list[Finding]:
    try:
        looked_at = project.looked_at()
        if any(item["Type"] == "AWS::IAM::ManagedPolicy" for item in looked_at.values()):
            looked_at = project.translated["Resources"]  # such a policy is read with the roles that have it
        part = {**project.translated, "Resources": looked_at}
        policies = iam_policies.of_template(part, StackValues(project.translated, _IN_VPC))
    except TranslationError as error:
        return [Finding(CHECK, "template.yaml", str(error))]
    except (UnresolvedError, iam_policies.UnknownElementError, KeyError, TypeError, AttributeError) as error:
        return [Finding(CHECK, "template.yaml", f"no policy that can be read: {error!r}")]
    found = []
    for owner, statement in policies.every():
        if statement.managed:
            continue
        trust = owner in policies.role_arns.values()
        on_resource = owner not in policies.roles
        for what in _statement(statement, trust=trust, on_resource=on_resource):
            found.append(Finding(CHECK, statement.where, what))
    found += [Finding(CHECK, where, what) for where, what in _attachments(part)]
    found += [Finding(CHECK, where, what) for where, what in _in_vpc(looked_at, policies)]
    return sorted(set(found))


def _in_vpc(resources: dict[str, Any], policies: iam_policies.Policies) -> Iterator[tuple[str, str]]:
    """Lambda reaches into a VPC with the rights of the function's own role."""
    for name, item in resources.items():
        if item["Type"] == "AWS::Lambda::Function" and "VpcConfig" in item["Properties"]:
            role = item["Properties"].get("Role", {}).get("Fn::GetAtt", [""])[0]
            for action in _VPC_ACTIONS if role in policies.roles else ():
                if not policies.allowing(iam_policies.Request(f"role:{role}", action, "*")):
                    yield name, f"{role} may not do {action}: in a VPC the function does not start"


def _statement(statement: iam_policies.Statement, *, trust: bool, on_resource: bool) -> Iterator[str]:
    if not statement.actions:
        yield "no action"
    if on_resource and not statement.principals:
        yield "a policy on a resource says for whom"
    for principal in statement.principals:
        name = principal.removeprefix("service:").removesuffix(".amazonaws.com")
        if principal.startswith("service:") and (name not in _SERVICES or not principal.endswith(".amazonaws.com")):
            yield f"{principal.removeprefix('service:')} is no service of AWS's that we know"
        if principal == "*" and statement.effect == "Allow":
            yield "everyone is allowed"
    yield from _conditions(statement)
    wide = statement.effect == "Deny" or on_resource  # there * is every action, and every user of the resource
    matched: set[str] = set()
    for action in statement.actions:
        if "*" in action:
            if not wide:
                yield f"{action}: a wildcard action"
            matched.update(statement.resources)
            continue
        formats = _formats(action)
        if formats is None:
            yield f"{action} is no action of AWS's"
            continue
        if trust:
            if action not in ("sts:AssumeRole",):
                yield f"{action} does not let a service take the role"
            continue
        taken = {each for each in statement.resources if _taken(each, formats)}
        matched |= taken
        if "*" in statement.resources and (not formats or action in _WITHOUT_RESOURCE):
            matched.add("*")
        elif not taken and not on_resource:
            yield f"{action} takes none of {', '.join(statement.resources)}"
    for resource in statement.resources if on_resource else ():
        if resource != "*" and not resource.startswith("arn:"):
            yield f"{resource} is no ARN"
    if not trust and not on_resource:
        for resource in statement.resources:
            if resource not in matched:
                yield f"{resource}: none of the actions is done to it"


def _conditions(statement: iam_policies.Statement) -> Iterator[str]:
    services = {action.partition(":")[0] for action in statement.actions}
    for operator, key, values in statement.conditions:
        if operator not in _OPERATORS:
            yield f"{operator} is no condition operator that we know"
        known = set().union(_KEYS["aws"], *(_KEYS.get(each, set()) for each in services))
        lower = {each.lower() for each in known}
        if key.lower() not in lower and not key.startswith(_OPEN_KEYS):
            yield f"{key} is no condition key of these actions that we know (proofs/policies.py)"
        if key.lower() == "aws:sourceaccount" and values != (ACCOUNT,):
            yield f"{key} is the stack's own account"
        if key.lower() == "aws:sourcearn" and not all(value.startswith("arn:") for value in values):
            yield f"{key} is an ARN, not {values}"
        if key.lower() == "iam:passedtoservice":
            for value in values:
                if value.removesuffix(".amazonaws.com") not in _SERVICES or not value.endswith(".amazonaws.com"):
                    yield f"{value} is no service of AWS's that we know"
    uses_a_key = not statement.principals and {"kms:Decrypt", "kms:GenerateDataKey"} & set(statement.actions)
    if uses_a_key and not any(key.startswith("kms:") for _, key, _ in statement.conditions):
        yield "a key is used by a role through a service only: kms:ViaService"
    if "iam:PassRole" in statement.actions:
        if not any(key == "iam:PassedToService" for _, key, _ in statement.conditions):
            yield "a role may be passed to anybody: iam:PassedToService"
        if statement.actions != ("iam:PassRole",):
            yield "iam:PassRole stands alone, under its condition"


def _taken(resource: str, formats: list[re.Pattern[str]]) -> bool:
    return any(each.fullmatch(resource) for each in formats)


@functools.cache
def _data() -> dict[str, Any]:
    return json.loads(_DATA.read_text(encoding="utf-8"))


@functools.cache
def _formats(action: str) -> list[re.Pattern[str]] | None:
    """ARNs that the action takes, none for an action without a resource; None for an action that AWS has not."""
    service, _, name = action.partition(":")
    actions = _data().get(service, {}).get("Actions", {})
    if name.lower() not in actions:
        return None
    kinds = actions[name.lower()].get("Resources", [])
    found = []
    for kind in kinds:
        for text in _data()[service]["Resources"].get(kind, {}).get("ARNFormats", []):
            found.append(re.compile(_arn_pattern(text)))
    return found


def _arn_pattern(text: str) -> str:
    """`arn:${Partition}:s3:::.*` → a pattern for a resolved ARN of our account and region, wildcards in its name."""
    for name, value in (
        ("Partition", "aws"),
        ("Region", rf"(?:{REGION}|\*)?"),
        ("Account", rf"(?:{ACCOUNT}|aws|\d{{12}})?"),
    ):
        text = text.replace(f"${{{name}}}", value)
    return text


def _attachments(template: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A resource's policy names the resource that it is attached to."""
    attached = {"AWS::SQS::QueuePolicy": "Queues", "AWS::SNS::TopicPolicy": "Topics", "AWS::S3::BucketPolicy": "Bucket"}
    for name, item in template["Resources"].items():
        if item["Type"] not in attached:
            continue
        given = item["Properties"][attached[item["Type"]]]
        owners = {each.get("Ref") for each in (given if isinstance(given, list) else [given])}
        for index, statement in enumerate(item["Properties"]["PolicyDocument"]["Statement"]):
            named = set(
                re.findall(r'"Ref": "(\w+)"|GetAtt": \["(\w+)"|\$\{(\w+)\.Arn\}', json.dumps(statement["Resource"]))
            )
            if {part for each in named for part in each if part} - owners:
                yield f"{name}.Statement[{index}].Resource", f"is not {sorted(map(str, owners))}, whose policy this is"
