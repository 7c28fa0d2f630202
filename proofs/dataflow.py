"""Every expression, evaluated on typed samples on every way through a machine: what reaches each call and each state.

The machines are walked as Step Functions would, each answer of each Task and each of its Catches in turn, nested
machines with what their parent gives them. What is found: an expression without a result; a path that never yields
anything; a call that AWS or our step would refuse, as it is once its expressions are evaluated; a state or an answer
that no sample leads to; a variable that is assigned and that nobody reads.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
import types
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from jsonata.jexception import JException
from pydantic import ValidationError

from proofs import samples
from proofs.api_calls import check_task
from proofs.asl import scopes
from proofs.expressions import Parsed, expressions, parse
from proofs.handlers import called_step
from proofs.integrations import TOKEN, UnknownIntegrationError
from proofs.integrations import parse as integration
from proofs.project import Finding, Project
from proofs.stateful.asl import TaskError, evaluate
from sluice.records.record import Record

CHECK = "dataflow"
_PATH = re.compile(r"\$(\w+)((?:\.\w+)+)")
_NOW = datetime.fromisoformat(samples.NOW).astimezone(UTC)
_MOST = 6_000  # states that a walk may visit: more means that it does not end

Place = tuple[str, str, str]
"""Logical id of the machine, name of the state, and what of it."""


def findings(project: Project) -> list[Finding]:
    walk = _Walk(project)
    try:
        for machine, inputs in samples.inputs().items():
            for given in inputs:
                walk.machine(machine, given)
        found = {*walk.found, *walk.never(), *_unread(project)}
    except (UnknownIntegrationError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        return [Finding(CHECK, "statemachines", repr(error))]
    return [Finding(CHECK, f"{machine}/{state}", f"{of}: {what}") for (machine, state, of), what in sorted(found)]


class _Walk:
    def __init__(self, project: Project) -> None:
        self._project = project
        self.found: set[tuple[Place, str]] = set()
        self._outputs: dict[tuple[str, str], list[Any]] = {}
        self._yields: dict[tuple[Place, str], bool] = {}
        self._taken: set[Place] = set()

    def machine(self, logical_id: str, given: Any) -> list[Any]:
        """Every output that it may end with."""
        key = (logical_id, json.dumps(given, sort_keys=True))
        if key not in self._outputs:
            self._outputs[key] = []
            self._outputs[key] = self._scope(logical_id, self._project.definitions[logical_id], given, {})
        return self._outputs[key]

    def never(self) -> Iterator[tuple[Place, str]]:
        """What no sample came to."""
        for (place, path), yields in self._yields.items():
            if not yields:
                yield place, f"{path} never yields anything"
        for logical_id, definition in self._project.definitions.items():
            for scope, _ in scopes(definition):
                for name, state in scope["States"].items():
                    places = ["", *(f"Choices[{index}]" for index in range(len(state.get("Choices", []))))]
                    places += ["Default"] if "Default" in state else []
                    for each in places:
                        if (logical_id, name, each) not in self._taken:
                            yield (logical_id, name, each), "no answer of any step leads here"

    def _scope(self, machine: str, scope: dict[str, Any], given: Any, variables: dict[str, Any]) -> list[Any]:
        outputs: dict[str, Any] = {}
        left = [(str(scope["StartAt"]), given, variables)]
        seen = set()
        while left:
            name, data, known = left.pop()
            if name not in scope["States"]:
                continue
            key = (name, _kind(data), _kind({each: _text(each, value) for each, value in known.items()}))
            if key in seen:
                continue
            seen.add(key)
            if len(seen) > _MOST:
                self.found.add(((machine, name, ""), "the walk through the machine does not end"))
                break
            self._taken.add((machine, name, ""))
            for following, output, assigned in self._state(machine, name, scope["States"][name], data, known):
                if following is None:
                    outputs.setdefault(_kind(output), output)
                else:
                    left.append((following, output, {**known, **assigned}))
        return list(outputs.values())

    def _state(
        self, machine: str, name: str, state: dict[str, Any], data: Any, known: dict[str, Any]
    ) -> Iterator[tuple[str | None, Any, dict[str, Any]]]:
        """The states that may follow, with their input and the variables that were assigned."""
        at = _At(self, (machine, name), known, {"input": data, "context": _context(name, state)})
        kind = state["Type"]
        if kind == "Choice":
            rule, holder = self._rule(at, state)
            self._taken.add((machine, name, rule))
            yield from at.leave(rule, holder, data, holder.get("Next", state.get("Default")))
        elif kind == "Fail":
            for field in ("Error", "Cause"):
                if not isinstance(at.value(field, state.get(field, "")), str):
                    self.found.add(((machine, name, field), "is no text"))
        elif kind == "Succeed":
            yield from at.leave("", state, data, None)
        elif kind in ("Task", "Parallel"):
            for result in self._task(at, state) if kind == "Task" else self._parallel(at, state):
                yield from at.leave("", state, result, state.get("Next"), result=result)
            for index, catcher in enumerate(state.get("Catch", [])):
                error = {"Error": catcher["ErrorEquals"][0].replace("States.ALL", "States.TaskFailed"), "Cause": "why"}
                yield from at.leave(f"Catch[{index}]", catcher, error, catcher["Next"], errorOutput=error)
        else:
            for wait in ("Seconds", "Timestamp"):
                at.value(wait, state.get(wait, 0))
            yield from at.leave("", state, data, state.get("Next"))

    def _rule(self, at: _At, state: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        for index, rule in enumerate(state["Choices"]):
            met = at.value(f"Choices[{index}].Condition", rule["Condition"])
            if met is not _NOTHING and not isinstance(met, bool):
                at.say(f"Choices[{index}].Condition", f"comes to {met!r}, which is not true or false")
            if met is True:
                return f"Choices[{index}]", rule
        return "Default", {"Next": state.get("Default"), **{k: state[k] for k in ("Assign", "Output") if k in state}}

    def _parallel(self, at: _At, state: dict[str, Any]) -> list[Any]:
        results = [self._scope(at.place[0], each, at.states["input"], dict(at.known)) for each in state["Branches"]]
        return [[each[0] for each in results]] if all(results) else []

    def _task(self, at: _At, state: dict[str, Any]) -> list[Any]:
        limit = at.value("TimeoutSeconds", state.get("TimeoutSeconds", 60))
        if not isinstance(limit, int) or isinstance(limit, bool) or limit <= 0:
            at.say("TimeoutSeconds", f"comes to {limit!r}, which is no number of seconds")
        arguments = at.value("Arguments", state.get("Arguments", {}))
        if arguments is _NOTHING:
            return []
        for problem in _refused(at.place[1], state["Resource"], json.dumps(arguments)):
            at.say("Arguments", problem)
        call = integration(state["Resource"])
        declared = self._project.source["Resources"][at.place[0]]["Properties"].get("DefinitionSubstitutions", {})
        if call.key == "lambda:invoke":
            return self._invoked(at, call.pattern, _target(arguments.get("FunctionName"), declared), arguments)
        if call.key == "states:startExecution":
            child = _target(arguments.get("StateMachineArn"), declared)
            if child not in self._project.definitions:
                return []
            named = {"ExecutionArn": "arn", "Name": arguments.get("Name"), "Status": "SUCCEEDED"}
            return [{**named, "Output": each} for each in self.machine(child, arguments.get("Input"))]
        return [samples.of_aws(call)]

    def _invoked(self, at: _At, pattern: str, function: str, arguments: dict[str, Any]) -> list[Any]:
        payload = arguments.get("Payload")
        properties = self._project.source["Resources"].get(function, {}).get("Properties", {})
        step = called_step(self._project, str(properties.get("CodeUri", "")))
        if step is None or function not in samples.ANSWERS:
            at.say("Arguments", f"the answers of {function or 'nothing'} are not known here (proofs/samples.py)")
            return []
        problems = list(_mistyped(step, payload))
        for problem in problems:
            at.say("Arguments.Payload", problem)
        if problems:
            return []
        answers = samples.ANSWERS[function](payload if isinstance(payload, dict) else {})
        return answers if pattern == TOKEN else [{"Payload": each, "StatusCode": 200} for each in answers]

    def looked_at(self, place: Place, text: str, bindings: dict[str, Any]) -> None:
        """Notes which paths of an expression yield something."""
        for variable, fields in _PATH.findall(text):
            if variable in bindings:
                key = (place, f"${variable}{fields}")
                self._yields[key] = self._yields.get(key, False) or _found(bindings[variable], fields[1:].split("."))


_NOTHING = object()


class _At:
    """A visit of a state: evaluates what it says, and reports what comes to nothing."""

    def __init__(self, walk: _Walk, place: tuple[str, str], known: dict[str, Any], states: dict[str, Any]) -> None:
        self._walk, self.place, self.known, self.states = walk, place, known, states

    def say(self, of: str, what: str) -> None:
        self._walk.found.add(((*self.place, of), what))

    def value(self, of: str, given: Any, **states: Any) -> Any:
        """`given` with its expressions evaluated; _NOTHING where one has no result."""
        if isinstance(given, dict):
            found = {key: self.value(f"{of}.{key}", each, **states) for key, each in given.items()}
            return _NOTHING if any(each is _NOTHING for each in found.values()) else found
        if isinstance(given, list):
            items = [self.value(f"{of}[{index}]", each, **states) for index, each in enumerate(given)]
            return _NOTHING if any(each is _NOTHING for each in items) else items
        if not (isinstance(given, str) and given.startswith("{%") and given.endswith("%}")):
            return given
        bindings = {**self.known, "states": {**self.states, **states}}
        self._walk.looked_at((*self.place, of), given, bindings)
        try:
            return json.loads(json.dumps(evaluate(given[2:-2].strip(), bindings, _NOW)))
        except TaskError as error:
            self.say(of, str(error)[:200])
        except (JException, TypeError, ValueError, AttributeError) as error:
            self.say(of, repr(error)[:200])
        return _NOTHING

    def leave(
        self, of: str, holder: dict[str, Any], output: Any, following: str | None, **states: Any
    ) -> Iterator[tuple[str | None, Any, dict[str, Any]]]:
        prefix = f"{of}." if of else ""
        shaped = self.value(f"{prefix}Output", holder["Output"], **states) if "Output" in holder else output
        assigned = self.value(f"{prefix}Assign", holder.get("Assign", {}), **states)
        if shaped is not _NOTHING and assigned is not _NOTHING:
            yield following, shaped, assigned


def _context(name: str, state: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = {
        "Execution": {"Id": "arn:aws:states:eu-west-1:1:execution:m:e", "Name": "e", "StartTime": samples.NOW},
        "State": {"Name": name, "RetryCount": 0, "EnteredTime": samples.NOW},
        "StateMachine": {"Id": "arn:aws:states:eu-west-1:1:stateMachine:m", "Name": "m"},
    }
    return {**context, "Task": {"Token": samples.TOKEN}} if str(state.get("Resource")).endswith(TOKEN) else context


def _text(name: str, value: Any) -> Any:
    """A failure's texts make no difference to where a machine goes."""
    return sorted(value) if name == "failure" and isinstance(value, dict) else value


