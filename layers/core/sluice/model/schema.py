"""Contract columns and how a raw value becomes a typed one.

A typed value is `float`, `bool`, `str` or None (missing). Two sources differ in what they may say: CSV carries text
only (`from_text`), JSON carries types (`from_json`), where a number in quotes is an error and not a guess.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

from sluice.model.errors import InputError, ModelError

Value = float | bool | str | None
Row = Mapping[str, Value]

TYPES = ("integer", "number", "boolean", "category", "text", "timestamp")
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})
# Beyond float32 scikit-learn's forests refuse a value; clipping keeps training and serving alike.
LARGEST = 3.0e38
# 23:59:59.999999 of the year 9999, which many tables say for "never", would be rounded into the year 10000.
LAST_SECOND = 253402300799.0


@dataclass(frozen=True)
class Schema:
    """Column name → type, in contract order, and which of them are features."""

    types: dict[str, str]
    features: tuple[str, ...]

    @classmethod
    def from_contract(cls, contract: Mapping[str, Any]) -> Schema:
        """Features are the contract's columns without key, time, target and dropped ones. Raises ModelError."""
        data = contract["data"]
        types = {name: column["type"] for name, column in data["columns"].items()}
        for name, kind in types.items():
            if kind not in TYPES:
                raise ModelError(f"contract: column {name!r} has unknown type {kind!r}; known: {', '.join(TYPES)}")
        target = contract["problem"].get("target")
        if target is not None and target not in types:
            raise ModelError(f"contract: problem.target {target!r} is not among data.columns")
        left_out = {*(data.get("key") or ()), data.get("time"), target}
        left_out |= set((contract.get("features") or {}).get("drop") or ())
        features = tuple(name for name in types if name not in left_out)
        if not features:
            raise ModelError("contract: no column is left as a feature; look at data.columns and features.drop")
        return cls(types, features)

    def to_json(self) -> dict[str, Any]:
        return {"types": self.types, "features": list(self.features)}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Schema:
        return cls(dict(state["types"]), tuple(state["features"]))

    def typed_json(self, record: Mapping[str, Any]) -> dict[str, Value]:
        """One JSON object → typed feature values. Unknown fields are ignored, absent ones are missing.

        Raises InputError naming the field when a value has the wrong type.
        """
        get = record.get
        return {name: read(get(name), name) for name, read in self._readers}

    @cached_property
    def _readers(self) -> list[tuple[str, Callable[[Any, str], Value]]]:
        return [(name, _READERS[self.types[name]]) for name in self.features]

    def typed_text(self, columns: Sequence[str], records: Iterable[Sequence[str]]) -> list[dict[str, Value]]:
        """CSV records under `columns` → typed rows, for every column that the contract knows.

        Raises InputError naming line (the first record is line 1) and column.
        """
        known = [(i, name, _FROM_TEXT[self.types[name]]) for i, name in enumerate(columns) if name in self.types]
        rows = []
        for line, record in enumerate(records, 1):
            if len(record) != len(columns):
                raise InputError(f"record {line} has {len(record)} fields where {len(columns)} are expected")
            row: dict[str, Value] = {}
            for i, name, parse in known:
                text = record[i]
                try:
                    row[name] = parse(text) if text != "" else None
                except ValueError:
                    kind = self.types[name]
                    raise InputError(f"record {line}, column {name!r}: not a valid {kind}", name) from None
            rows.append(row)
        return rows


def seconds(text: str) -> float:
    """ISO 8601 text → seconds since 1970 UTC; a time without zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    try:
        return min((moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), LAST_SECOND)
    except OverflowError:
        # The first or last hours of the calendar in another zone.
        raise ValueError(text) from None


def _number(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return max(-LARGEST, min(LARGEST, float(value)))


def _integer_from_text(text: str) -> float | None:
    value = float(text)
    if math.isfinite(value) and value != math.floor(value):
        raise ValueError(text)
    return _number(value)


def _boolean_from_text(text: str) -> bool:
    folded = text.strip().lower()
    if folded in _TRUE:
        return True
    if folded in _FALSE:
        return False
    raise ValueError(text)


def _timestamp_from_text(text: str) -> float:
    return seconds(text.strip())


_FROM_TEXT: dict[str, Callable[[str], Value]] = {
    "integer": _integer_from_text,
    "number": lambda text: _number(float(text)),
    "boolean": _boolean_from_text,
    "category": str,
    "text": str,
    "timestamp": _timestamp_from_text,
}


def from_text(text: str, kind: str) -> Value:
    """Raises ValueError when the text is not of this type; empty text is missing."""
    return _FROM_TEXT[kind](text) if text != "" else None


def from_json(value: Any, kind: str, field: str) -> Value:
    """A JSON value → typed value. Raises InputError naming the field."""
    if value is None:
        return None
    plain_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind in ("number", "integer") and plain_number:
        try:
            number = float(value)
        except OverflowError:
            number = LARGEST if value > 0 else -LARGEST
        if kind == "number" or not math.isfinite(number) or number == math.floor(number):
            return _number(number)
    elif kind == "boolean":
        if isinstance(value, bool):
            return value
        if plain_number and value in (0, 1):
            return value == 1
    elif kind == "category" and isinstance(value, str | int | float):
        return category(value) or None
    elif kind == "text" and isinstance(value, str):
        return value or None
    elif kind == "timestamp" and isinstance(value, str):
        try:
            return seconds(value) if value else None
        except ValueError:
            pass
    raise InputError(f"field {field!r} must be {_article(kind)}, not {_json_name(value)}", field)


def _number_from_json(value: Any, field: str) -> Value:
    """`from_json` of a number, without its detours for what nearly every value is."""
    if type(value) is float and -LARGEST <= value <= LARGEST:  # not NaN either
        return value
    return None if value is None else from_json(value, "number", field)


def _text_from_json(kind: str, value: Any, field: str) -> Value:
    if type(value) is str:
        return value or None
    return None if value is None else from_json(value, kind, field)


def _any_from_json(kind: str, value: Any, field: str) -> Value:
    return None if value is None else from_json(value, kind, field)


_READERS: dict[str, Callable[[Any, str], Value]] = {
    "number": _number_from_json,
    "category": partial(_text_from_json, "category"),
    "text": partial(_text_from_json, "text"),
    **{kind: partial(_any_from_json, kind) for kind in ("integer", "boolean", "timestamp")},
}


def category(value: str | float) -> str:
    """The text under which a category is known, the same from JSON, YAML and CSV: true, 3 and "3", never 3.0."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and value == math.floor(value):
        return str(int(value))
    return str(value)


def _article(kind: str) -> str:
    names = {
        "integer": "an integer",
        "timestamp": "an ISO 8601 timestamp",
        "category": "a category (text or number)",
        "text": "text",
    }
    return names.get(kind, f"a {kind}")


def _json_name(value: Any) -> str:
    # The value itself stays out of the message: raw values do not belong in logs.
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
