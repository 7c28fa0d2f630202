"""JSON ↔ DynamoDB items."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from sluice.errors import InputError
from sluice.ports import Json

_TO = TypeSerializer()
_FROM = TypeDeserializer()
_SMALLEST = 1e-130
_GREATEST = 9.9e125


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds: of fixed width, so that text sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def to_item(values: Json) -> dict[str, Any]:
    """Attributes of JSON values. Floats become decimals; those below DynamoDB's 1e-130 (p-values) become 0.

    Raises InputError for what is not a JSON number or is beyond 1e125.
    """
    return {name: _TO.serialize(_exact(value, name)) for name, value in values.items()}


def from_item(item: dict[str, Any]) -> Json:
    """The reverse, without `pk` and `sk`. A number without a fraction comes back as an int; a set as a sorted list."""
    return {name: _plain(_FROM.deserialize(value)) for name, value in item.items() if name not in ("pk", "sk")}


def _exact(value: Any, name: str) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value) or abs(value) > _GREATEST:
            raise InputError(f"{name}: {value} cannot be stored; use null where there is no number")
        return Decimal(0) if abs(value) < _SMALLEST else Decimal(repr(value))
    if isinstance(value, dict):
        return {str(key): _exact(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item, name) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, set) and value and all(isinstance(item, str) for item in value):
        return value
    raise InputError(f"{name}: {type(value).__name__} is not a JSON value:  {json.dumps(repr(value))}")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, set):
        return sorted(value)
    return value
