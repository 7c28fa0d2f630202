"""JSONata in the state machines: it parses, its functions exist, and every variable was assigned on every way there.

Parsed by jsonata-python, with which the local cloud evaluates; asl-validator's check parses the same expressions again
with the reference implementation (proofs/node).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from jsonata import Jsonata
from jsonata.jexception import JException

from proofs.asl import scopes
from proofs.project import Finding, Project

CHECK = "expressions"

# JSONata's functions, without $eval, which Step Functions leaves out, and with those that it adds.
_FUNCTION_NAMES = """
    string length substring substringBefore substringAfter uppercase lowercase trim pad contains split join match
    replace base64encode base64decode encodeUrlComponent encodeUrl decodeUrlComponent decodeUrl number abs floor ceil
    round power sqrt formatNumber formatBase formatInteger parseInteger sum max min average boolean not exists count
    append sort reverse shuffle distinct zip keys lookup spread merge sift each error assert type now millis fromMillis
    toMillis map filter single reduce partition range hash random uuid parse
"""
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
# $states.<first> and, for the context, what stands in it ("Context object" in the Step Functions developer guide).
_STATES = {"input", "context", "result", "errorOutput"}
_CONTEXT = {
    "Execution": {"Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"},
    "State": {"EnteredTime", "Name", "RetryCount"},
    "StateMachine": {"Id", "Name"},
    "Task": {"Token"},
    "Map": {"Item"},
}
_ERROR_OUTPUT = {"Error", "Cause"}
_RESULTS = {"Task", "Parallel", "Map"}  # the types of states that have a result


def findings(project: Project) -> list[Finding]:
    found = []
    for logical_id, definition in project.definitions.items():
        found += [Finding(CHECK, f"{logical_id}/{where}", what) for where, what in machine(definition)]
    return found


def machine(definition: dict[str, Any]) -> Iterator[tuple[str, str]]:
    outside: dict[int, frozenset[str]] = {id(definition): frozenset()}
    for scope, _ in scopes(definition):
        before = _assigned_before(scope, outside[id(scope)])
        for name, state in scope["States"].items():
            for branch in [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]:
                outside[id(branch)] = frozenset() if is_distributed(state) else before.get(name, frozenset())
            for path, text in expressions(state):
                yield from _expression(name, path, text, state, before.get(name, frozenset()))


def is_distributed(state: dict[str, Any]) -> bool:
    """Whether a Map runs its items as executions of their own, which see no variable of the machine around them."""
    return bool(state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED")


def expressions(state: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Path and text of everything in the state that looks like an expression; inner states have their own."""
    own = {key: value for key, value in state.items() if key not in ("Branches", "ItemProcessor", "Comment")}
    yield from _texts(own, ())


def _texts(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))
    elif isinstance(value, str) and ("{%" in value or "%}" in value or value.lstrip().startswith("$")):
        yield path, value


def _expression(
    name: str, path: tuple[str | int, ...], text: str, state: dict[str, Any], assigned: frozenset[str]
) -> Iterator[tuple[str, str]]:
    where = ".".join(map(str, (name, *path)))
    if text.startswith("${") and "{%" not in text:
        return  # a substitution
    if not (text.startswith("{%") and text.endswith("%}")):
        yield where, "an expression stands alone between {% and %}"
        return
    parsed = parse(text)
    if isinstance(parsed, str):
        yield where, f"no JSONata: {parsed}"
        return
    for variable in sorted(parsed.variables - assigned):
        yield where, f"${variable} is not assigned on every way to this state"
    for function in sorted(parsed.functions - _FUNCTIONS):
        yield where, f"Step Functions' JSONata has no function ${function}"
    if parsed.bare:
        yield where, f"{sorted(parsed.bare)}: names stand for nothing here, $states.input is the input"
    for fields in sorted(parsed.states):
        if problem := _states(fields, path, state):
            yield where, problem


def _states(fields: tuple[str, ...], path: tuple[str | int, ...], state: dict[str, Any]) -> str:
    """What is wrong with $states.<fields>, or nothing."""
    shown = "$states." + ".".join(fields)
    first = fields[0] if fields else ""
    if first not in _STATES:
        return f"{shown}: $states has {sorted(_STATES)}"
    if first == "context" and len(fields) > 1:
        known = _CONTEXT.get(fields[1])
        if known is None or (len(fields) > 2 and fields[2] not in known):
            return f"{shown}: the context has no such field"
        if fields[1] == "Task" and not str(state.get("Resource")).endswith(".waitForTaskToken"):
            return f"{shown}: only a task that waits has a token"
    if first == "errorOutput":
        if path[0] != "Catch":
            return f"{shown}: there is an error in Catch only"
        if len(fields) > 1 and fields[1] not in _ERROR_OUTPUT:
            return f"{shown}: an error has {sorted(_ERROR_OUTPUT)}"
    if first == "result" and (path[0] not in ("Output", "Assign") or state["Type"] not in _RESULTS):
        return f"{shown}: there is a result in Output and Assign of a task only"
    return ""


