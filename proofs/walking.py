"""A walk through the state machines as Step Functions would go, with every answer of each Task and each Catch in turn.

Nested machines get what their parent gives them. The good application's visits are remembered: a copy with one state
changed is walked anew only where something differs.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from jsonata.jexception import JException

from proofs import expected, expected_calls, samples, shapes
from proofs.api_calls import check_task
from proofs.asl import scopes
from proofs.expressions import is_distributed
from proofs.handlers import called_step
from proofs.integrations import TOKEN
from proofs.integrations import parse as integration
from proofs.memory import Memory, Names, Place, Visit, Way
from proofs.project import Project
from proofs.signatures import mistyped
from proofs.stateful.asl import TaskError, evaluate

_PATH = re.compile(r"\$(\w+)((?:\.\w+|\[\d+\])+)")
_NOW = datetime.fromisoformat(samples.NOW).astimezone(UTC)
_MOST = 6_000  # states that a walk may visit: more means that it does not end

MEMORY = Memory()


class EnoughError(Exception):
    """Something was found, and more is not asked for."""

    def __init__(self, found: set[tuple[Place, str]]) -> None:
        super().__init__(str(found))
        self.found = set(found)


class Walk:
    def __init__(self, project: Project) -> None:
        self._project = project
        self.found: set[tuple[Place, str]] = set()
        self._outputs: dict[tuple[str, ...], list[Any]] = {}
        self._yields: dict[tuple[Place, str], bool] = {}
        self._taken: set[Place] = set()
        self._remembers = MEMORY.knows(project)
        self._first = self._remembers and MEMORY.is_of(project)
        self._hasty = project.hasty
        self._names = MEMORY.names if self._first else Names(MEMORY.names if self._remembers else None)

    def machine(self, logical_id: str, given: Any) -> list[Any]:
        """Every output that it may end with."""
        key = (logical_id, self._names.of(given))
        if key in self._outputs:
            return self._outputs[key]
        self._outputs[key] = []
        definition = self._project.definitions[logical_id]
        visit = MEMORY.visit(key, definition) if self._remembers and MEMORY.same(self._project, logical_id) else None
        if visit is None:
            with self._visiting(Visit(definition)) as visit:
                visit.outputs = self._scope(logical_id, definition, given, {})
                for output in visit.outputs:
                    for problem in shapes.problems(output, expected.OUTPUTS.get(logical_id)):
                        self.found.add(((logical_id, "", "output"), problem))
            if self._first:
                MEMORY.keep(key, visit)
        self._learn(visit)
        self._outputs[key] = visit.outputs
        return visit.outputs

    @contextmanager
    def _visiting(self, visit: Visit) -> Iterator[Visit]:
        """What is found meanwhile is the visit's own."""
        mine = self.found, self._yields, self._taken
        self.found, self._yields, self._taken = visit.found, visit.yields, visit.taken
        try:
            yield visit
        finally:
            self.found, self._yields, self._taken = mine

    def _learn(self, visit: Visit) -> None:
        self.found |= visit.found
        self._taken |= visit.taken
        for place, yields in visit.yields.items():
            self._yields[place] = self._yields.get(place, False) or yields

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
        names = self._names
        while left:
            name, data, known = left.pop()
            if name not in scope["States"]:
                continue
            held = [f"{each}={_depth(v) if each == 'failure' else names.kind(v)}" for each, v in known.items()]
            key = (name, names.kind(data), *sorted(held))
            if key in seen:
                continue
            seen.add(key)
            if len(seen) > _MOST:
                self.found.add(((machine, name, ""), "the walk through the machine does not end"))
                break
            self._taken.add((machine, name, ""))
            ways = self._visited(machine, name, scope["States"][name], data, known)
            if self._hasty and self.found:
                raise EnoughError(self.found)
            for following, output, assigned in ways:
                if following is None:
                    outputs.setdefault(names.kind(output), output)
                else:
                    left.append((following, output, {**known, **assigned}))
        return list(outputs.values())

    def _visited(self, machine: str, name: str, state: dict[str, Any], data: Any, known: dict[str, Any]) -> list[Way]:
        """The ways out of a state, remembered where it has no states of others within it."""
        if (
            not self._remembers
            or state["Type"] in ("Parallel", "Map")
            or ":startExecution" in state.get("Resource", "")
        ):
            return list(self._state(machine, name, state, data, known))
        held = sorted(f"{each}={self._names.of(value)}" for each, value in known.items())
        key = (machine, name, self._names.of(data), *held)
        visit = MEMORY.visit(key, state)
        if visit is None:
            with self._visiting(Visit(state)) as visit:
                visit.ways = list(self._state(machine, name, state, data, known))
            if self._first:
                MEMORY.keep(key, visit)
        self._learn(visit)
        return visit.ways

    def _state(self, machine: str, name: str, state: dict[str, Any], data: Any, known: dict[str, Any]) -> Iterator[Way]:
        """The states that may follow, with their input and the variables that were assigned."""
        at = _At(self, (machine, name), known, {"input": data, "context": _context(name, state)})
        if (machine, name) in expected.ENTERED:
            at.compare("input", data, shapes.held(expected.ENTERED[machine, name], known))
        kind = state["Type"]
        if kind == "Choice":
            rule, holder = self._rule(at, state)
            self._taken.add((machine, name, rule))
            yield from at.leave(rule, holder, data, holder.get("Next", state.get("Default")))
        elif kind == "Fail":
            self._fail(at, state)
        elif kind == "Succeed":
            yield from at.leave("", state, data, None)
        elif kind in ("Task", "Parallel", "Map"):
            results = {"Task": self._task, "Parallel": self._parallel, "Map": self._map}[kind](at, state)
            for result in results:
                yield from at.leave("", state, result, state.get("Next"), result=result)
            for index, catcher in enumerate(state.get("Catch", [])):
                error = {"Error": catcher["ErrorEquals"][0].replace("States.ALL", "States.TaskFailed"), "Cause": "why"}
                yield from at.leave(f"Catch[{index}]", catcher, error, catcher["Next"], errorOutput=error)
        else:
            for wait in ("Seconds", "Timestamp"):
                at.value(wait, state.get(wait, 0))
            yield from at.leave("", state, data, state.get("Next"))

    def _fail(self, at: _At, state: dict[str, Any]) -> None:
        said = {field: at.value(field, state.get(field, "")) for field in ("Error", "Cause")}
        kept = next((at.known[each] for each in ("tuning_failure", "failure") if at.known.get(each)), None)
        for field, text in said.items():
            if not isinstance(text, str):
                at.say(field, "is no text")
            elif kept and str(state[field]).startswith("{%"):
                if field == "Error" and text != kept.get("error", kept.get("Error")):
                    at.say(field, "is not the error that was kept")
                said_all = text == expected.cause(kept) if "before" in kept else text.endswith(expected.cause(kept))
                if field == "Cause" and not said_all:
                    at.say(field, "does not say each reason that was kept")

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
        if not all(results):
            return []
        first = [each[0] for each in results]
        others = ((place, each) for place, ways in enumerate(results) for each in ways[1:])
        return [first, *([*first[:place], each, *first[place + 1 :]] for place, each in others)]

    def _map(self, at: _At, state: dict[str, Any]) -> list[Any]:
        items = at.value("Items", state["Items"])
        if not isinstance(items, list):
            if items is not _NOTHING:
                at.say("Items", f"comes to {items!r}, which is no list")
            return []
        processor, results = state["ItemProcessor"], []
        for index, item in enumerate(items):
            context = {**at.states["context"], "Map": {"Item": {"Index": index, "Value": item}}}
            given = at.value("ItemSelector", state.get("ItemSelector", item), context=context)
            ends = (
                []
                if given is _NOTHING
                else self._scope(at.place[0], processor, given, {} if is_distributed(state) else dict(at.known))
            )
            if not ends:
                return []
            results.append(ends[0])
        return [results]

    def _task(self, at: _At, state: dict[str, Any]) -> list[Any]:
        limit = at.value("TimeoutSeconds", state.get("TimeoutSeconds", 60))
        if not isinstance(limit, int) or isinstance(limit, bool) or limit <= 0:
            at.say("TimeoutSeconds", f"comes to {limit!r}, which is no number of seconds")
        if at.place in expected.LIMITS:
            at.compare("TimeoutSeconds", limit, shapes.held(expected.LIMITS[at.place], at.known))
        arguments = at.value("Arguments", state.get("Arguments", {}))
        if arguments is _NOTHING:
            return []
        for problem in _refused(at.place[1], state["Resource"], json.dumps(arguments)):
            at.say("Arguments", problem)
        call = integration(state["Resource"])
        ours = call.key == "lambda:invoke"
        payload = {"FunctionName": str, "Payload": expected.payload(at.place, at.known)}
        shape = payload if ours else expected_calls.CALLS.get(at.place)
        if shape is None or (isinstance(shape, dict) and None in shape.values()):
            at.say("Arguments", "what belongs here is not known (proofs/expected.py)")
        else:
            at.compare("Arguments", arguments, shapes.held(shape, at.known))
        declared = self._project.source["Resources"][at.place[0]]["Properties"].get("DefinitionSubstitutions", {})
        if call.key == "lambda:invoke":
            return self._invoked(at, call.pattern, _target(arguments.get("FunctionName"), declared), arguments)
        if call.key == "states:startExecution":
            child = _target(arguments.get("StateMachineArn"), declared)
            if child not in self._project.definitions:
                return []
            named = {"ExecutionArn": "arn", "Name": arguments.get("Name"), "Status": "SUCCEEDED"}
            return [{**named, "Output": each} for each in self.machine(child, arguments.get("Input"))]
        return list(samples.of_aws(call))

    def _invoked(self, at: _At, pattern: str, function: str, arguments: dict[str, Any]) -> list[Any]:
        payload = arguments.get("Payload")
        properties = self._project.source["Resources"].get(function, {}).get("Properties", {})
        step = called_step(self._project, str(properties.get("CodeUri", "")))
        if step is None or function not in samples.ANSWERS:
            at.say("Arguments", f"the answers of {function or 'nothing'} are not known here (proofs/samples.py)")
            return []
        problems = list(mistyped(step, payload))
        for problem in problems:
            at.say("Arguments.Payload", problem)
        if problems:
            return []
        answers = samples.ANSWERS[function](payload if isinstance(payload, dict) else {})
        return answers if pattern == TOKEN else [{"Payload": each, "StatusCode": 200} for each in answers]

    def came(self, place: Place, result: Any) -> None:
        """Notes of which type an expression is in the application itself."""
        if self._first:
            MEMORY.kinds[place].add(type(result).__name__)

    def looked_at(self, place: Place, text: str, bindings: dict[str, Any]) -> None:
        """Notes which paths of an expression yield something."""
        for variable, fields in _PATH.findall(text):
            if variable in bindings:
                key = (place, f"${variable}{fields}")
                steps = re.findall(r"\w+", fields)
                self._yields[key] = self._yields.get(key, False) or _found(bindings[variable], steps)


