"""The state machines' payloads are of the types that our functions take and answer.

The samples (`proofs/samples.py`) are validated by those types, and each member that a machine's JSONata reads of a
typed variable exists in its type. `dataflow` validates the payloads that the machines make of the samples.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from proofs import samples
from proofs.api_calls import tasks
from proofs.asl import scopes
from proofs.expressions import expressions
from proofs.handlers import called_step
from proofs.project import Finding, Project
from sluice.records.batch_plan import BatchPlan
from sluice.records.boundary import holds_record
from sluice.records.large_file import LargeFile
from sluice.records.record import Record
from sluice.records.release_plan import ReleaseRequest
from sluice.records.training_plan import TrainingPlan

CHECK = "payload types"
STARTED_WITH: dict[str, Any] = {
    "MlLifecycle": TrainingPlan,
    "PrepareData": TrainingPlan,
    "BuildModel": TrainingPlan,
    "ReleaseModel": ReleaseRequest,
    "BatchPredict": BatchPlan,
    "JudgeParts": LargeFile,
}
"""Machine → the type of its input. The lifecycle hands its own plan to the machines that it starts."""
_GIVEN = re.compile(r"\{%\s*\$states\.input\s*%\}")
_ANSWERED = re.compile(r"\{%\s*\$states\.result\.Payload\s*%\}")
_PATH = re.compile(r"\$(states\.input|\w+)((?:\.\w+)+)")


def findings(project: Project) -> list[Finding]:
    found = [Finding(CHECK, where, what) for where, what in _samples(project)]
    for logical_id, definition in project.definitions.items():
        variables = _variables(project, logical_id)
        for scope, _ in scopes(definition):
            for name, state in scope["States"].items():
                known = dict(variables)
                if scope is definition and name == definition["StartAt"] and logical_id in STARTED_WITH:
                    known["states.input"] = list(_records(STARTED_WITH[logical_id]))
                found += [
                    Finding(CHECK, f"{logical_id}/{name}.{'.'.join(map(str, path))}", what)
                    for path, text in expressions(state)
                    for what in _unknown_members(text, known)
                ]
    return found


def _samples(project: Project) -> Iterator[tuple[str, str]]:
    """What of the samples is not of its type."""
    for machine, kind in STARTED_WITH.items():
        for number, given in enumerate(samples.inputs().get(machine, [])):
            yield from _invalid(f"samples.inputs.{machine}[{number}]", kind, given)
    for function, properties in project.resources("AWS::Serverless::Function").items():
        step = called_step(project, str(properties.get("CodeUri", "")))
        if step and function in samples.ANSWERS and (kind := _answer_of(step)):
            for number, answer in enumerate(samples.ANSWERS[function]({})):
                yield from _invalid(f"samples.ANSWERS.{function}[{number}]", kind, answer)


def _invalid(where: str, kind: Any, given: Any) -> Iterator[tuple[str, str]]:
    try:
        TypeAdapter(kind).validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            yield ".".join([where, *map(str, each["loc"])]), each["msg"]


@functools.cache
def _answer_of(step: str) -> Any:
    """The record, or the union of records, that an entry point answers; None for another type."""
    function = getattr(importlib.import_module(f"sluice.steps.{step}"), step)
    answer = typing.get_type_hints(function, include_extras=True).get("return")
    return answer if holds_record(answer) else None


def _variables(project: Project, machine: str) -> dict[str, list[type[Record]]]:
    """Variable → the records that it may be: the machine's input, or the answer of an entry point."""
    found: dict[str, list[type[Record]]] = {}
    untyped = set()
    declared = project.source["Resources"][machine]["Properties"].get("DefinitionSubstitutions", {})
    answers = {
        name: _answer_of(step)
        for name, state in tasks(project.definitions[machine])
        if (step := _step_of(project, state, declared))
    }
    for scope, _ in scopes(project.definitions[machine]):
        for name, state in scope["States"].items():
            holders = [state, *state.get("Catch", []), *state.get("Choices", [])]
            for variable, value in ((v, x) for each in holders for v, x in each.get("Assign", {}).items()):
                kind: Any = None
                if isinstance(value, str) and _GIVEN.fullmatch(value):
                    kind = STARTED_WITH.get(machine)
                elif isinstance(value, str) and _ANSWERED.fullmatch(value):
                    kind = answers.get(name)
                if kind is not None:
                    found.setdefault(variable, []).extend(_records(kind))
                elif value is not None:
                    untyped.add(variable)
    return {variable: kinds for variable, kinds in found.items() if variable not in untyped}


def _step_of(project: Project, state: dict[str, Any], declared: dict[str, Any]) -> str | None:
    arguments = state.get("Arguments")
    if ":lambda:invoke" not in str(state.get("Resource")) or not isinstance(arguments, dict):
        return None
    name = declared.get(str(arguments.get("FunctionName", "")).removeprefix("${").removesuffix("}"))
    target = name.get("Fn::GetAtt", ["", ""])[0] if isinstance(name, dict) else ""
    function = project.source["Resources"].get(target, {}).get("Properties", {})
    return called_step(project, str(function.get("CodeUri", "")))


def _unknown_members(text: str, known: dict[str, list[type[Record]]]) -> Iterator[str]:
    for variable, fields in _PATH.findall(text):
        if variable in known:
            path = fields[1:].split(".")
            # a machine that has asked which of several records it has may read any member of that one
            if not any(_has(kind, path) for kind in known[variable]):
                kinds = " or ".join(kind.__name__ for kind in known[variable])
                yield f"${variable}{fields}: {kinds} has no such member"


def _has(kind: Any, path: list[str]) -> bool:
    """Whether a value of this type may have the path. What is no record is in a service's own form."""
    records = list(_records(kind))
    if not path or not records:
        return True
    field, *below = path
    return any(field in each.model_fields and _has(each.model_fields[field].annotation, below) for each in records)


def _records(kind: Any) -> Iterator[type[Record]]:
    if isinstance(kind, type):
        if issubclass(kind, Record):
            yield kind
        return
    for each in typing.get_args(kind):
        yield from _records(each)
