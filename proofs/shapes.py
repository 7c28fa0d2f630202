"""Shapes of JSON values, as data: what a value has to be, down to its members.

A pattern is a text that it matches in full; a type its instances, of which true is no number; a list of one shape a
list with at least one such item; `Either` any of several; a dict an object with these members and no others, a
member whose name ends in `?` being one that may be missing; `Having` an object with at least these members. Anything
else is the value itself. `Held` stands for what a variable holds, which `held` puts in its place; `Chosen` for a shape
that depends on what the variables hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


class Either(tuple[Any, ...]):
    """Several shapes, of which the value has one."""

    __slots__ = ()

    def __new__(cls, *shapes: Any) -> Either:
        return super().__new__(cls, shapes)


@dataclass(frozen=True)
class Having:
    """An object that may have other members beside these."""

    members: dict[str, Any]


@dataclass(frozen=True)
class Exactly:
    """The very value: a list whose order counts."""

    value: Any


@dataclass(frozen=True)
class Held:
    """What a variable of the machine holds by then, or a member of it; `otherwise` where there is none."""

    path: str
    otherwise: Any = None


@dataclass(frozen=True)
class Chosen:
    """The shape that `of` makes of the machine's variables."""

    of: Callable[[dict[str, Any]], Any]


def held(shape: Any, known: dict[str, Any]) -> Any:
    """The shape with what the variables hold in the places of Held and Chosen."""
    if isinstance(shape, Held):
        found: Any = known
        for step in shape.path.split("."):
            found = found.get(step) if isinstance(found, dict) else None
        return shape.otherwise if found is None else found
    if isinstance(shape, Chosen):
        return held(shape.of(known), known)
    if isinstance(shape, Having):
        return Having(held(shape.members, known))
    if isinstance(shape, dict):
        return {name: held(each, known) for name, each in shape.items()}
    if isinstance(shape, Either):
        return Either(*(held(each, known) for each in shape))
    return [held(each, known) for each in shape] if isinstance(shape, list) else shape


def problems(value: Any, shape: Any, where: str = "") -> Iterator[str]:
    """What is wrong with a value, each with its place below it; nothing for a value of this shape."""
    at = f"{where}: " if where else ""
    if isinstance(shape, Either):
        if all(any(problems(value, each)) for each in shape):
            found = [next(problems(value, each, where)) for each in shape]
            yield found[0] if len(set(found)) == 1 else f"{at}{_shown(value)} is none of what it may be"
    elif isinstance(shape, dict | Having):
        members = shape.members if isinstance(shape, Having) else shape
        if not isinstance(value, dict):
            yield f"{at}{_shown(value)} is no object"
            return
        for name, each in members.items():
            plain = name.removesuffix("?")
            if plain in value:
                yield from problems(value[plain], each, f"{where}.{plain}" if where else plain)
            elif plain == name:
                yield f"{at}{name} is missing"
        known = {name.removesuffix("?") for name in members}
        for name in value if isinstance(shape, dict) else ():
            if name not in known:
                yield f"{at}{name} does not belong here"
    elif isinstance(shape, list):
        if not isinstance(value, list) or not value:
            yield f"{at}{_shown(value)} is no list with something in it"
            return
        for index, each in enumerate(value):
            yield from problems(each, shape[0], f"{where}[{index}]")
    elif not _is(value, shape):
        yield f"{at}{_shown(value)} is not {_wanted(shape)}"


def _is(value: Any, shape: Any) -> bool:
    if isinstance(shape, Exactly):
        return bool(value == shape.value)
    if isinstance(shape, re.Pattern):
        return isinstance(value, str) and shape.fullmatch(value) is not None
    if isinstance(shape, type):
        if shape in (int, float) and isinstance(value, bool):
            return False
        return isinstance(value, (int, float) if shape is float else shape)
    return type(value) is type(shape) and value == shape


def _wanted(shape: Any) -> str:
    if isinstance(shape, re.Pattern):
        return str(shape.pattern)
    return shape.__name__ if isinstance(shape, type) else _shown(shape)


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
