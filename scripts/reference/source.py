"""The sources that the pages are made of, read once: the template and the product's Python as syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from proofs.project import Project
from scripts.reference.pages import ROOT

CORE = ROOT / "layers" / "core" / "sluice"


@cache
def template() -> dict[str, Any]:
    """template.yaml with intrinsics in long form."""
    return Project.load(ROOT).source


@cache
def modules() -> dict[str, ast.Module]:
    """Path below layers/core → syntax tree, in the order of the paths."""
    paths = sorted(CORE.rglob("*.py"))
    return {str(path.relative_to(CORE.parent)): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield path, node


def documented(path: Path) -> dict[str, str]:
    """Names that a module or its classes assign → the string below the assignment; "" where there is none."""
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef):
            for statement, following in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
                for name in _assigned(statement):
                    found[name] = _text(following)
    return found


def _assigned(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    if isinstance(statement, ast.Assign):
        return [each.id for each in statement.targets if isinstance(each, ast.Name)]
    return []


def _text(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return str(statement.value.value)
    return ""


def short(value: Any) -> str:
    """An intrinsic as people write it: `${Name}`, `${Name.Arn}`, without what all ARNs of a kind share."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(short(each) for each in value)
    function, inner = next(iter(value.items()))
    if function == "Ref":
        return _own(f"${{{inner}}}")
    if function == "Fn::GetAtt":
        return _own("${" + (inner if isinstance(inner, str) else ".".join(inner)) + "}")
    if function == "Fn::Sub":
        return _own(inner if isinstance(inner, str) else inner[0])
    return str(value)


_WRITTEN = (
    ("arn:${AWS::Partition}:s3:::${DataBucket}/", "bucket: "),
    ("arn:${AWS::Partition}:", ""),
    ("${AWS::Region}:${AWS::AccountId}:", ""),
    ("${AWS::StackName}", "<stack>"),
    ("${AWS::Region}", "<region>"),
    ("${AWS::AccountId}", "<account>"),
    ("${AWS::URLSuffix}", "amazonaws.com"),
    (".Arn}", "}"),
    ("${", ""),
    ("}", ""),
)


def _own(text: str) -> str:
    for long, brief in _WRITTEN:
        text = text.replace(long, brief)
    return text