class Parsed:
    """What an expression uses: variables and their fields, functions, `$states` fields, bare names, written keys."""

    def __init__(self, ast: Any) -> None:
        self.variables: set[str] = set()
        self.functions: set[str] = set()
        self.fields: set[tuple[str, tuple[str, ...]]] = set()
        self.states: set[tuple[str, ...]] = set()
        self.bare: set[str] = set()
        self.keys: set[str] = set()
        self.constant = True
        self._walk(ast, frozenset(), False)
        self.constant = not (self.variables or self.functions or self.states or self.bare)

    def _walk(self, node: Any, own: frozenset[str], below: bool) -> frozenset[str]:
        """`own`: names bound inside; `below`: whether a value stands before the node, of which a name is a field."""
        if node.type == "path":
            self._path(node, own, below)
            return own
        if node.type == "variable":
            self._variable(str(node.value), (), own)
        elif node.type == "name" and not below:
            self.bare.add(str(node.value))
        elif node.type == "bind":
            # a function may call itself
            inner = own | {str(node.lhs.value)} if node.rhs.type == "lambda" else own
            return self._walk(node.rhs, inner, below) | {str(node.lhs.value)}
        elif node.type == "lambda":
            self._walk(node.body, own | {str(each.value) for each in node.arguments}, below)
            return own
        elif node.type == "block":
            inner = own
            for each in node.expressions:
                inner = self._walk(each, inner, below)
            return own
        elif node.type in ("function", "partial"):
            if node.procedure.type == "variable" and str(node.procedure.value) not in own:
                self.functions.add(str(node.procedure.value))
            else:
                self._walk(node.procedure, own, below)
            for each in node.arguments or []:
                own = self._walk(each, own, below)
            return own
        elif node.type == "unary" and str(node.value) == "{":
            self.keys |= {str(key.value) for key, _ in node.lhs_object or [] if key.type == "string"}
        for each in _children(node):
            own = self._walk(each, own, below)
        return own

    def _path(self, node: Any, own: frozenset[str], below: bool) -> None:
        first, *others = node.steps
        if first.type == "variable":
            fields = []
            for step in others:
                if step.type != "name":
                    break
                fields.append(str(step.value))
            self._variable(str(first.value), tuple(fields), own)
            for child in _children(first):
                self._walk(child, own, True)
        else:
            self._walk(first, own, below)
        for step in others:
            if step.type != "name":
                self._walk(step, own, True)
            else:
                for child in _children(step):
                    self._walk(child, own, True)

    def _variable(self, name: str, fields: tuple[str, ...], own: frozenset[str]) -> None:
        if name == "states":
            self.states.add(fields)
        elif name and name != "$" and name not in own:
            self.variables.add(name)
            self.fields.add((name, fields))


def _children(node: Any) -> Iterator[Any]:
    for value in vars(node).values():
        yield from _nodes(value)


def _nodes(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for each in value:
            yield from _nodes(each)
    elif hasattr(value, "type") and hasattr(value, "value"):
        yield value


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Parsed | str:
    """What the expression (with its brackets) uses, or why it is none."""
    try:
        return Parsed(Jsonata(text[2:-2].strip()).ast)
    except JException as error:
        return str(error)


def constant(value: Any) -> Any:
    """The value with every expression that names nothing evaluated: `{% 'a' & 'b' %}` is as good as `ab`."""
    if isinstance(value, dict):
        return {key: constant(item) for key, item in value.items()}
    if isinstance(value, list):
        return [constant(item) for item in value]
    if isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        parsed = parse(value)
        if isinstance(parsed, Parsed) and parsed.constant:
            return Jsonata(value[2:-2].strip()).evaluate(None)
    return value


def _assigned_before(scope: dict[str, Any], outside: frozenset[str]) -> dict[str, frozenset[str]]:
    """State → variables that every way from the start has assigned before it; states not reached are left out."""
    before: dict[str, frozenset[str]] = {scope.get("StartAt", ""): outside}
    left = [scope.get("StartAt", "")]
    while left:
        name = left.pop()
        if name not in scope["States"]:
            continue
        for target, assigned in _edges(scope["States"][name]):
            after = before[name] | assigned
            known = before.get(target)
            narrowed = after if known is None else known & after
            if narrowed != known:
                before[target] = narrowed
                left.append(target)
    return before


def _edges(state: dict[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    own = frozenset(state.get("Assign", {}))
    for key in ("Next", "Default"):
        if key in state:
            yield state[key], own
    for each in state.get("Choices", []):
        # a rule's Assign stands instead of the state's, which belongs to the Default
        yield each.get("Next", ""), frozenset(each.get("Assign", {}))
    for each in state.get("Catch", []):
        yield each.get("Next", ""), frozenset(each.get("Assign", {}))