def _kind(value: Any) -> str:
    """The value but for its numbers, by which counters differ."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_kind(each)}" for key, each in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_kind(each) for each in value) + "]"
    return "0" if isinstance(value, int | float) and not isinstance(value, bool) else repr(value)


def _found(value: Any, fields: list[str]) -> bool:
    if not fields:
        return True
    if isinstance(value, list):
        return any(_found(each, fields) for each in value)
    return isinstance(value, dict) and fields[0] in value and _found(value[fields[0]], fields[1:])


@functools.lru_cache(maxsize=4096)
def _refused(name: str, resource: str, arguments: str) -> tuple[str, ...]:
    return tuple(map(str, check_task(name, {"Resource": resource, "Arguments": json.loads(arguments)})))


def _target(value: Any, declared: dict[str, Any]) -> str:
    given = declared.get(str(value).removeprefix("${").removesuffix("}"), {})
    return str(given.get("Ref") or given.get("Fn::GetAtt", [""])[0]) if isinstance(given, dict) else ""


@functools.cache
def _hints(step: str) -> dict[str, Any]:
    module = importlib.import_module(f"sluice.steps.{step}")
    return typing.get_type_hints(getattr(module, step))


def _mistyped(step: str, payload: Any) -> Iterator[str]:
    """What the step's signature does not take."""
    if not isinstance(payload, dict):
        yield f"{step} takes a JSON object"
        return
    hints = _hints(step)
    for name, value in payload.items():
        if name in hints and not _is(value, hints[name]):
            yield f"{name} is {json.dumps(value)[:60]}, which {step} does not take"


