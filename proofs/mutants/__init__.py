"""Mistakes put into the application on purpose: each must raise a finding that the good one does not have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proofs.project import Project

Path = tuple[str | int, ...]


@dataclass(frozen=True, eq=False)
class Mutant:
    """The application with one mistake; `kind` groups mistakes in the table, `name` says where this one is."""

    kind: str
    name: str
    project: Project


def at(project: Project, path: Path) -> Any:
    """What stands at a path such as ("source", "Resources", "Table")."""
    value: Any = getattr(project, str(path[0]))
    for step in path[1:]:
        value = value[step]
    return value


def renamed(project: Project, path: Path, name: str) -> Project:
    """A copy in which the entry at `path` is called `name`, in the same place of its order."""
    around = at(project, path[:-1])
    return project.changed(path[:-1], {name if key == path[-1] else key: item for key, item in around.items()})


def walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Path and value of everything below, itself included."""
    yield path, value
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from walk(item, (*path, key))


def shown(path: Path) -> str:
    return ".".join(str(step) for step in path[1:] if step not in ("Resources", "Properties", "States"))
