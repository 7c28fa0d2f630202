"""Each role can be taken by the service that uses it, and by no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from proofs.project import Finding, Project, TranslationError, listed
from proofs.references import references

CHECK = "trust"
# Where a role stands → who takes it. A function's variable holds a role that the function passes on.
_USERS = {
    "AWS::Lambda::Function.Role": "lambda",
    "AWS::StepFunctions::StateMachine.RoleArn": "states",
    "AWS::Events::Rule.Targets.*.RoleArn": "events",
    "AWS::Glue::Job.Role": "glue",
    "AWS::Lambda::Function.Environment.Variables.SLUICE_EXECUTION_ROLE_ARN": "sagemaker",
    "AWS::Lambda::Function.Environment.Variables.SLUICE_SCHEDULER_ROLE_ARN": "scheduler",
    "AWS::StepFunctions::StateMachine.DefinitionSubstitutions.ExecutionRoleArn": "sagemaker",
}


def findings(project: Project) -> list[Finding]:
    try:
        return [Finding(CHECK, where, what) for where, what in _roles(project.translated)]
    except TranslationError as error:
        return [Finding(CHECK, "template.yaml", str(error))]


def _roles(template: dict[str, Any]) -> Iterator[tuple[str, str]]:
    resources = template["Resources"]
    users: dict[str, set[str]] = {name: set() for name, item in resources.items() if item["Type"] == "AWS::IAM::Role"}
    for name, item in resources.items():
        properties = {key: value for key, value in item.get("Properties", {}).items() if key != "Definition"}
        for path, target, _ in references(properties):
            place = ".".join((item["Type"], *path))
            if target in users and place in _USERS:
                users[target].add(f"{_USERS[place]}.amazonaws.com")
            elif target in users and "Policies" not in path and item["Type"] != "AWS::KMS::Key":
                yield f"{name}.{'.'.join(path)}", f"who takes {target}? proofs/trust.py does not know the place"
    for name, used_by in users.items():
        trusted = _trusted(resources[name]["Properties"].get("AssumeRolePolicyDocument", {}))
        if not used_by:
            yield name, "nobody uses the role"
        elif trusted != used_by:
            yield f"{name}.AssumeRolePolicyDocument", f"trusts {sorted(trusted)}, but {sorted(used_by)} takes it"
    for name, item in resources.items():
        for statement in _statements(item):
            if "iam:PassRole" not in json.dumps(statement.get("Action")):
                continue
            passed = {target for _, target, _ in references(statement["Resource"])}
            condition = statement.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService", [])
            services = set(listed(condition))
            for role in passed & users.keys():
                if services != users[role]:
                    yield f"{name}.PassRole", f"{role} goes to {sorted(services)}, but {sorted(users[role])} takes it"
            if not passed or not passed <= users.keys():
                yield f"{name}.PassRole", f"{sorted(passed)} are no roles of the stack"


def _trusted(document: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for statement in document.get("Statement", []):
        principal = statement.get("Principal", {})
        names = principal.get("Service", []) if isinstance(principal, dict) else [str(principal)]
        if statement.get("Effect") == "Allow":
            found.update(listed(names))
        if isinstance(principal, dict):
            found.update(f"{kind}: {who}" for kind, who in principal.items() if kind != "Service")
    return found


def _statements(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in item.get("Properties", {}).get("Policies", []) if item["Type"] == "AWS::IAM::Role" else []:
        yield from listed(policy.get("PolicyDocument", {}).get("Statement"))
