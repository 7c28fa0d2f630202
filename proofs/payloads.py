"""What the state machines give to the functions is what the functions take, name by name."""

from __future__ import annotations

import functools
import importlib
import inspect
from typing import Any

from proofs.api_calls import tasks
from proofs.expressions import Parsed, parse
from proofs.handlers import called_step
from proofs.project import Finding, Project
from sluice.bootstrap import ports_of

CHECK = "payloads"


def findings(project: Project) -> list[Finding]:
    found = []
    for logical_id, definition in project.definitions.items():
        declared = project.source["Resources"][logical_id]["Properties"].get("DefinitionSubstitutions", {})
        for name, state in tasks(definition):
            arguments = state.get("Arguments")
            if ":lambda:invoke" in str(state.get("Resource")) and isinstance(arguments, dict):
                found += [
                    Finding(CHECK, f"{logical_id}/{name}.Arguments.Payload", what)
                    for what in _payload(project, arguments, declared)
                ]
    return found


def _payload(project: Project, arguments: dict[str, Any], declared: dict[str, Any]) -> list[str]:
    name = str(arguments.get("FunctionName", "")).removeprefix("${").removesuffix("}")
    target = declared.get(name, {}).get("Fn::GetAtt", ["", ""])[0] if isinstance(declared.get(name), dict) else ""
    function = project.source["Resources"].get(target, {}).get("Properties", {})
    step = called_step(project, str(function.get("CodeUri", "")))
    if step is None:
        return [f"{name or 'nothing'} leads to no function whose step is known"]
    payload = keys(arguments.get("Payload"))
    if payload is None:
        return ["our functions take a JSON object, with its names written out"]
    known = _parameters(step)
    missing = [each for each, needed in known.items() if needed and each not in payload]
    return [f"{step} needs {each!r}" for each in missing] + [
        f"{step} takes no {each!r}; it takes {sorted(known)}" for each in payload if each not in known
    ]


@functools.cache
def _parameters(step: str) -> dict[str, bool]:
    """Name → whether it must be given, but for the ports, which are injected."""
    function = getattr(importlib.import_module(f"sluice.steps.{step}"), step)
    ports = ports_of(function)
    taken = inspect.signature(function).parameters.values()
    return {each.name: each.default is each.empty for each in taken if each.name not in ports}


def keys(payload: Any) -> set[str] | None:
    """The names in a payload: its own, or those of the objects that a JSONata expression writes."""
    if isinstance(payload, dict):
        return set(payload)
    parsed = parse(payload) if isinstance(payload, str) else ""
    return parsed.keys if isinstance(parsed, Parsed) and parsed.keys else None
