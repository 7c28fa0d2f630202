"""template.yaml and the state machines as data, for the static tests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from cli import machines
from proofs.project import ROOT, Project


def text() -> str:
    return (ROOT / "template.yaml").read_text(encoding="utf-8")


@cache
def template() -> dict[str, Any]:
    return Project.load().source


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Logical id → properties."""
    found = template()["Resources"].items()
    return {name: item.get("Properties", {}) for name, item in found if item["Type"] == kind}


def machine_files() -> list[Path]:
    return machines.sources()


@cache
def machine(path: Path) -> dict[str, Any]:
    return machines.definition(path)


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
