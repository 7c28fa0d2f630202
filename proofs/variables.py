"""Every function is told the settings that its step reads, itself or through the adapters that it calls.

By the source: `settings.<name>` in what the step imports, and `<port>.<method>(...)` whose adapter's method
asks `required(..., "<name>")`.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import fields

from proofs.handlers import imports, reached, source_file
from proofs.project import ROOT, Finding, Project
from sluice.bootstrap import World
from sluice.ports import Settings

CHECK = "variables"
_ADAPTERS = ROOT / "layers" / "core" / "sluice" / "aws"
_PORTS = {field.name for field in fields(World)} - {"settings", "clock"}
_SETTINGS = {field.name for field in fields(Settings)}
_OF_LIBRARIES = {"OPENBLAS_NUM_THREADS": "1"}
"""What every function tells its libraries: threads of BLAS would wait for each other on one or two vCPUs."""

_OF_MEMORY = {
    "ARROW_DEFAULT_MEMORY_POOL": "jemalloc",
    "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
    "MALLOC_MMAP_THRESHOLD_": str(64 * 2**20),
}
"""What functions of the intake tell the C library, all of it or none: the memory of a block is kept for the next."""


def findings(project: Project) -> list[Finding]:
    shared = project.source.get("Globals", {}).get("Function", {}).get("Environment", {}).get("Variables", {})
    found = [Finding(CHECK, f"Globals.{name}", "no setting has this name") for name in _unknown(shared)]
    for name, value in _OF_LIBRARIES.items():
        if shared.get(name) != value:
            found.append(Finding(CHECK, f"Globals.{name}", f"is not {value!r}"))
    effective = project.functions()
    for function, properties in project.resources("AWS::Serverless::Function").items():
        if project.focus is not None and function not in project.focus:
            continue
        own = properties.get("Environment", {}).get("Variables", {})
        found += [Finding(CHECK, f"{function}.{name}", "no setting has this name") for name in _unknown(own)]
        source = project.code.get(f"{str(properties.get('CodeUri', '')).strip('/')}/app.py", "")
        every = effective[function].get("Environment", {}).get("Variables", {})
        given = {name.removeprefix("SLUICE_").lower() for name in every}
        for name in sorted(_needed(source) - given):
            found.append(Finding(CHECK, function, f"its step reads SLUICE_{name.upper()}, which nobody tells it"))
        if (memory := {name: own[name] for name in _OF_MEMORY if name in own}) and memory != _OF_MEMORY:
            found.append(Finding(CHECK, function, f"tells the C library {memory}, not {_OF_MEMORY}"))
        ours = {each.removeprefix("SLUICE_").lower() for each in own if each not in _OF_MEMORY}
        for name in sorted(ours - _needed(source)):
            found.append(Finding(CHECK, function, f"its step does not read SLUICE_{name.upper()}"))
    return found


def _unknown(variables: dict[str, object]) -> list[str]:
    known = {f"SLUICE_{name.upper()}" for name in _SETTINGS} | _OF_LIBRARIES.keys() | _OF_MEMORY.keys()
    return sorted(name for name in variables if name not in known and not name.startswith("POWERTOOLS_"))


@functools.cache
def _needed(source: str) -> frozenset[str]:
    """The settings that a handler's source reads in the end."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return frozenset()
    modules = {module for name, names in imports(tree) for module in reached(name, tuple(names))}
    found: set[str] = set()
    for module in modules:
        file = source_file(module) if module.startswith("sluice.") and not module.startswith("sluice.aws") else None
        if file is None or module in ("sluice.bootstrap", "sluice.ports"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Attribute):
                continue
            before = node.value
            owner = (
                before.attr if isinstance(before, ast.Attribute) else before.id if isinstance(before, ast.Name) else ""
            )
            if owner == "settings" and node.attr in _SETTINGS:
                found.add(node.attr)
            elif owner in _PORTS:
                found |= _required(owner).get(node.attr, frozenset())
    return frozenset(found)


@functools.cache
def _required(port: str) -> dict[str, frozenset[str]]:
    """Method → settings that the port's adapter requires in it, what it calls of itself included."""
    path = _ADAPTERS / f"{port}.py"
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    own: dict[str, set[str]] = {}
    calls: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            own[node.name] = set(_asked(node))
            calls[node.name] = {
                each.attr
                for each in ast.walk(node)
                if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "self"
            }
    for _ in own:
        for name, others in calls.items():
            own[name] |= {each for other in others if other in own for each in own[other]}
    return {name: frozenset(needed) for name, needed in own.items()}


def _asked(node: ast.FunctionDef) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "required":
            yield from (str(arg.value) for arg in each.args if isinstance(arg, ast.Constant))
