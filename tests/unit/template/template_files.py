"""template.yaml and the state machines as data, for the static tests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags: `!Ref A` is {"Ref": "A"}, `!GetAtt A.B` is {"Fn::GetAtt": ["A", "B"]}."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def text() -> str:
    return (ROOT / "template.yaml").read_text(encoding="utf-8")


def load() -> dict[str, Any]:
    """A copy of the template that may be changed."""
    return yaml.load(text(), _Loader)


@cache
def template() -> dict[str, Any]:
    return load()


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Logical id → properties."""
    found = template()["Resources"].items()
    return {name: item.get("Properties", {}) for name, item in found if item["Type"] == kind}


def machine_files() -> list[Path]:
    return sorted((ROOT / "statemachines").glob("*.asl.yaml"))


@cache
def machine(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every policy statement of the template with the logical id of its resource, assume-role policies left out."""
    for name, item in template()["Resources"].items():
        properties = item.get("Properties", {})
        documents = []
        if isinstance(properties.get("PolicyDocument"), dict):
            documents.append(properties["PolicyDocument"])
        for policy in properties.get("Policies", []):
            documents.append(policy.get("PolicyDocument", policy))
        for document in documents:
            assert document.get("Version") == "2012-10-17", f"{name}: a policy without its Version"
            for statement in document["Statement"]:
                yield name, statement
