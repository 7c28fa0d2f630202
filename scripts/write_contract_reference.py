"""Writes the tables of docs/contract.md from the pydantic models; `make contract-reference` runs it.

Text before the marker is written by people and kept. A test compares the file with what this script would write.
"""

from __future__ import annotations

import json
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo

from sluice.contract import Contract

PAGE = Path(__file__).resolve().parent.parent / "docs" / "contract.md"
MARKER = "<!-- what follows is written by `make contract-reference` from sluice.contract.models -->\n"
SYMBOLS = {Gt: ">", Ge: "≥", Lt: "<", Le: "≤"}


def part_of(annotation: Any) -> tuple[type[BaseModel], str] | None:
    """The part that a key holds, and how: "" for the part itself, `[]` for a list of it, `.<name>` for a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    arguments = [each for each in typing.get_args(annotation) if each is not type(None)]
    suffix = {list: "[]", dict: ".<name>"}.get(typing.get_origin(annotation), "")
    found = [part_of(each) for each in arguments]
    inner = next((each for each in found if each), None)
    return (inner[0], suffix + inner[1]) if inner else None


def type_of(annotation: Any) -> str:
    """The type as people say it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        checked = any(isinstance(each, AfterValidator) for each in arguments)
        return "duration" if checked else type_of(arguments[0])
    if origin is typing.Literal:
        return " or ".join(f"`{each if each.isprintable() else json.dumps(each)}`" for each in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(type_of(each) for each in arguments if each is not type(None))
    if origin is list:
        return "list, see below" if part_of(annotation) else f"list of {type_of(arguments[0])}"
    if origin is dict:
        return "by name, see below" if part_of(annotation) else f"{type_of(arguments[1])} by name"
    if part_of(annotation):
        return "see below"
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}[annotation]


def limits_of(field: FieldInfo) -> str:
    found = [
        f"{sign} {getattr(rule, kind.__name__.lower()):g}"
        for rule in field.metadata
        for kind, sign in SYMBOLS.items()
        if isinstance(rule, kind)
    ]
    return ", " + " and ".join(found) if found else ""


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "its defaults"
    return "none" if value is None or value == "" else f"`{json.dumps(value)}`"


def parts(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Every part of the contract with its path, the whole first, in the order of the models."""
    yield path, model
    for name, field in model.model_fields.items():
        inner = part_of(field.annotation)
        if inner:
            yield from parts(inner[0], f"{path}.{name}".lstrip(".") + inner[1])


def reference() -> str:
    """The tables. Raises SystemExit when a key has no description."""
    lines = []
    for path, model in parts(Contract):
        lines += [f"\n## {f'`{path}`' if path else 'The whole file'}\n", "| key | value | default | meaning |"]
        lines.append("|---|---|---|---|")
        for name, field in model.model_fields.items():
            if not field.description:
                raise SystemExit(f"{model.__name__}.{name} has no description in {model.__module__}")
            kind = type_of(field.annotation)
            if any(isinstance(rule, AfterValidator) for rule in field.metadata):  # Duration and Every, unpacked
                kind = "duration"
            meaning = field.description.replace("|", r"\|")
            lines.append(f"| `{name}` | {kind}{limits_of(field)} | {default_of(field)} | {meaning} |")
    return "\n".join(lines) + "\n"


def rewritten(page: str) -> str:
    """`page` with its tables written anew. Raises SystemExit without the marker."""
    before, marker, _ = page.partition(MARKER)
    if not marker:
        raise SystemExit("docs/contract.md has lost its marker line")
    return before + MARKER + reference()


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is written\n")
