"""One mistake at a time in a Task's call: each is one that AWS would refuse, or that our own rules do."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proofs.integrations import CALL, OPTIMISED, SYNC, SYNC_2, TOKEN, Integration, parse
from proofs.members import Spelling, is_wildcard, spelt

Path = tuple[str | int, ...]
_NO_LENGTH = 2_000_000  # longer strings than this would only burn memory


@dataclass(frozen=True)
class Mutant:
    """A Task with one mistake; `name` says which."""

    name: str
    state: dict[str, Any]


def mutants(state: dict[str, Any]) -> Iterator[Mutant]:
    """Every mistake that this module can make in a good Task."""
    call = parse(state["Resource"])
    for name, resource in _resources(state["Resource"], call):
        yield Mutant(name, {**state, "Resource": resource})
    for name, change in _arguments(call, state["Arguments"]):
        yield Mutant(name, {**state, "Arguments": change})
    yield Mutant("Arguments called Parameters", {"Parameters": state["Arguments"], **_without(state, "Arguments")})
    if call.key == "lambda:invoke":
        for kind, payload in (("text", "shop"), ("a list", [1]), ("null", None)):
            yield Mutant(f"Payload is {kind}", {**state, "Arguments": {**state["Arguments"], "Payload": payload}})
    if call.pattern == TOKEN:
        yield Mutant("the token is given to nobody", _with(state, ("Arguments", "Payload"), {"project": "shop"}))


def _resources(resource: str, call: Integration) -> Iterator[tuple[str, str]]:
    base = resource.removesuffix(f".{call.pattern}") if call.pattern else resource
    yield "action with a letter less", base[:-1]
    service, action = base.rsplit(":", 2)[1:]
    yield "action with a capital", base.removesuffix(action) + action[:1].upper() + action[1:]
    yield "service with a letter less", base.replace(f":{service}:{action}", f":{service[:-1]}:{action}")
    yield "another account's region in the ARN", base.replace(":states:::", ":states:eu-west-1::")
    if call.optimised:
        has = OPTIMISED[call.key]
    else:
        has = frozenset({CALL, TOKEN})
        yield "no optimised integration", base.replace("aws-sdk:", "") + "s"
    for pattern in (SYNC, SYNC_2, TOKEN, "async"):
        if pattern not in has:
            yield f".{pattern} where there is none", f"{base}.{pattern}"


def _arguments(call: Integration, arguments: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "an unknown member", {**arguments, "Sluice": "x"}
    yield "text for arguments", "arguments"
    for path, shape, value in _values(call.operation.input_shape, arguments, ()):
        shown = ".".join(map(str, path))
        if shape.type_name == "structure" and isinstance(value, dict):
            members = {spelt(member, Spelling.STATES) for member in shape.members}
            for name in value:
                for kind, other in _misspelt(name):
                    if other not in members:  # the name of another member is seen only when it gets a value
                        yield f"{'.'.join(map(str, (*path, name)))} {kind}", _renamed(arguments, (*path, name), other)
            for member in shape.required_members:
                name = spelt(member, Spelling.STATES)
                if name in value:
                    left = _without(value, name)
                    yield f"{shown or 'Arguments'} without {name}", _with(arguments, path, left)
        if path and path[-1] not in call.json_members:
            for kind, bad in _bad_values(shape, value):
                yield f"{shown} is {kind}", _with(arguments, path, bad)
        if path and path[-1] == "StoppingCondition":
            yield f"no {shown}", _with(arguments, path[:-1], _without(_at(arguments, path[:-1]), "StoppingCondition"))


def _misspelt(name: str) -> Iterator[tuple[str, str]]:
    yield "with a letter less", name[:-1]
    yield "with a letter more", name + "s"
    yield "with a small letter", name[:1].lower() + name[1:]


def _bad_values(shape: Any, value: Any) -> Iterator[tuple[str, Any]]:
    kind = shape.type_name
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if kind == "string":
        yield "a number", 7
        yield "a list", ["x"]
        if getattr(shape, "enum", None):
            yield "no value of its enum", "Sluice"
            if isinstance(value, str) and not is_wildcard(value):
                yield "a value of its enum in the other case", value.swapcase()
        if shape.metadata.get("pattern") and shape.metadata["pattern"] not in (".*", "[\\s\\S]*", "[\\S\\s]*"):
            yield "not of its pattern", "\x00 not this\n"
        if most is not None and most < _NO_LENGTH:
            yield "too long", "a" * (most + 1)
        if least:
            yield "too short", "a" * (least - 1)
    elif kind in ("integer", "long", "float", "double"):
        yield "text", "1"
        yield "true", True
        if kind in ("integer", "long"):
            yield "half", 0.5
        if least is not None:
            yield "too small", least - 1
        if most is not None:
            yield "too great", most + 1
    elif kind == "boolean":
        yield "text", "true"
    elif kind == "list":
        yield "a structure", {"x": "y"}
        if isinstance(value, list) and value and most is not None and most < 10_000:
            yield "too long", [value[0]] * (most + 1)
        if least:
            yield "empty", []
    else:
        yield "text", "x"


def _values(shape: Any, value: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    """Path, shape and value of everything in the arguments that the model describes, map entries included."""
    yield path, shape, value
    if shape.type_name == "structure" and isinstance(value, dict):
        members = {spelt(member, Spelling.STATES): member for member in shape.members}
        for name, item in value.items():
            yield from _values(shape.members[members[name]], item, (*path, name))
    elif shape.type_name == "list" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _values(shape.member, item, (*path, index))
    elif shape.type_name == "map" and isinstance(value, dict):
        for name, item in value.items():
            yield from _values(shape.value, item, (*path, name))


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _with(value: Any, path: Path, item: Any) -> Any:
    """A copy of `value` with `item` at `path`."""
    if not path:
        return item
    changed = copy.copy(value)
    changed[path[0]] = _with(value[path[0]], path[1:], item)
    return changed


def _renamed(value: Any, path: Path, name: str) -> Any:
    around = _at(value, path[:-1])
    renamed = {name if key == path[-1] else key: item for key, item in around.items()}
    return _with(value, path[:-1], renamed)


def _without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key != name}
