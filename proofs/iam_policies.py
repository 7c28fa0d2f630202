"""IAM's decisions on the template's policies, by an evaluator of our own.

Written from the IAM user guide ("Policy evaluation logic", "IAM JSON policy elements: Condition operators"), not
from the local cloud's evaluator, with which the tests compare it. What is not known here is refused by
UnknownElementError, never passed over.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from proofs.stack_values import ACCOUNT, StackValues

Context = Mapping[str, str | list[str]]
_MEMBERS = {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}
# The managed policies that SAM attaches: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/
MANAGED: dict[str, tuple[str, ...]] = {
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole": (
        *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
    ),
    "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole": (
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
        *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
    ),
    "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole": (
        *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "ec2:CreateNetworkInterface"),
        *("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface"),
        *("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
    ),
}


class UnknownElementError(ValueError):
    """A policy has something that this evaluator does not know."""


@dataclass(frozen=True)
class Request:
    """One question to IAM. `principal` is `role:<logical id>` or `service:<principal>`."""

    principal: str
    action: str
    resource: str
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Statement:
    """`where` says where it stands; `managed` that it comes from a policy of AWS's."""

    where: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    principals: tuple[str, ...] = ()
    managed: str = ""

    def matching_actions(self, request: Request) -> tuple[str, ...]:
        """Those of its actions that match; empty when the statement does not apply."""
        found = tuple(each for each in self.actions if _like(request.action.lower(), each.lower()))
        if not found or not any(arn_matches(request.resource, each) for each in self.resources):
            return ()
        if not all(holds(operator, key, values, request.context) for operator, key, values in self.conditions):
            return ()
        return found


@dataclass(frozen=True)
class Policies:
    """Every policy of a stack: of roles by logical id, of resources by ARN, trust by the role's ARN."""

    roles: dict[str, tuple[Statement, ...]]
    resources: dict[str, tuple[Statement, ...]]
    role_arns: dict[str, str]

    def allowing(self, request: Request) -> list[tuple[str, Statement, str]]:
        """Each (owner, statement, action) that by itself allows the request; empty when it is denied.

        The owner is a role's logical id or a resource's ARN.
        """
        identity: tuple[Statement, ...] = ()
        principals = {"*", request.principal}
        kind, _, name = request.principal.partition(":")
        if kind == "role":
            if name not in self.roles:
                return []
            identity = self.roles[name]
            principals.add(self.role_arns[name])
        attached = self._attached(request.resource)
        on_resource = [each for each in attached if principals & set(each.principals)]
        both = [*identity, *on_resource]
        if any(each.effect == "Deny" and each.matching_actions(request) for each in both):
            return []
        root = f"arn:aws:iam::{ACCOUNT}:root"
        delegated = [each for each in attached if root in each.principals and each.effect == "Allow"]
        if request.action.startswith("kms:") and not any(each.matching_actions(request) for each in delegated):
            # A key's own policy must let IAM decide: "Default key policy" of the KMS developer guide.
            identity = ()
        usable = [(name, each) for each in identity] + [(self._holder(request.resource), each) for each in on_resource]
        return [
            (owner, each, action)
            for owner, each in usable
            if each.effect == "Allow"
            for action in each.matching_actions(request)
        ]

    def _attached(self, resource: str) -> tuple[Statement, ...]:
        return self.resources.get(self._holder(resource), ())

    @staticmethod
    def _holder(resource: str) -> str:
        """Whose policy decides: the bucket's for its objects."""
        return resource.split("/", 1)[0] if resource.startswith("arn:aws:s3:::") else resource

    def every(self) -> Iterator[tuple[str, Statement]]:
        """(role's logical id or resource's ARN, statement)."""
        for owner, statements in [*self.roles.items(), *self.resources.items()]:
            for each in statements:
                yield owner, each


def arn_matches(arn: str, pattern: str) -> bool:
    """As in a Resource element: the first five parts each on its own, the rest as a whole."""
    if pattern == "*":
        return True
    have, want = arn.split(":", 5), pattern.split(":", 5)
    if len(want) != 6:
        raise UnknownElementError(f"{pattern!r} is no ARN")
    return len(have) == 6 and all(_like(one, other) for one, other in zip(have, want, strict=True))