_NOTHING = object()


class _At:
    """A visit of a state: evaluates what it says, and reports what comes to nothing."""

    def __init__(self, walk: Walk, place: tuple[str, str], known: dict[str, Any], states: dict[str, Any]) -> None:
        self._walk, self.place, self.known, self.states = walk, place, known, states

    def say(self, of: str, what: str) -> None:
        self._walk.found.add(((*self.place, of), what))

    def compare(self, of: str, value: Any, shape: Any) -> None:
        for problem in shapes.problems(value, shape):
            self.say(of, problem)

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
            result = json.loads(json.dumps(evaluate(given[2:-2].strip(), bindings, _NOW)))
            self._walk.came((*self.place, of), result)
            if any('{"' in each for each in _texts(result)):
                self.say(of, "has an object within its text")
            return result
        except TaskError as error:
            self.say(of, str(error)[:200])
        except (JException, TypeError, ValueError, AttributeError) as error:
            self.say(of, repr(error)[:200])
        return _NOTHING

    def _held(self, of: str, written: dict[str, Any], assigned: Any) -> None:
        for name, value in assigned.items() if isinstance(assigned, dict) else ():
            if name not in expected.VARIABLES:
                self.say(of, f"what ${name} holds is not known (proofs/expected.py)")
            elif value is None and not (written[name] is None and self.place[1].startswith("Open ")):
                self.say(f"{of}.{name}", "is null, which only the first state may say")
            else:
                self.compare(f"{of}.{name}", value, expected.VARIABLES[name])

    def leave(
        self, of: str, holder: dict[str, Any], output: Any, following: str | None, **states: Any
    ) -> Iterator[Way]:
        prefix = f"{of}." if of else ""
        shaped = self.value(f"{prefix}Output", holder["Output"], **states) if "Output" in holder else output
        assigned = self.value(f"{prefix}Assign", holder.get("Assign", {}), **states)
        self._held(f"{prefix}Assign", holder.get("Assign", {}), assigned)
        agree = expected.AGREE.get(self.place)
        if agree and isinstance(assigned, dict) and len(assigned) > 1 and not agree({**self.known, **assigned}):
            self.say(f"{prefix}Assign", "the variables do not agree with each other")
        names = " ".join(holder.get("Assign", {}))
        if names != expected.ASSIGNED.get(self.place, {}).get(of, ""):
            self.say(f"{prefix}Assign", f"assigns {names or 'nothing'}, other than proofs/expected.py says")
        if not of and self.place in expected.STATES:
            self.compare("Output", shaped if "Output" in holder else {}, expected.STATES[self.place])
        if "Output" in holder and shaped is not _NOTHING and not isinstance(shaped, dict):
            self.say(f"{prefix}Output", "is no object")
        if shaped is not _NOTHING and assigned is not _NOTHING:
            yield following, shaped, assigned