def _is(value: Any, hint: Any) -> bool:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_is(value, each) for each in typing.get_args(hint))
    kind = typing.get_origin(hint) or hint
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(kind, type) and issubclass(kind, Record):
        return _is_record(json.dumps(value), kind)
    if kind in (str, bool, dict, list, type(None)):
        return isinstance(value, kind)
    return True


@functools.lru_cache(maxsize=4096)
def _is_record(value: str, kind: type[Record]) -> bool:
    try:
        kind.model_validate_json(value, strict=True)
    except ValidationError:
        return False
    return True


def _unread(project: Project) -> Iterator[tuple[Place, str]]:
    """Variables that are assigned, and that no state reads before they are assigned anew."""
    for logical_id, definition in project.definitions.items():
        for scope, _ in scopes(definition):
            for name, state in scope["States"].items():
                for of, variable, target in _assignments(state):
                    if not _read_after(scope["States"], target, variable):
                        yield (logical_id, name, of), f"nobody reads ${variable} after this"


def _assignments(state: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    holders = [("Assign", state, state.get("Next", state.get("Default", "")))]
    for key in ("Choices", "Catch"):
        holders += [
            (f"{key}[{index}].Assign", each, each.get("Next", "")) for index, each in enumerate(state.get(key, []))
        ]
    for of, holder, target in holders:
        yield from ((of, variable, target) for variable in sorted(holder.get("Assign", {})))


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
        following = [(state, state.get("Next")), (state, state.get("Default"))]
        following += [(each, each.get("Next")) for key in ("Choices", "Catch") for each in state.get(key, [])]
        left += [str(to) for holder, to in following if to and variable not in holder.get("Assign", {})]
    return False


def _reads(state: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for _, text in expressions(state):
        parsed = parse(text) if text.startswith("{%") else ""
        found |= parsed.variables if isinstance(parsed, Parsed) else set()
    for branch in state.get("Branches", []):
        for each in branch["States"].values():
            found |= _reads(each)
    return found
