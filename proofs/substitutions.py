"""A state machine's substitutions: declared, used, and each what its name and the place of its use say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from proofs.api_calls import tasks
from proofs.project import Finding, Project
from proofs.references import references

CHECK = "substitutions"
_USED = re.compile(r"\$\{([^}]*)\}")
# Places in a Task → how the name of what is substituted there ends.
_PLACES = {
    "FunctionName": "FunctionArn",
    "StateMachineArn": "Arn",
    "JobName": "JobName",
    "RoleArn": "RoleArn",
    "VolumeKmsKeyId": "KeyArn",
    "KmsKeyId": "KeyArn",
}
# Names that do not say which resource they are.
_NAMED: dict[str, tuple[str, str]] = {
    "ExecutionRoleArn": ("SageMakerRole", "Arn"),
    "Partition": ("AWS::Partition", "Ref"),
}


def findings(project: Project) -> list[Finding]:
    found = []
    for logical_id, definition in project.definitions.items():
        declared = project.source["Resources"][logical_id]["Properties"].get("DefinitionSubstitutions", {})
        for where, what in _machine(definition, declared, project.source):
            found.append(Finding(CHECK, f"{logical_id}.{where}", what))
    return found


def _machine(definition: dict[str, Any], declared: dict[str, Any], source: dict[str, Any]) -> Iterator[tuple[str, str]]:
    used = set(_USED.findall(json.dumps(definition)))
    for name in sorted(used - declared.keys()):
        yield name, "is used and not declared: the text stays as it is"
    for name, value in declared.items():
        if name not in used:
            yield name, "is declared and not used"
        if not re.fullmatch(r"[A-Z]\w*", name):
            yield name, "is not PascalCase"
        found = [(target, attribute) for _, target, attribute in references(value)]
        wanted = _wanted(name, source)
        if not wanted:
            yield name, "says not what it is: name it after its resource, or add it to proofs/substitutions.py"
        elif found != [wanted]:
            yield name, f"must be {'.'.join(wanted)}, not {value}"
    for name, state in tasks(definition):
        yield from _uses(name, state.get("Arguments"))
        if not str(state.get("Resource")).startswith("arn:${Partition}:"):
            yield f"{name}.Resource", "names one partition for all: ${Partition} is the stack's"
        for used_here in _USED.findall(str(state.get("Resource"))):
            if used_here != "Partition":
                yield f"{name}.Resource", f"{used_here} is no partition"


def _wanted(name: str, source: dict[str, Any]) -> tuple[str, str] | None:
    """The resource that a name stands for: `PlanBatchFunctionArn` is PlanBatchFunction.Arn."""
    if name in _NAMED:
        return _NAMED[name]
    for suffix in ("Arn", "Name", "Id"):
        target = name.removesuffix(suffix)
        item = source["Resources"].get(target)
        if target != name and item is not None:
            by_reference = item["Type"] in ("AWS::Serverless::StateMachine", "AWS::SNS::Topic") or suffix != "Arn"
            return target, "Ref" if by_reference else "Arn"
    return (name, "Ref") if name in source.get("Parameters", {}) else None


def _uses(where: str, value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _uses(f"{where}.{name}", item, str(name))
    elif isinstance(value, list):
        for item in value:
            yield from _uses(where, item, key)
    elif isinstance(value, str):
        if key in _PLACES and "${" not in value and "{%" not in value:
            yield where, f"{value!r} is written out where the stack's own belongs"
        for name in _USED.findall(value):
            wrong = key == "StateMachineArn" and name.endswith(("FunctionArn", "RoleArn", "KeyArn"))
            if key in _PLACES and (wrong or not name.endswith(_PLACES[key])):
                yield where, f"{name} does not belong here: *{_PLACES[key]} does"