def holds(operator: str, key: str, wanted: tuple[str, ...], context: Context) -> bool:
    """Whether one line of a condition holds. Raises UnknownElementError."""
    name = operator
    quantifier = ""
    if ":" in name:
        quantifier, _, name = name.partition(":")
        if quantifier not in ("ForAllValues", "ForAnyValue"):
            raise UnknownElementError(f"condition operator {operator}")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    lower = {each.lower(): value for each, value in context.items()}
    found = lower.get(key.lower())
    if name == "Null":
        return (found is None) == (wanted[0] == "true")
    if name not in _OPERATORS:
        raise UnknownElementError(f"condition operator {operator}")
    test, negated = _OPERATORS[name]
    if found is None:
        return if_exists or negated or quantifier == "ForAllValues"
    values = found if isinstance(found, list) else [found]
    if isinstance(found, list) and not quantifier:
        raise UnknownElementError(f"{operator} on {key}, which has several values")

    def one(value: str) -> bool:
        return any(test(value, each) for each in wanted) != negated

    return all(map(one, values)) if quantifier == "ForAllValues" or not quantifier else any(map(one, values))


def _arn_like(value: str, pattern: str) -> bool:
    have, want = value.split(":", 5), pattern.split(":", 5)
    return len(have) == len(want) == 6 and all(_like(one, other) for one, other in zip(have, want, strict=True))


_Test = Callable[[str, str], bool]
# name → (test, whether the operator is the test's negation)
_OPERATORS: dict[str, tuple[_Test, bool]] = {
    "StringEquals": (lambda value, wanted: value == wanted, False),
    "StringNotEquals": (lambda value, wanted: value == wanted, True),
    "StringLike": (lambda value, wanted: _like(value, wanted), False),
    "StringNotLike": (lambda value, wanted: _like(value, wanted), True),
    "ArnEquals": (_arn_like, False),
    "ArnLike": (_arn_like, False),
    "ArnNotEquals": (_arn_like, True),
    "ArnNotLike": (_arn_like, True),
    "Bool": (lambda value, wanted: value.lower() == wanted.lower(), False),
}


@functools.cache
def _pattern(pattern: str) -> re.Pattern[str]:
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.compile("".join(parts), re.DOTALL)


def _like(value: str, pattern: str) -> bool:
    return _pattern(pattern).fullmatch(value) is not None


# --- out of a template ------------------------------------------------------------------------------------------------


def statements(document: Any, where: str, resource: str = "") -> Iterator[Statement]:
    """The statements of a resolved policy document. Raises UnknownElementError."""
    # SAM writes one policy without a version, which is as good: the older one only lacks variables, refused below.
    if not isinstance(document, dict) or document.get("Version", "2012-10-17") != "2012-10-17":
        raise UnknownElementError(f"{where}: a policy of version 2012-10-17 is expected")
    for index, each in enumerate(_list(document.get("Statement"))):
        place = f"{where}.Statement[{index}]"
        if unknown := set(each) - _MEMBERS:
            raise UnknownElementError(f"{place}: {sorted(unknown)}")
        if each.get("Effect") not in ("Allow", "Deny"):
            raise UnknownElementError(f"{place}: Effect {each.get('Effect')!r}")
        resources = tuple(_list(each.get("Resource", resource or None)))
        conditions = tuple(
            (operator, key, tuple(_text(value) for value in _list(values)))
            for operator, keys in each.get("Condition", {}).items()
            for key, values in keys.items()
        )
        texts = [*resources, *(value for _, _, values in conditions for value in values)]
        if used := [text for text in texts if "${" in text]:
            raise UnknownElementError(f"{place}: policy variables are not known here: {used[0]}")
        principals = tuple(_principals(each.get("Principal"), place))
        yield Statement(place, each["Effect"], tuple(_list(each["Action"])), resources, conditions, principals)


def _principals(principal: Any, place: str) -> Iterator[str]:
    if principal is None:
        return
    if principal == "*":
        yield "*"
        return
    for kind, names in principal.items():
        if kind not in ("Service", "AWS"):
            raise UnknownElementError(f"{place}: principal {kind}")
        for name in _list(names):
            yield f"service:{name}" if kind == "Service" else name


