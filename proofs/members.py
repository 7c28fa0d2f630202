"""A value against a shape of botocore's models: members, required ones, types, enums, patterns, lengths, ranges.

botocore's own ParamValidator knows neither enums nor patterns nor greatest lengths, so the shapes are walked here.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

_EXPRESSION = re.compile(r"\{%.*%\}", re.DOTALL)
_SUBSTITUTION = re.compile(r"\$\{\w+\}")
_LITERAL_KEY = re.compile(r"""(?:'(\w+)'|"(\w+)")\s*:(?!=)""")
_JAVA_TOKEN = re.compile(r"\\p\{(\w+)\}|\\z|\\uD800\\uDC00-\\uDBFF\\uDFFF|\\.|\[|\]", re.DOTALL)
# Java's character properties, which `re` lacks, as what stands in a bracket; wider than Java's where not the same.
_PROPERTIES = {
    "L": r"\w",
    "M": r"\u0300-\U0010FFFF",
    "N": r"\d\u00b2-\U0010FFFF",
    "Z": r"\s\u200b",
    "P": r"!-/:-@\[-`{-~\u00a1-\U0010FFFF",
    "S": r"!-/:-@\[-`{-~\u00a1-\U0010FFFF",
    "Alpha": "A-Za-z",
    "Alnum": "A-Za-z0-9",
    "Print": r"\x20-\x7e",
    "ASCII": r"\x00-\x7f",
}
_NUMBERS: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
}


class Spelling(enum.Enum):
    """How members are spelt: as the API does, or as Step Functions wants them, each with a capital."""

    API = "api"
    STATES = "states"


@dataclass(frozen=True)
class Finding:
    """What is wrong, and where: a path such as `Tune Candidates.Arguments.Tags[0].Key`."""

    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


def is_wildcard(value: Any) -> bool:
    """Whether only the running machine or the deployed stack knows the value and its type."""
    if not isinstance(value, str):
        return False
    return _EXPRESSION.fullmatch(value) is not None or _SUBSTITUTION.fullmatch(value) is not None


def spelt(member: str, spelling: Spelling) -> str:
    return member[:1].upper() + member[1:] if spelling is Spelling.STATES else member


def nearest(name: str, known: list[str]) -> str:
    """ "; did you mean X?", or the known names when none is near."""
    lower = {each.lower(): each for each in known}
    close = [lower[name.lower()]] if name.lower() in lower else get_close_matches(name, known, 1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(sorted(known)[:12])}"


def violations(shape: Any, value: Any, where: str, spelling: Spelling) -> Iterator[Finding]:
    """Everything in `value` that the API refuses by its model. A wildcard may be anything."""
    kind = shape.type_name
    if is_wildcard(value):
        if spelling is Spelling.STATES:
            yield from _literal_keys(shape, value, where)
    elif getattr(shape, "is_document_type", False):
        return
    elif kind == "structure":
        yield from _structure(shape, value, where, spelling)
    elif kind == "list":
        if not isinstance(value, list | tuple):
            yield Finding(where, f"{_shown(value)} must be a list")
            return
        yield from _size(shape, len(value), where, "items")
        for index, item in enumerate(value):
            yield from violations(shape.member, item, f"{where}[{index}]", spelling)
    elif kind == "map":
        if not isinstance(value, dict):
            yield Finding(where, f"{_shown(value)} must be a map")
            return
        yield from _size(shape, len(value), where, "entries")
        for key, item in value.items():
            yield from violations(shape.key, key, f"{where} key", spelling)
            yield from violations(shape.value, item, f"{where}.{key}", spelling)
    else:
        yield from _scalar(shape, value, where)


def _structure(shape: Any, value: Any, where: str, spelling: Spelling) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield Finding(where, f"{_shown(value)} must be a structure ({shape.name})")
        return
    members = {spelt(member, spelling): member for member in shape.members}
    for name, item in value.items():
        if name not in members:
            yield Finding(f"{where}.{name}", f"{shape.name} has no such member" + nearest(name, list(members)))
        elif item is not None:
            yield from violations(shape.members[members[name]], item, f"{where}.{name}", spelling)
    for member in shape.required_members:
        name = spelt(member, spelling)
        if value.get(name) is None:
            yield Finding(f"{where}.{name}", f"{shape.name} requires it")
    if shape.metadata.get("union") and len(value) != 1:
        yield Finding(where, f"exactly one member of {shape.name} must be set, not {sorted(value)}")


def _scalar(shape: Any, value: Any, where: str) -> Iterator[Finding]:
    kind = shape.type_name
    if kind in ("string", "character"):
        if not isinstance(value, str):
            yield Finding(where, f"{_shown(value)} must be a string")
        elif not _SUBSTITUTION.search(value):
            yield from _text(shape, value, where)
    elif kind in _NUMBERS:
        if not isinstance(value, _NUMBERS[kind]) or isinstance(value, bool):
            yield Finding(where, f"{_shown(value)} must be {'a whole number' if kind in ('integer', 'long') else kind}")
            return
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is not None and value < least:
            yield Finding(where, f"{value} is less than {least}")
        if most is not None and value > most:
            yield Finding(where, f"{value} is more than {most}")
    elif kind == "boolean":
        if not isinstance(value, bool):
            yield Finding(where, f"{_shown(value)} must be true or false")
    elif kind == "timestamp":
        if isinstance(value, bool) or not isinstance(value, str | int | float | dt.datetime):
            yield Finding(where, f"{_shown(value)} must be a time")
    elif kind == "blob":
        if isinstance(value, str | bytes | bytearray):
            yield from _size(shape, len(value), where, "bytes")
        elif not hasattr(value, "read"):
            yield Finding(where, f"{_shown(value)} must be text or bytes")
    else:
        raise ValueError(f"unexpected shape type {kind} at {where}")


def _text(shape: Any, value: str, where: str) -> Iterator[Finding]:
    yield from _size(shape, len(value), where, "characters")
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        yield Finding(where, f"{_shown(value)} is no {shape.name}" + nearest(value, list(allowed)))
    pattern = shape.metadata.get("pattern")
    compiled = _compiled(pattern) if pattern else None
    if compiled is not None and not compiled.fullmatch(value):
        yield Finding(where, f"{_shown(value)} does not match {pattern}")


def _size(shape: Any, size: int, where: str, unit: str) -> Iterator[Finding]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield Finding(where, f"{size} {unit} are fewer than {least}")
    if most is not None and size > most:
        yield Finding(where, f"{size} {unit} are more than {most}")


def _literal_keys(shape: Any, expression: str, where: str) -> Iterator[Finding]:
    """Keys written out in a JSONata expression for a structure: each must be a member somewhere below it."""
    known = _members_below(shape)
    if not known:
        return
    for match in _LITERAL_KEY.finditer(expression):
        name = match.group(1) or match.group(2)
        if name not in known:
            yield Finding(f"{where} ({name!r})", f"nothing below {shape.name} has it" + nearest(name, list(known)))


def _members_below(shape: Any) -> frozenset[str]:
    """Members of every structure below; empty where a map or a document takes any key."""
    found: set[str] = set()
    seen: set[str] = set()
    left = [shape]
    while left:
        each = left.pop()
        if each.type_name == "map" or getattr(each, "is_document_type", False):
            return frozenset()
        if each.type_name == "list":
            left.append(each.member)
        elif each.type_name == "structure" and each.name not in seen:
            seen.add(each.name)
            found.update(spelt(member, Spelling.STATES) for member in each.members)
            left.extend(each.members.values())
    return frozenset(found)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The model's (Java) pattern for Python; None where Python cannot express it, which only AWS then checks."""
    inside = False

    def python(token: re.Match[str]) -> str:
        nonlocal inside
        text = token[0]
        if text in "[]":
            inside = text == "["
        elif text == r"\z":
            return r"\Z"
        elif text.startswith(r"\uD800"):
            return r"\U00010000-\U0010FFFF"  # surrogate pairs, which Python's text has not
        elif token[1]:
            if token[1] not in _PROPERTIES:
                return text  # does not compile
            return _PROPERTIES[token[1]] if inside else f"[{_PROPERTIES[token[1]]}]"
        return text

    pattern = _JAVA_TOKEN.sub(python, pattern)
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return None
