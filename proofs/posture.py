"""What the stack looks like to whoever audits it: keys, TLS, logs, backups, tags, whom a service may act for.

checkov and parliament (`audit.py`) know single resources; these rules also hold resources together: a queue's key must
let in the service that writes to the queue, or the stack deploys and nothing arrives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from proofs.project import REGION, Finding, Project, TranslationError, listed

CHECK = "posture"
TAGS = {"sluice:stack", "sluice:part"}
# What SAM makes of a function's events gets no tags from it, although AWS would take them; it costs nothing.
MADE_WITHOUT_TAGS = {"AWS::Events::Rule", "AWS::Lambda::EventSourceMapping"}
USE = {"kms:Decrypt", "kms:GenerateDataKey"}
LOG_USE = USE | {"kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"}
# Where each type names the key that encrypts it.
KEY_OF: dict[str, tuple[str | int, ...]] = {
    "AWS::DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
    "AWS::Logs::LogGroup": ("KmsKeyId",),
    "AWS::S3::Bucket": (
        *(
            "BucketEncryption",
            "ServerSideEncryptionConfiguration",
            0,
            "ServerSideEncryptionByDefault",
            "KMSMasterKeyID",
        ),
    ),
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::SQS::Queue": ("KmsMasterKeyId",),
}
# Types of policies, and where they say what they are attached to.
POLICY_OF = {
    "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket"),
    "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics"),
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues"),
}
_SOURCE_KEYS = ("aws:sourceaccount", "aws:sourcearn", "kms:encryptioncontext:")
_BOUNDING = {"StringEquals", "StringLike", "ArnEquals", "ArnLike"}

Resources = dict[str, dict[str, Any]]
Wrong = Iterator[tuple[str, str]]


def findings(project: Project) -> list[Finding]:
    """What is wrong, by path of the translated template; empty for ours."""
    try:
        made: Resources = project.translated["Resources"]
    except TranslationError as error:
        return [Finding(CHECK, "template.yaml", str(error))]
    written = project.source["Resources"]
    resources = {name: each if name in written else {**each, "Made": True} for name, each in made.items()}
    found = []
    for rule in RULES:
        try:
            found += [Finding(CHECK, where, what) for where, what in rule(resources)]
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            found.append(Finding(CHECK, rule.__name__, f"cannot be read: {error!r}"))
    return sorted(set(found))


# --- rules ------------------------------------------------------------------------------------------------------------


def keys_rotate_and_leave_the_account_in_charge(resources: Resources) -> Wrong:
    for name, properties in of_type(resources, "AWS::KMS::Key"):
        symmetric = properties.get("KeySpec", "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT"
        if symmetric and properties.get("EnableKeyRotation") is not True:
            yield f"{name}.EnableKeyRotation", "the key is never rotated"
        root = [each for each in statements(properties["KeyPolicy"]) if "root" in json.dumps(each.get("Principal"))]
        if not any("kms:PutKeyPolicy" in listed(each["Action"]) for each in root):
            yield f"{name}.KeyPolicy", "nobody in the account may change the key's policy: the key is lost to it"


def what_is_stored_is_encrypted_with_a_key_of_the_stack(resources: Resources) -> Wrong:
    for kind, path in KEY_OF.items():
        for name, properties in of_type(resources, kind):
            where = ".".join(str(step) for step in (name, *path))
            key = key_name(at(properties, path))
            if key is None or resources.get(key, {}).get("Type") != "AWS::KMS::Key":
                yield where, "not encrypted with a key of the stack"
            elif resources[key]["Properties"].get("KeyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT":
                yield where, f"{key} does not encrypt"
    for name, properties in of_type(resources, "AWS::DynamoDB::Table"):
        if at(properties, ("SSESpecification", "SSEEnabled")) is not True:
            yield f"{name}.SSESpecification.SSEEnabled", "the key is named and not used"
    for name, properties in of_type(resources, "AWS::S3::Bucket"):
        rule = at(properties, KEY_OF["AWS::S3::Bucket"][:3]) or {}
        if at(rule, ("ServerSideEncryptionByDefault", "SSEAlgorithm")) != "aws:kms":
            yield f"{name}.BucketEncryption", "the bucket does not encrypt with KMS"
        if rule.get("BucketKeyEnabled") is not True:
            yield f"{name}.BucketEncryption", "without a bucket key every object is a call to KMS, and is paid"


def services_may_use_the_keys_of_what_they_write_to(resources: Resources) -> Wrong:
    for principal, name, reason in written_by_services(resources):
        kind = resources[name]["Type"]
        key = key_name(at(resources[name]["Properties"], KEY_OF[kind]))
        if key is None or key not in resources:
            continue  # said by what_is_stored_is_encrypted_with_a_key_of_the_stack
        needed = LOG_USE if kind == "AWS::Logs::LogGroup" else USE
        granted = set()
        for each in allowing(resources[key]["Properties"]["KeyPolicy"], principal):
            if kind != "AWS::Logs::LogGroup" or names_log_group(each, resources[name]["Properties"]["LogGroupName"]):
                granted |= set(listed(each["Action"]))
        if missing := sorted(needed - granted):
            yield f"{key}.KeyPolicy", f"{principal} {reason} {name} and may not {', '.join(missing)}"
        if kind in POLICY_OF:
            action = "sqs:SendMessage" if kind == "AWS::SQS::Queue" else "sns:Publish"
            if not any(
                action in listed(each["Action"])
                for document in policies_of(resources, name)
                for each in allowing(document, principal)
            ):
                yield f"{name}", f"{principal} {reason} it and no policy allows {action}"


def plain_http_is_refused(resources: Resources) -> Wrong:
    for kind in POLICY_OF:
        for name, _ in of_type(resources, kind):
            refused: set[str] = set()
            for document in policies_of(resources, name):
                for each in statements(document):
                    insecure = at(each, ("Condition", "Bool", "aws:SecureTransport"))
                    if each["Effect"] == "Deny" and each.get("Principal") == "*" and str(insecure).lower() == "false":
                        refused |= {str(action).lower() for action in listed(each["Action"])}
            service = kind.split("::")[1].lower()
            if f"{service}:*" not in refused and not (service == "sns" and "sns:publish" in refused):
                yield name, "plain HTTP is not refused"


def buckets_are_closed_owned_and_versioned(resources: Resources) -> Wrong:
    for name, properties in of_type(resources, "AWS::S3::Bucket"):
        block = properties.get("PublicAccessBlockConfiguration") or {}
        for member in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"):
            if block.get(member) is not True:
                yield f"{name}.PublicAccessBlockConfiguration.{member}", "public access is not blocked"
        if at(properties, ("OwnershipControls", "Rules", 0, "ObjectOwnership")) != "BucketOwnerEnforced":
            yield f"{name}.OwnershipControls", "object ACLs are honoured"
        if at(properties, ("VersioningConfiguration", "Status")) != "Enabled":
            yield f"{name}.VersioningConfiguration", "not versioned: events name versions, and nothing can be restored"


def what_holds_data_can_be_restored_and_outlives_the_stack(resources: Resources) -> Wrong:
    for name, properties in of_type(resources, "AWS::DynamoDB::Table"):
        if at(properties, ("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled")) is not True:
            yield f"{name}.PointInTimeRecoverySpecification", "no point-in-time recovery"
    kept = [name for kind in ("AWS::DynamoDB::Table", "AWS::S3::Bucket") for name, _ in of_type(resources, kind)]
    keys = {key_name(at(resources[name]["Properties"], KEY_OF[resources[name]["Type"]])) for name in kept}
    for name in sorted({*kept, *(key for key in keys if key in resources)}):
        for policy, allowed in (
            ("DeletionPolicy", ("Retain", "RetainExceptOnCreate")),
            ("UpdateReplacePolicy", ("Retain",)),
        ):
            if resources[name].get(policy) not in allowed:
                yield f"{name}.{policy}", "goes with the stack, and the data with it"


def logs_are_kept_for_a_time_and_hold_no_data(resources: Resources) -> Wrong:
    for name, properties in of_type(resources, "AWS::Logs::LogGroup"):
        if not properties.get("RetentionInDays"):
            yield f"{name}.RetentionInDays", "logs are kept for ever"
    groups = {name for name, _ in of_type(resources, "AWS::Logs::LogGroup")}
    for name, properties in of_type(resources, "AWS::Lambda::Function"):
        if at(properties, ("LoggingConfig", "LogGroup", "Ref")) not in groups:
            yield f"{name}.LoggingConfig", "logs into a group that Lambda makes, without a key and for ever"
    for name, properties in of_type(resources, "AWS::StepFunctions::StateMachine"):
        logging = properties.get("LoggingConfiguration") or {}
        if logging.get("Level") not in ("ERROR", "ALL"):
            yield f"{name}.LoggingConfiguration", "what fails is logged nowhere"
        if logging.get("IncludeExecutionData") is not False:
            yield f"{name}.LoggingConfiguration.IncludeExecutionData", "the data that goes through is logged"
        target = at(logging, ("Destinations", 0, "CloudWatchLogsLogGroup", "LogGroupArn"))
        if key_name(target) not in groups:
            yield f"{name}.LoggingConfiguration.Destinations", "logs into a group that is not the stack's"


def services_act_for_this_account_only(resources: Resources) -> Wrong:
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        for member in ("AssumeRolePolicyDocument", "KeyPolicy", "PolicyDocument"):
            document = properties.get(member)
            if not isinstance(document, dict):
                continue
            for number, each in enumerate(statements(document)):
                where = f"{name}.{member}.Statement.{number}"
                principal = each.get("Principal")
                if each["Effect"] != "Allow" or principal is None:
                    continue
                if principal == "*" or (isinstance(principal, dict) and "*" in listed(principal.get("AWS"))):
                    yield where, "anybody may"
                if isinstance(principal, dict) and "Service" in principal and not bounded(each):
                    yield where, "a service may do this for any account: no aws:SourceAccount, no aws:SourceArn"
        if resource["Type"] == "AWS::Lambda::Permission" and not (
            properties.get("SourceArn") or properties.get("SourceAccount")
        ):
            yield f"{name}.SourceArn", "a service may call the function for any account"


def what_can_be_tagged_is(resources: Resources) -> Wrong:
    for name, resource in resources.items():
        member = tag_member(resource["Type"])
        if member is None or (resource.get("Made") and resource["Type"] in MADE_WITHOUT_TAGS):
            continue
        tags = resource.get("Properties", {}).get(member) or {}
        keys = set(tags) if isinstance(tags, dict) else {each["Key"] for each in tags}
        if missing := sorted(TAGS - keys):
            yield f"{name}.{member}", f"without {', '.join(missing)}: its costs belong to nobody"


RULES: tuple[Callable[[Resources], Wrong], ...] = (
    keys_rotate_and_leave_the_account_in_charge,
    what_is_stored_is_encrypted_with_a_key_of_the_stack,
    services_may_use_the_keys_of_what_they_write_to,
    plain_http_is_refused,
    buckets_are_closed_owned_and_versioned,
    what_holds_data_can_be_restored_and_outlives_the_stack,
    logs_are_kept_for_a_time_and_hold_no_data,
    services_act_for_this_account_only,
    what_can_be_tagged_is,
)


# --- reading ----------------------------------------------------------------------------------------------------------


def written_by_services(resources: Resources) -> Iterator[tuple[str, str, str]]:
    """(service principal, logical id, how) of what services write to as themselves."""
    for _, properties in of_type(resources, "AWS::Events::Rule"):
        for target in properties["Targets"]:
            for arn in (target["Arn"], at(target, ("DeadLetterConfig", "Arn"))):
                name = key_name(arn)
                if name and resources.get(name, {}).get("Type") == "AWS::SQS::Queue":
                    yield "events.amazonaws.com", name, "sends events to"
    for _, properties in of_type(resources, "AWS::CloudWatch::Alarm"):
        for arn in [*properties.get("AlarmActions", []), *properties.get("OKActions", [])]:
            if at(arn, ("Ref",)) in resources:
                yield "cloudwatch.amazonaws.com", arn["Ref"], "publishes alarms to"
    for _, properties in of_type(resources, "AWS::Budgets::Budget"):
        for each in properties.get("NotificationsWithSubscribers", []):
            for subscriber in each["Subscribers"]:
                if subscriber["SubscriptionType"] == "SNS" and at(subscriber["Address"], ("Ref",)) in resources:
                    yield "budgets.amazonaws.com", subscriber["Address"]["Ref"], "publishes to"
    for name, _ in of_type(resources, "AWS::Logs::LogGroup"):
        yield "logs", name, "keeps"


def allowing(document: dict[str, Any], principal: str) -> Iterator[dict[str, Any]]:
    """Statements that allow something to the service; `logs` is CloudWatch Logs in whatever region."""
    for each in statements(document):
        services = at(each, ("Principal", "Service"))
        for service in listed(services):
            text = service if isinstance(service, str) else json.dumps(service)
            regional = principal == "logs" and re.search(r"logs\.\$\{AWS::Region\}", text)
            if each["Effect"] == "Allow" and (text == principal or regional):
                yield each


def names_log_group(statement: dict[str, Any], group: Any) -> bool:
    """Whether the statement's encryption context has the ARN of the group."""
    name = group["Fn::Sub"] if isinstance(group, dict) else str(group)
    for operator, values in (statement.get("Condition") or {}).items():
        for key, arns in values.items():
            named = any(str(at(arn, ("Fn::Sub",))).endswith(f":log-group:{name}") for arn in listed(arns))
            if named and operator in _BOUNDING and key.lower() == "kms:encryptioncontext:aws:logs:arn":
                return True
    return False


