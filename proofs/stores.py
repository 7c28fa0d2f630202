"""The bucket and the table are as the code uses them: keys, refusals and old versions; and Lambda keeps its network.

What AWS deploys without a word and what fails at the first request, or weeks later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from proofs.posture import KEY_OF, at, key_name, of_type, statements
from proofs.project import Finding, Project
from proofs.recording import CALLS

CHECK = "stores"
LEAST_NONCURRENT_DAYS = 30
"""A release may wait two weeks for an approval, and a run reads the versions that it began with."""
_REFUSAL = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_INVOKER = "lambda:SourceFunctionArn"


def findings(project: Project) -> list[Finding]:
    resources = project.source["Resources"]
    found = []
    for rule in (_keys, _refusals, _versions, _network):
        try:
            found += [Finding(CHECK, where, what) for where, what in rule(resources)]
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            found.append(Finding(CHECK, rule.__name__, f"cannot be read: {error!r}"))
    return sorted(set(found))


def _keys(resources: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every recorded request names its items by the table's key: the partition by equality, the sort key as a text."""
    asked, partition = _recorded()
    for name, own in of_type(resources, "AWS::DynamoDB::Table"):
        kinds = {each["AttributeName"]: each["AttributeType"] for each in own["AttributeDefinitions"]}
        roles = {each["KeyType"]: each["AttributeName"] for each in own["KeySchema"]}
        key = frozenset((each, kinds.get(each)) for each in roles.values())
        for recorded in asked - {key}:
            yield f"{name}.AttributeDefinitions", f"requests name items by {sorted(map(str, recorded))}"
        if partition - {roles.get("HASH")}:
            yield f"{name}.KeySchema", f"queries ask for one {sorted(partition)}, which is not the partition key"


@cache
def _recorded() -> tuple[set[frozenset[tuple[str, str | None]]], set[str]]:
    """The keys of recorded requests with their types, and the attributes that queries fix."""
    keys, fixed = set(), set()
    for line in CALLS.read_text(encoding="utf-8").splitlines():
        call = json.loads(line)
        if call["service"] == "dynamodb":
            if isinstance(key := call["parameters"].get("Key"), dict):
                keys.add(frozenset((name, next(iter(value))) for name, value in key.items()))
            fixed |= set(re.findall(r"^(\w+) = ", call["parameters"].get("KeyConditionExpression", "")))
    return keys, fixed


def _refusals(resources: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, own in of_type(resources, "AWS::S3::BucketPolicy"):
        bucket = resources[own["Bucket"]["Ref"]]["Properties"]
        key = key_name(at(bucket, KEY_OF["AWS::S3::Bucket"]))
        for each in statements(own["PolicyDocument"]):
            wanted = at(each, ("Condition", "StringNotEquals", _REFUSAL))
            if wanted is not None and key_name(wanted) != key:
                yield name, f"refuses uploads under {key}, with which the bucket encrypts"


def _versions(resources: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, own in of_type(resources, "AWS::S3::Bucket"):
        for rule in at(own, ("LifecycleConfiguration", "Rules")) or []:
            days = at(rule, ("NoncurrentVersionExpiration", "NoncurrentDays"))
            if days is not None and not rule.get("Prefix") and days < LEAST_NONCURRENT_DAYS:
                yield f"{name}.{rule.get('Id')}", f"{days} days: a run still reads versions that were replaced"


def _network(resources: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A refusal of network calls is about code in a function, by the key that Lambda's own calls do not have."""
    for name, own in of_type(resources, "AWS::IAM::ManagedPolicy"):
        for each in statements(own["PolicyDocument"]):
            refused = each["Effect"] == "Deny" and any(str(action).startswith("ec2:") for action in each["Action"])
            keys = {key for operator in (each.get("Condition") or {}).values() for key in operator}
            if refused and keys != {_INVOKER}:
                yield name, f"refuses Lambda its network interfaces: the condition is about {_INVOKER}"
