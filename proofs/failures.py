"""A failure's reason reaches somebody: on every way from the place where it is kept, before another takes its place.

A variable holds a failure when a Catch assigns `$states.errorOutput` to it. From each assignment on, every way must
come to a reader: a Task whose call has it, which succeeds, a Fail whose Cause says it, or the Output of the state that
ends a branch, which is the Parallel's result. Another assignment hands the first one on when its expression reads it. A
Task that may fail without a Catch of its own ends its scope with its own failure: what was kept before it is lost,
whatever a Parallel around it catches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proofs.asl import scopes, ways
from proofs.expressions import Parsed, expressions, parse
from proofs.project import Finding, Project

CHECK = "failures"
_NO_FAILURE = ["States.Timeout"]  # of a wait that ends by its time-out: nothing went wrong
_ERROR = "errorOutput"
_REASON = {"cause", "Cause"}
State = dict[str, Any]


def findings(project: Project) -> list[Finding]:
    return [
        Finding(CHECK, f"{logical_id}/{where}", what)
        for logical_id, definition in project.definitions.items()
        for where, what in sorted(set(machine(definition)))
    ]


def machine(definition: State) -> Iterator[tuple[str, str]]:
    """Where and what: every reason that may be lost."""
    every = list(scopes(definition))
    kept = {
        name
        for scope, _ in every
        for state in scope["States"].values()
        for catcher in state.get("Catch", [])
        for name, value in catcher.get("Assign", {}).items()
        if _has_reason(value)
    }
    for scope, _ in every:
        for name, state in scope["States"].items():
            for of, catcher, _ in ways(state):
                caught = of.startswith("Catch") and catcher.get("ErrorEquals") != _NO_FAILURE
                if caught and not any(map(_has_reason, catcher.get("Assign", {}).values())):
                    yield f"{name}.{of}", "the reason of the failure is kept nowhere"
            for of, holder, target in ways(state):
                for variable in sorted(kept & set(holder.get("Assign", {}))):
                    if holder["Assign"][variable] is not None:
                        for where, what in _lost(scope["States"], target, variable):
                            yield f"{name}.{of}", f"${variable} {what} at {where}"


def _lost(states: dict[str, State], start: str, variable: str) -> Iterator[tuple[str, str]]:
    left, seen = [start], set()
    while left:
        name = left.pop()
        if name in seen or name not in states:
            continue
        seen.add(name)
        state = states[name]
        kind = state.get("Type")
        if kind == "Fail":
            if not _says(state.get("Cause"), variable):
                yield name, "is not said"
            continue
        if kind == "Task" and not _caught(state):
            yield name, "is hidden by the failure of a Task without a Catch of its own"
        told = kind == "Task" and _says(state.get("Arguments"), variable)
        for of, holder, target in ways(state):
            if of == "Next" and (told or (not target and _says(holder.get("Output"), variable))):
                continue
            assigned = holder.get("Assign", {})
            if variable in assigned:
                if not _says(assigned[variable], variable, whole=True):
                    yield f"{name}.{of}", "is replaced"
            elif target:
                left.append(target)
            elif of == "Next":
                yield name, "reaches nobody before the end"


def _caught(state: State) -> bool:
    return any(each.get("ErrorEquals") == ["States.ALL"] for each in state.get("Catch", []))


def _has_reason(value: Any) -> bool:
    """Whether an assigned value has the cause of the error that is caught."""
    fields = {each[1:] for parsed in _parsed(value) for each in parsed.states if each[:1] == (_ERROR,)}
    return any(not each or each[0] in _REASON for each in fields)


def _says(value: Any, variable: str, whole: bool = False) -> bool:
    """Whether an expression in `value` has the variable, or at least its cause."""
    fields = {each for parsed in _parsed(value) for name, each in parsed.fields if name == variable}
    return any(not each or (not whole and each[0] in _REASON) for each in fields) or (
        whole and {each[0] for each in fields if each} >= {"Error", "Cause"}
    )


def _parsed(value: Any) -> Iterator[Parsed]:
    for _, text in expressions({"": value}):
        parsed = parse(text) if text.startswith("{%") else ""
        if isinstance(parsed, Parsed):
            yield parsed
