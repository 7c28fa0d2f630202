"""docs/reference/roles.md, from the IAM roles and managed policies of template.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scripts.reference.pages import code, codes, page, section, table
from scripts.reference.source import short, template

TITLE = "IAM roles"
INTRODUCTION = (
    "Every role of the stack: which service assumes it, what uses it, and each statement of its policy. Nothing else "
    "is granted; the proofs compare the roles with recorded calls ([proofs](../proofs.md)). `bucket: raw/*` stands for "
    "objects of the data bucket below `raw/`. To deploy the stack, and for the `sluice` command, a person needs rights "
    "of their own ([operations](../operations.md))."
)
_HEAD = ("effect", "actions", "on", "only if")
_LIST = (list, tuple)


def text() -> str:
    resources = template()["Resources"]
    roles = {name: each["Properties"] for name, each in resources.items() if each["Type"] == "AWS::IAM::Role"}
    shared = {name: each for name, each in resources.items() if each["Type"] == "AWS::IAM::ManagedPolicy"}
    body = [
        section(name, _about(name, properties, shared), table(_HEAD, _statements(properties["Policies"])))
        for name, properties in roles.items()
    ]
    policies = [
        section(
            name, each["Properties"]["Description"] + ".", table(_HEAD, _rows(each["Properties"]["PolicyDocument"]))
        )
        for name, each in shared.items()
    ]
    return page(TITLE, INTRODUCTION, "".join([*body, *policies]))


def users(role: str) -> list[str]:
    """Logical ids of what names the role, but for what may only pass it on."""
    found = []
    for name, each in template()["Resources"].items():
        given = each.get("Properties", {}).get("Role")
        if given and short(given) == role:
            found.append(name)
    return found


def _about(name: str, properties: dict[str, Any], shared: dict[str, Any]) -> str:
    services = [
        service
        for statement in properties["AssumeRolePolicyDocument"]["Statement"]
        for service in _list(statement["Principal"]["Service"])
    ]
    used = users(name)
    role_of = f"Used by {codes(used)}. " if used else ""
    also = [each for each in shared if each in str(properties.get("ManagedPolicyArns", ""))]
    more = f" It also has {codes(also)}." if also else ""
    return f"{role_of}Assumed by {codes(short(each) for each in services)}.{more}"


def _statements(policies: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for policy in policies:
        yield from _rows(policy["PolicyDocument"])


def _rows(document: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for statement in document["Statement"]:
        if "Fn::If" in statement:
            statement = statement["Fn::If"][1]
        conditions = [
            f"{operator} {code(key)} {_shown(value)}"
            for operator, keys in statement.get("Condition", {}).items()
            for key, value in keys.items()
        ]
        yield (
            statement["Effect"],
            codes(_list(statement.get("Action", statement.get("NotAction")))),
            codes(short(each) for each in _list(statement["Resource"])),
            "; ".join(conditions),
        )


def _shown(value: Any) -> str:
    return codes(short(each) for each in _list(value))


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, _LIST) else [value]
