"""What a step may touch is said twice, by its signature and by its role; both must say the same.

A step takes its ports by keyword, and bootstrap gives it those alone. A port stands for the AWS services of which its
adapter makes clients. So a role grants no service that no port of its function's steps stands for, and one for each
port. No function of the line takes a port that it does not use, under another name, or as another type.
"""

from __future__ import annotations

import ast
import functools
import json
import re
import sys
import typing
from collections.abc import Iterator
from typing import Any

from proofs.handlers import CALL, imports, parsed
from proofs.project import LINE, ROOT, Finding, Project, listed
from sluice.bootstrap import PORTS, World

CHECK = "ports"
STEPS = f"{LINE}/steps"
_ADAPTERS = ROOT / "layers" / "core" / "sluice" / "aws"
SIGNING, STORES_KEY = "kms: signatures", "kms: what is stored"
"""Two uses of KMS: the signer's own, and that of every store of ours, which is encrypted."""
_NAMES = {"stepfunctions": "states", "sagemaker-runtime": "sagemaker", "kms": SIGNING}
"""Services that boto3 calls otherwise than IAM."""
TYPES = {name: hint.__name__ for name, hint in typing.get_type_hints(World).items()}


def findings(project: Project) -> list[Finding]:
    found = [
        Finding(CHECK, f"{path}: {name}", what)
        for path, source in project.code.items()
        if path.startswith(LINE)
        for name, what in wrong_ports(source)
    ]
    for path, source in project.code.items():
        if path.startswith("functions/") and "bootstrap.world" in source:
            found.append(Finding(CHECK, path, f"takes every port; call the step through {CALL}"))
    for name, function in project.functions().items():
        steps = steps_of(project, function)
        missing = [step for step in steps if f"{STEPS}/{step}.py" not in project.code]
        found += [Finding(CHECK, name, f"there is no step {step}") for step in missing]
        if not missing:
            found += [Finding(CHECK, name, what) for what in _role(project, function)]
    return found


@functools.cache
def wrong_ports(source: str) -> tuple[tuple[str, str], ...]:
    """(function, what is wrong) of the functions of a module that take ports."""
    try:
        tree = parsed(source)
    except SyntaxError as error:
        return (("", f"no Python: {error}"),)
    return tuple(
        (node.name, what) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for what in _wrong(node)
    )


def _wrong(node: ast.FunctionDef) -> Iterator[str]:
    read = {each.id for part in node.body for each in ast.walk(part) if _is_read(each)}
    for each in node.args.kwonlyargs:
        hint = ast.unparse(each.annotation) if each.annotation else "nothing"
        if each.arg not in PORTS:
            if hint in TYPES.values():
                yield f"{each.arg} is a port, which bootstrap knows as {_names()[hint]}"
            continue
        if hint != TYPES[each.arg]:
            yield f"the port {each.arg} is {TYPES[each.arg]}, not {hint}"
        if each.arg not in read:
            yield f"does not use its port {each.arg}: leave it out"
    for each in [*node.args.posonlyargs, *node.args.args]:
        hint = ast.unparse(each.annotation) if each.annotation else ""
        if hint == "World":
            yield "takes every port; name the ones that it uses"


def _names() -> dict[str, str]:
    return {hint: name for name, hint in TYPES.items()}


def _is_read(node: ast.AST) -> typing.TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)


def steps_of(project: Project, function: dict[str, Any]) -> list[str]:
    """The entry points that a function's handler imports."""
    source = project.code.get(f"{str(function.get('CodeUri', '')).strip('/')}/app.py", "")
    try:
        tree = parsed(source)
    except SyntaxError:
        return []
    prefix = "sluice.steps."
    return sorted(module.removeprefix(prefix) for module, _ in imports(tree) if module.startswith(prefix))


def of_function(project: Project, function: dict[str, Any]) -> frozenset[str]:
    """The ports in the signatures of a function's steps."""
    steps = steps_of(project, function)
    return frozenset(each for step in steps for each in _taken(project.code[f"{STEPS}/{step}.py"], step))