def _list(value: Any) -> list[Any]:
    if value is None:
        raise UnknownElementError("an element is missing")
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def of_template(template: dict[str, Any], values: StackValues | None = None) -> Policies:
    """Every policy of a translated template, for the stack that `values` stand for (parameters at their defaults).

    Raises UnknownElementError and UnresolvedError.
    """
    values = values or StackValues(template)
    roles: dict[str, tuple[Statement, ...]] = {}
    attached: dict[str, list[Statement]] = {}
    arns = {}
    there = {name: each for name, each in template["Resources"].items() if values.exists(name)}
    shared = {
        values.arn(name): tuple(statements(values.resolve(each["Properties"]["PolicyDocument"]), name))
        for name, each in there.items()
        if each["Type"] == "AWS::IAM::ManagedPolicy"
    }
    for name, resource in there.items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind == "AWS::IAM::Role":
            arns[name] = values.arn(name)
            roles[name] = tuple(_of_role(name, properties, values, shared))
            trust = values.resolve(properties["AssumeRolePolicyDocument"])
            attached.setdefault(arns[name], []).extend(statements(trust, f"{name}.trust", arns[name]))
        elif kind in _ATTACHED:
            for arn, document in _ATTACHED[kind](name, properties, values):
                attached.setdefault(arn, []).extend(statements(document, name, arn))
        elif kind != "AWS::IAM::ManagedPolicy" and ("Policy" in kind or "PolicyDocument" in properties):
            raise UnknownElementError(f"{name}: {kind}")
    return Policies(roles, {arn: tuple(found) for arn, found in attached.items()}, arns)


def _of_role(
    name: str, properties: dict[str, Any], values: StackValues, shared: dict[str, tuple[Statement, ...]]
) -> Iterator[Statement]:
    if "PermissionsBoundary" in properties:
        raise UnknownElementError(f"{name}: a permissions boundary")
    for policy in values.resolve(properties.get("Policies", [])):
        yield from statements(policy["PolicyDocument"], f"{name}.{policy['PolicyName']}")
    for arn in values.resolve(properties.get("ManagedPolicyArns") or []):
        if arn in shared:
            yield from shared[arn]
            continue
        if arn not in MANAGED:
            raise UnknownElementError(f"{name}: the managed policy {arn}")
        yield Statement(f"{name}.{arn.rsplit('/', 1)[-1]}", "Allow", MANAGED[arn], ("*",), managed=arn)


_Documents = Iterator[tuple[str, Any]]


def _of_queues(_name: str, properties: dict[str, Any], values: StackValues) -> _Documents:
    for queue in properties["Queues"]:
        yield values.arn(queue["Ref"]), values.resolve(properties["PolicyDocument"])


def _of_topics(_name: str, properties: dict[str, Any], values: StackValues) -> _Documents:
    for topic in properties["Topics"]:
        yield values.resolve(topic), values.resolve(properties["PolicyDocument"])


def _of_bucket(_name: str, properties: dict[str, Any], values: StackValues) -> _Documents:
    yield values.arn(properties["Bucket"]["Ref"]), values.resolve(properties["PolicyDocument"])


def _of_key(name: str, properties: dict[str, Any], values: StackValues) -> _Documents:
    document = values.resolve(properties["KeyPolicy"])
    # In a key policy "*" means this key.
    fixed = [{**each, "Resource": values.arn(name)} for each in _list(document["Statement"])]
    yield values.arn(name), {**document, "Statement": fixed}


def _of_permission(_name: str, properties: dict[str, Any], values: StackValues) -> _Documents:
    function = properties["FunctionName"]
    reference = function.get("Ref") or function["Fn::GetAtt"][0]
    found = values.resolve(properties)
    condition: dict[str, dict[str, str]] = {}
    if "SourceArn" in found:
        condition["ArnLike"] = {"AWS:SourceArn": found["SourceArn"]}
    if "SourceAccount" in found:
        condition["StringEquals"] = {"AWS:SourceAccount": found["SourceAccount"]}
    kind = "Service" if found["Principal"].endswith(".amazonaws.com") else "AWS"
    statement = {"Effect": "Allow", "Principal": {kind: found["Principal"]}, "Action": found["Action"]}
    yield (
        values.arn(reference),
        {
            "Version": "2012-10-17",
            "Statement": [{**statement, "Resource": values.arn(reference), "Condition": condition}],
        },
    )


_ATTACHED: dict[str, Callable[[str, dict[str, Any], StackValues], _Documents]] = {
    "AWS::SQS::QueuePolicy": _of_queues,
    "AWS::SNS::TopicPolicy": _of_topics,
    "AWS::S3::BucketPolicy": _of_bucket,
    "AWS::KMS::Key": _of_key,
    "AWS::Lambda::Permission": _of_permission,
}
