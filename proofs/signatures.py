"""Whether a payload is of the types that an entry point's signature names."""

from __future__ import annotations

import functools
import importlib
import json
import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from sluice.records.record import Record


@functools.cache
def _hints(step: str) -> dict[str, Any]:
    module = importlib.import_module(f"sluice.steps.{step}")
    return typing.get_type_hints(getattr(module, step))


def mistyped(step: str, payload: Any) -> Iterator[str]:
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