def bounded(statement: dict[str, Any]) -> bool:
    """Whether a condition says for whom the service acts."""
    for operator, values in (statement.get("Condition") or {}).items():
        for key, wanted in values.items():
            if operator in _BOUNDING and key.lower().startswith(_SOURCE_KEYS) and "*" not in listed(wanted):
                return True
    return False


def policies_of(resources: Resources, name: str) -> Iterator[dict[str, Any]]:
    """The policy documents that are attached to a bucket, queue or topic."""
    kind, member = POLICY_OF[resources[name]["Type"]]
    for _, properties in of_type(resources, kind):
        if {"Ref": name} in listed(properties[member]):
            yield properties["PolicyDocument"]


@cache
def tag_member(kind: str) -> str | None:
    """The property in which CloudFormation takes tags of this type."""
    if kind.startswith("Custom::"):
        return None
    properties = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema["properties"]
    return next((member for member in ("Tags", "ResourceTags") if member in properties), None)


def of_type(resources: Resources, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, item.get("Properties", {})) for name, item in resources.items() if item["Type"] == kind)


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    return listed(document["Statement"])


def key_name(value: Any) -> str | None:
    """The logical id in {"Ref": …} or {"Fn::GetAtt": […, "Arn"]}."""
    if at(value, ("Ref",)):
        return str(value["Ref"])
    found = at(value, ("Fn::GetAtt",))
    return str(found[0]) if isinstance(found, list) and found[1:] == ["Arn"] else None


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    """What lies there, or None."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