@functools.cache
def _taken(source: str, step: str) -> frozenset[str]:
    try:
        tree = parsed(source)
    except SyntaxError:
        return frozenset()
    own = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == step]
    return frozenset(each.arg for node in own for each in node.args.kwonlyargs if each.arg in PORTS)


@functools.cache
def services(port: str) -> frozenset[str]:
    """The services of which the port's adapter makes clients, as IAM calls them; none for `settings` and `clock`."""
    path = _ADAPTERS / f"{port}.py"
    source = path.read_text(encoding="utf-8") if path.exists() else ""
    return frozenset(_NAMES.get(each, each) for each in re.findall(r'self\._clients\("([a-z0-9-]+)"\)', source))


def service(action: str) -> str:
    """The service of an IAM action."""
    prefix, _, name = action.partition(":")
    if prefix == "kms":
        return SIGNING if name in ("Sign", "Verify", "GetPublicKey") else STORES_KEY
    return prefix


@functools.cache
def _gives_a_role(port: str) -> bool:
    """Whether the port's adapter hands a role to a service, for which its caller needs iam:PassRole."""
    path = _ADAPTERS / f"{port}.py"
    return path.exists() and "_role_arn" in path.read_text(encoding="utf-8")


def _role(project: Project, function: dict[str, Any]) -> Iterator[str]:
    granted, taken = _granted(project, function), of_function(project, function)
    allowed = {"logs"}.union(*map(services, taken))
    if "DeadLetterQueue" in function or any(each["Type"] == "SQS" for each in function.get("Events", {}).values()):
        allowed |= {"sqs"}  # Lambda reads a queue, or writes what failed to one, in the function's name
    if any(map(_gives_a_role, taken)):
        allowed |= {"iam"}
    if any(map(services, taken)):
        allowed |= {STORES_KEY}
    for service in sorted(granted - allowed):
        yield f"its role grants {service}, for which no port of its step stands; its ports: {', '.join(sorted(taken))}"
    for port in sorted(taken):
        if services(port) and not services(port) & granted:
            yield f"its step takes the port {port}, and its role grants nothing of {', '.join(sorted(services(port)))}"


def _granted(project: Project, function: dict[str, Any]) -> frozenset[str]:
    """The services of the actions that the function's role allows, by the policies written in the template."""
    arn = function.get("Role", {})
    role = arn.get("Fn::GetAtt", [""])[0] if isinstance(arn, dict) else ""
    properties = project.source["Resources"].get(role, {}).get("Properties", {})
    statements = [
        statement
        for policy in listed(properties.get("Policies"))
        for statement in listed(policy.get("PolicyDocument", {}).get("Statement"))
    ]
    actions = [each for statement in statements if statement.get("Effect") == "Allow" for each in _actions(statement)]
    return frozenset(service(str(action)) for action in actions)


def _actions(statement: dict[str, Any]) -> list[Any]:
    return listed(statement.get("Action"))


def figures(project: Project) -> dict[str, int]:
    """How many steps, ports in their signatures, and functions with ports in what they share there are."""
    line = {path: parsed(source) for path, source in project.code.items() if path.startswith(LINE)}
    every = [node for tree in line.values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    steps = [path.rpartition("/")[2].removesuffix(".py") for path in line if path.startswith(STEPS)]
    named = [_taken(project.code[f"{STEPS}/{step}.py"], step) for step in steps if step != "__init__"]
    return {
        "entry points": len(named),
        "ports in their signatures": sum(map(len, named)),
        "ports of one entry point, at most": max(map(len, named)),
        "functions that take ports": sum(any(each.arg in PORTS for each in node.args.kwonlyargs) for node in every),
    }


def main() -> int:
    project = Project.load()
    found = findings(project)
    for name, value in figures(project).items():
        print(json.dumps({"name": name, "value": value, "goal": None}))
    print(json.dumps({"name": "ports against roles", "value": len(found), "goal": 0, "ok": not found}))
    for each in found:
        print(f"  {each}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
