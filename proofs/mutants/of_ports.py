"""Generated mistakes between a step's ports and its role: a service too many or too few, a port in vain or misnamed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from proofs import ports
from proofs.mutants import Mutant, Path, at
from proofs.project import Project, listed

_ONE_ACTION = {
    "s3": "s3:ListBucket",
    "dynamodb": "dynamodb:Query",
    "sns": "sns:Publish",
    "events": "events:PutEvents",
    "cloudwatch": "cloudwatch:DescribeAlarms",
    "sagemaker": "sagemaker:DescribeEndpoint",
    "states": "states:StartExecution",
    "scheduler": "scheduler:GetSchedule",
    ports.SIGNING: "kms:Verify",
}


def generated(project: Project) -> Iterator[Mutant]:
    for name, function in project.functions().items():
        yield from _of_role(project, name, function)
    for path, source in project.code.items():
        if path.startswith(ports.STEPS) and "def " in source:
            yield from _of_step(project, path, source)
        if path.startswith("functions/") and "bootstrap.call(" in source:
            taken = source.replace("bootstrap.call(", "bootstrap.world().call(")
            yield Mutant("handler that takes every port", path, project.changed(("code", path), taken))


def _of_role(project: Project, name: str, function: dict[str, Any]) -> Iterator[Mutant]:
    role = function["Role"]["Fn::GetAtt"][0]
    where: Path = ("source", "Resources", role, "Properties", "Policies", 0, "PolicyDocument", "Statement")
    statements = at(project, where)
    stood_for = {service for port in ports.of_function(project, function) for service in ports.services(port)}
    for service, action in _ONE_ACTION.items():
        if service not in stood_for:
            more = [*statements, {"Effect": "Allow", "Action": [action], "Resource": {"Fn::GetAtt": ["Table", "Arn"]}}]
            yield Mutant("role with a service too many", f"{name}: {service}", project.changed(where, more))
        else:
            left = [each for each in statements if service not in map(ports.service, listed(each["Action"]))]
            yield Mutant("role without a port's service", f"{name}: {service}", project.changed(where, left))


def _of_step(project: Project, path: str, source: str) -> Iterator[Mutant]:
    step = path.rpartition("/")[2].removesuffix(".py")
    for port, kind in ports.TYPES.items():
        tree = ast.parse(source)
        own = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == step)
        taken = {each.arg: each for each in own.args.kwonlyargs}
        if port not in taken:
            own.args.kwonlyargs.append(ast.arg(port, ast.Name(kind)))
            own.args.kw_defaults.append(None)
            what = "step with a port that it does not use"
        else:
            others = sorted(set(ports.TYPES.values()) - {kind})
            taken[port].annotation = ast.Name(others[len(step) % len(others)])
            what = "port of another type"
        yield Mutant(what, f"{step}: {port}", project.changed(("code", path), ast.unparse(tree)))
