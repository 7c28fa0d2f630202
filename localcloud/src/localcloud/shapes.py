"""Requests and answers against botocore's service models: what AWS would refuse is refused here."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import re
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel

# Java's character properties, which `re` lacks; \w is a little wider than \p{L}, and works inside brackets.
_PROPERTY = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Alpha}": "A-Za-z",
    r"\p{Alnum}": "A-Za-z0-9",
    r"\p{ASCII}": r"\x00-\x7f",
    r"\p{Z}": r"\s",
}


class InvalidRequestError(Exception):
    """A request that AWS would refuse; the message names the member's path."""


@functools.cache
def service_model(service: str) -> ServiceModel:
    """botocore's model of `service` (its boto3 name)."""
    return botocore.session.get_session().get_service_model(service)


def read_request(operation: OperationModel, document: Any) -> dict[str, Any]:
    """The request's parameters: checked, timestamps as aware datetimes, blobs as bytes.

    Raises InvalidRequestError with every problem found, as AWS lists them: "2 validation errors detected: ...; ...".
    """
    if operation.input_shape is None:
        return {}
    problems: list[str] = []
    parsed = _read(operation.input_shape, document, "", problems)
    if problems:
        plural = "s" if len(problems) > 1 else ""
        raise InvalidRequestError(f"{len(problems)} validation error{plural} detected: " + "; ".join(problems))
    return parsed


def write_response(operation: OperationModel, answer: dict[str, Any] | None) -> dict[str, Any]:
    """The answer as JSON: datetimes as epoch seconds, None left out. An unknown member is a bug: ValueError."""
    if operation.output_shape is None:
        if answer:
            raise ValueError(f"{operation.name} has no output, but the answer has {sorted(answer)}")
        return {}
    return _write(operation.output_shape, answer or {}, operation.name)


def _read(shape: Any, value: Any, path: str, problems: list[str]) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return _read_structure(shape, value, path, problems)
    if kind == "list":
        if not isinstance(value, list):
            return _mistyped(value, path, "a list", problems)
        _check_size(shape, len(value), value, path, problems)
        return [_read(shape.member, item, f"{path}.{index + 1}.member", problems) for index, item in enumerate(value)]
    if kind == "map":
        if not isinstance(value, dict):
            return _mistyped(value, path, "a map", problems)
        _check_size(shape, len(value), value, path, problems)
        for key in value:
            _read(shape.key, key, f"{path}.key", problems)
        return {key: _read(shape.value, item, f"{path}.{key}", problems) for key, item in value.items()}
    return _read_scalar(shape, value, path, problems)


def _read_structure(shape: Any, value: Any, path: str, problems: list[str]) -> Any:
    where = f"{path}." if path else ""
    if not isinstance(value, dict):
        return _mistyped(value, path, "a structure", problems)
    result = {}
    for name, item in value.items():
        if name not in shape.members:
            known = ", ".join(sorted(shape.members))
            problems.append(f"Unknown member at '{where}{name}': {shape.name} has {known}")
        elif item is not None:
            result[name] = _read(shape.members[name], item, f"{where}{name}", problems)
    problems += [
        f"Value null at '{where}{name}' failed to satisfy constraint: Member must not be null"
        for name in shape.required_members
        if value.get(name) is None
    ]
    if shape.metadata.get("union") and len(result) != 1:
        problems.append(f"Exactly one member of '{path}' must be set, not {sorted(result)}")
    return result


def _read_scalar(shape: Any, value: Any, path: str, problems: list[str]) -> Any:
    kind = shape.type_name
    if kind in ("string", "character"):
        if not isinstance(value, str):
            return _mistyped(value, path, "a string", problems)
        _check_size(shape, len(value), value, path, problems)
        allowed = getattr(shape, "enum", None)
        if allowed and value not in allowed:
            problems.append(_broken(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]"))
        pattern = shape.metadata.get("pattern")
        if pattern and (compiled := _compiled(pattern)) is not None and not compiled.fullmatch(value):
            problems.append(_broken(value, path, f"Member must satisfy regular expression pattern: {pattern}"))
        return value
    if kind in ("integer", "long"):
        if not isinstance(value, int) or isinstance(value, bool):
            return _mistyped(value, path, "an integer", problems)
        _check_range(shape, value, path, problems)
        return value
    if kind in ("float", "double"):
        if not isinstance(value, int | float) or isinstance(value, bool):
            return _mistyped(value, path, "a number", problems)
        _check_range(shape, value, path, problems)
        return float(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else _mistyped(value, path, "a boolean", problems)
    if kind == "timestamp":
        if isinstance(value, int | float) and not isinstance(value, bool):
            return dt.datetime.fromtimestamp(value, dt.UTC)
        return _mistyped(value, path, "a timestamp (epoch seconds)", problems)
    if kind == "blob":
        try:
            return base64.b64decode(value, validate=True)
        except (TypeError, ValueError):
            return _mistyped(value, path, "base64 data", problems)
    raise ValueError(f"unexpected shape type {kind} at {path}")


def _check_size(shape: Any, size: int, value: Any, path: str, problems: list[str]) -> None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        problems.append(_broken(value, path, f"Member must have length greater than or equal to {least}"))
    if most is not None and size > most:
        problems.append(_broken(value, path, f"Member must have length less than or equal to {most}"))


def _check_range(shape: Any, value: float, path: str, problems: list[str]) -> None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        problems.append(_broken(value, path, f"Member must have value greater than or equal to {least}"))
    if most is not None and value > most:
        problems.append(_broken(value, path, f"Member must have value less than or equal to {most}"))


def _broken(value: Any, path: str, constraint: str) -> str:
    return f"Value '{str(value)[:200]}' at '{path}' failed to satisfy constraint: {constraint}"


def _mistyped(value: Any, path: str, wanted: str, problems: list[str]) -> None:
    problems.append(f"Value '{str(value)[:200]}' at '{path}' must be {wanted}")


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The model's (Java) pattern for Python; None where Python cannot express it, which AWS then checks alone."""
    translated = pattern
    for java, python in _PROPERTY.items():
        translated = translated.replace(java, python)
    try:
        return re.compile(translated, re.DOTALL)
    except re.error:
        return None


def _write(shape: Any, value: Any, path: str) -> Any:
    kind = shape.type_name
    if kind == "structure":
        if unknown := set(value) - set(shape.members):
            raise ValueError(f"{path}: the answer has members unknown to {shape.name}: {sorted(unknown)}")
        return {
            name: _write(shape.members[name], item, f"{path}.{name}")
            for name, item in value.items()
            if item is not None
        }
    if kind == "list":
        return [_write(shape.member, item, f"{path}[]") for item in value]
    if kind == "map":
        return {key: _write(shape.value, item, f"{path}.{key}") for key, item in value.items()}
    if kind == "timestamp":
        if isinstance(value, dt.datetime):
            if value.tzinfo is None:
                raise ValueError(f"{path}: {value} has no time zone")
            return round(value.timestamp(), 3)
        return value
    if kind == "blob":
        return base64.b64encode(value).decode()
    return value
