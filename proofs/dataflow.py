"""Every expression, evaluated on typed samples on every way through a machine: what reaches each call and each state.

What is found: an expression without a result; a path that never yields anything; a call that AWS or our step would
refuse, or that is another than it should be, as it is once its expressions are evaluated; a variable or an output of
another shape; a state or an answer that no sample leads to; a variable that is assigned and that nobody reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from proofs import samples
from proofs.asl import scopes, ways
from proofs.expressions import Parsed, expressions, parse
from proofs.integrations import UnknownIntegrationError
from proofs.memory import Place
from proofs.project import Finding, Project
from proofs.walking import MEMORY, EnoughError, Walk

CHECK = "dataflow"


def findings(project: Project) -> list[Finding]:
    walk = Walk(project)
    unread = set(_unread(project))
    if project.hasty and unread:
        return _listed(unread)
    try:
        for machine, inputs in samples.inputs().items():
            for given in inputs:
                walk.machine(machine, given)
        found = {*walk.found, *walk.never(), *unread}
    except EnoughError as enough:
        found = enough.found
    except (UnknownIntegrationError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        return [Finding(CHECK, "statemachines", repr(error))]
    return _listed(found)


def _listed(found: set[tuple[Place, str]]) -> list[Finding]:
    return [Finding(CHECK, f"{machine}/{state}", f"{of}: {what}") for (machine, state, of), what in sorted(found)]


def _unread(project: Project) -> Iterator[tuple[Place, str]]:
    """Variables that are assigned, and that no state reads before they are assigned anew."""
    for logical_id, definition in project.definitions.items():
        yield from MEMORY.once(logical_id, definition, partial(_unread_in, logical_id, definition))


def _unread_in(logical_id: str, definition: dict[str, Any]) -> list[tuple[Place, str]]:
    return [
        ((logical_id, name, of), f"nobody reads ${variable} after this")
        for scope, _ in scopes(definition)
        for name, state in scope["States"].items()
        for of, variable, target in _assignments(state)
        if not _read_after(scope["States"], target, variable)
    ] + [
        ((logical_id, name, f"{of}Output"), "nobody reads this output")
        for scope, _ in scopes(definition)
        for name, state in scope["States"].items()
        for of, holder, target in outputs(state)
        if "Output" in holder and target and not input_read(scope["States"], target)
    ]


def outputs(state: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The ways out of a state; which begins the name of a field of it: "" for the state's own, else `Catch[0].`."""
    for which, holder, target in ways(state):
        yield "" if holder is state else f"{which}.", holder, target


def input_read(states: dict[str, Any], start: str) -> bool:
    """Whether a state from here on reads the input that it gets, or an execution ends with it."""
    left, seen = [start], set()
    while left:
        name = left.pop()
        if name in seen or name not in states:
            continue
        seen.add(name)
        state = states[name]
        if "$states.input" in str(state) or (state["Type"] == "Succeed" and "Output" not in state):
            return True
        # a Task gives on its result; these give on what they get
        if state["Type"] in ("Choice", "Pass", "Wait") and not (state.get("End") and "Output" in state):
            left += [to for _, holder, to in outputs(state) if "Output" not in holder]
    return False


def _assignments(state: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for of, holder, target in outputs(state):
        yield from ((f"{of}Assign", variable, target) for variable in sorted(holder.get("Assign", {})))


def _read_after(states: dict[str, Any], target: str, variable: str) -> bool:
    left, seen = [target], set()
    while left:
        name = left.pop()
        if name in seen or name not in states:
            continue
        seen.add(name)
        state = states[name]
        if variable in _reads(state):
            return True
        left += [to for _, holder, to in ways(state) if to and variable not in holder.get("Assign", {})]
    return False


def _reads(state: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for _, text in expressions(state):
        parsed = parse(text) if text.startswith("{%") else ""
        found |= parsed.variables if isinstance(parsed, Parsed) else set()
    for branch in [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]:
        for each in branch["States"].values():
            found |= _reads(each)
    return found