def _context(name: str, state: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = {
        "Execution": {"Id": "arn:aws:states:eu-west-1:1:execution:m:e", "Name": "e", "StartTime": samples.NOW},
        "State": {"Name": name, "RetryCount": 0, "EnteredTime": samples.NOW},
        "StateMachine": {"Id": "arn:aws:states:eu-west-1:1:stateMachine:m", "Name": "m"},
    }
    return {**context, "Task": {"Token": samples.TOKEN}} if str(state.get("Resource")).endswith(TOKEN) else context


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _depth(value: Any) -> str:
    """How many failures one holds, of which two are as many as more: its texts make no difference to the ways."""
    return f"{1 + bool(value.get('before'))}" if isinstance(value, dict) else repr(value)


def _found(value: Any, fields: list[str]) -> bool:
    if not fields:
        return True
    if isinstance(value, list):
        if fields[0].isdigit():
            return int(fields[0]) < len(value) and _found(value[int(fields[0])], fields[1:])
        return any(_found(each, fields) for each in value)
    return isinstance(value, dict) and fields[0] in value and _found(value[fields[0]], fields[1:])


@functools.lru_cache(maxsize=4096)
def _refused(name: str, resource: str, arguments: str) -> tuple[str, ...]:
    return tuple(map(str, check_task(name, {"Resource": resource, "Arguments": json.loads(arguments)})))


def _target(value: Any, declared: dict[str, Any]) -> str:
    given = declared.get(str(value).removeprefix("${").removesuffix("}"), {})
    return str(given.get("Ref") or given.get("Fn::GetAtt", [""])[0]) if isinstance(given, dict) else ""
