"""Where JSON becomes a record: the entry points that state machines call."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter

from sluice.records.record import Record, reading


def json_boundary(step: Callable[..., Any]) -> Callable[..., Any]:
    """Lets an entry point take and return records where its callers send and receive JSON.

    A parameter whose type is a record is read from a JSON object, and a record that the step returns becomes one.
    Raises DamagedRecordError, with the parameter's name, for a payload that lacks what the step needs.
    """

    @functools.wraps(step)
    def called(*args: Any, **named: Any) -> Any:
        given = inspect.signature(step).bind(*args, **named)
        for name, kind in records_taken(step).items():
            if isinstance(given.arguments.get(name), dict):
                with reading(f"`{name}`, which {step.__name__} was given,"):
                    given.arguments[name] = kind.validate_python(given.arguments[name], extra="ignore")
        answer = step(*given.args, **given.kwargs)
        return answer.plain() if isinstance(answer, Record) else answer

    return called


@functools.cache
def records_taken(step: Callable[..., Any]) -> dict[str, TypeAdapter[Any]]:
    """Parameter → its type, of those that are a record, or one of several."""
    hints = typing.get_type_hints(step, include_extras=True)
    return {name: TypeAdapter(hint) for name, hint in hints.items() if name != "return" and holds_record(hint)}


def holds_record(hint: Any) -> bool:
    if isinstance(hint, type):
        return issubclass(hint, Record)
    return any(holds_record(each) for each in typing.get_args(hint))
