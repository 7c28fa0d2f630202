"""Contract columns as a model knows them, and rows of typed values.

A typed value is `float`, `bool`, `str` or None (missing), as `sluice.model.values` reads it: integers and times become
floats here, and numbers are kept within float32, because scikit-learn's forests refuse anything beyond.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache, partial
from typing import Any

from sluice.model import values
from sluice.model.errors import InputError, ModelError
from sluice.model.values import PLAIN, Reading

Value = float | bool | str | None
Row = Mapping[str, Value]

TYPES = tuple(values.WHAT)
SEASONAL = "seasonal"
"""`features.time` of a contract whose time column is a feature by its seasons."""
LARGEST = 3.0e38
"""Beyond float32 scikit-learn's forests refuse a value; clipping keeps training and serving alike."""
# 23:59:59.999999 of the year 9999, which many tables say for "never", would be rounded into the year 10000.
LAST_SECOND = 253402300799.0
_REMEMBERED = 4096
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,20})?")


@dataclass(frozen=True)
class Schema:
    """Column name → type, in contract order, and which of them are features.

    `seasonal`: the feature of which only the seasons count, the contract's time column. `readings`: how the text of a
    column is written, of those columns that say so (missing markers, decimal comma, …).
    """

    types: dict[str, str]
    features: tuple[str, ...]
    readings: Mapping[str, Reading] = field(default_factory=dict)
    seasonal: str | None = None

    @classmethod
    def from_contract(cls, contract: Mapping[str, Any]) -> Schema:
        """Features are the contract's columns without key, time, target and dropped ones; with `features.time:
        seasonal` the time is one as well. Raises ModelError."""
        data, asked = contract["data"], contract.get("features") or {}
        types = {name: column["type"] for name, column in data["columns"].items()}
        for name, kind in types.items():
            if kind not in TYPES:
                raise ModelError(f"contract: column {name!r} has unknown type {kind!r}; known: {', '.join(TYPES)}")
        target = contract["problem"].get("target")
        if target is not None and target not in types:
            raise ModelError(f"contract: problem.target {target!r} is not among data.columns")
        left_out = {*(data.get("key") or ()), data.get("time"), target}
        left_out |= set(asked.get("drop") or ())
        seasonal = data.get("time") if asked.get("time") == SEASONAL else None
        features = tuple(name for name in types if name not in left_out or name == seasonal)
        if not features:
            raise ModelError("contract: no column is left as a feature; check data.columns and features.drop")
        readings = {name: Reading.of(column, data.get("format")) for name, column in data["columns"].items()}
        told = {name: reading for name, reading in readings.items() if reading != PLAIN}
        return cls(types, features, told, seasonal)

    def to_json(self) -> dict[str, Any]:
        state: dict[str, Any] = {"types": self.types, "features": list(self.features)}
        if self.readings:
            state["readings"] = {name: reading.to_json() for name, reading in self.readings.items()}
        if self.seasonal is not None:
            state["seasonal"] = self.seasonal
        return state

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Schema:
        """A model from before there were reading formats has none."""
        readings = {name: Reading.from_json(reading) for name, reading in state.get("readings", {}).items()}
        return cls(dict(state["types"]), tuple(state["features"]), readings, state.get("seasonal"))

    @property
    def of_clean_text(self) -> Schema:
        """The schema of text that the product itself has written: numbers and times have their standard form there.

        Missing markers still count, since they may be younger than the accepted rows.
        """
        readings = {name: Reading(missing=reading.missing) for name, reading in self.readings.items()}
        return replace(self, readings={name: reading for name, reading in readings.items() if reading != PLAIN})

    def reading(self, name: str) -> Reading:
        return self.readings.get(name, PLAIN)

    def typed_json(self, record: Mapping[str, Any]) -> dict[str, Value]:
        """One JSON object → typed feature values. Unknown fields are ignored, absent ones are missing.

        Raises InputError naming the field when a value is none of the column's type.
        """
        get = record.get
        return {name: read(get(name), name) for name, read in self._readers}

    @cached_property
    def _readers(self) -> list[tuple[str, Callable[[Any, str], Value]]]:
        return [(name, _json_reader(self.types[name], self.reading(name))) for name in self.features]

    def typed_text(self, columns: Sequence[str], records: Iterable[Sequence[str]]) -> list[dict[str, Value]]:
        """CSV records under `columns` → typed rows, for every column that the contract knows.

        Raises InputError naming line (the first record is line 1) and column.
        """
        known = [
            (i, name, _text_reader(self.types[name], self.reading(name)))
            for i, name in enumerate(columns)
            if name in self.types
        ]
        rows = []
        for line, record in enumerate(records, 1):
            if len(record) != len(columns):
                raise InputError(f"record {line} has {len(record)} fields where {len(columns)} are expected")
            row: dict[str, Value] = {}
            for i, name, parse in known:
                try:
                    row[name] = parse(record[i])
                except ValueError:
                    kind = self.types[name]
                    message = f"record {line}, column {name!r}: not a valid {kind}{_such_as(kind, self.reading(name))}"
                    raise InputError(message, name, record=line) from None
            rows.append(row)
        return rows


def from_text(text: str, kind: str, reading: Reading = PLAIN) -> Value:
    """Raises ValueError when the text is not of this type; None is missing."""
    return _model_value(values.parse_text(text, kind, reading))


def from_json(value: Any, kind: str, field: str, reading: Reading = PLAIN) -> Value:
    """A JSON value → typed value. Raises InputError naming the field."""
    try:
        return _model_value(values.parse_json(value, kind, reading))
    except ValueError:
        what = f"{'a timestamp' if reading.dates else _article(kind)}{_such_as(kind, reading)}"
        told = (
            "; the string is not one" if isinstance(value, str) and kind in _EXAMPLES else f", not {_json_name(value)}"
        )
        raise InputError(f"field {field!r} must be {what}{told}", field) from None


def _model_value(value: values.Typed | None) -> Value:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, datetime):
        return min(value.timestamp(), LAST_SECOND)
    return max(-LARGEST, min(LARGEST, float(value)))


def _text_reader(kind: str, reading: Reading) -> Callable[[str], Value]:
    """`from_text` for the cells of one column; what nearly every cell is takes a short way."""
    if kind == "number" and reading == PLAIN:
        return _number_from_text
    if kind in ("category", "boolean"):
        return lru_cache(_REMEMBERED)(partial(from_text, kind=kind, reading=reading))
    return partial(from_text, kind=kind, reading=reading)


def _number_from_text(text: str) -> Value:
    return float(text) if _PLAIN_NUMBER.fullmatch(text) else from_text(text, "number")


def _json_reader(kind: str, reading: Reading) -> Callable[[Any, str], Value]:
    """`from_json` for one column; what nearly every value is takes a short way."""
    if kind == "number" and not reading.missing_numbers:
        return partial(_number_from_json, reading)
    if kind == "category":
        return partial(
            _category_from_json, lru_cache(_REMEMBERED)(partial(from_text, kind=kind, reading=reading)), reading
        )
    if kind == "text" and not reading.missing:
        return _text_from_json
    return partial(_any_from_json, kind, reading)


def _number_from_json(reading: Reading, value: Any, field: str) -> Value:
    if type(value) is float and -LARGEST <= value <= LARGEST:  # not NaN either
        return value
    return None if value is None else from_json(value, "number", field, reading)


def _category_from_json(read: Callable[[str], Value], reading: Reading, value: Any, field: str) -> Value:
    """`read` remembers the texts that it has read, so long ones are kept from it."""
    if type(value) is str and len(value) <= 100:
        try:
            return read(value)
        except ValueError:
            pass  # worded below
    return None if value is None else from_json(value, "category", field, reading)


def _text_from_json(value: Any, field: str) -> Value:
    if type(value) is str and not values.has_half(value):
        return value if value and not value.isspace() else None
    return None if value is None else from_json(value, "text", field)


def _any_from_json(kind: str, reading: Reading, value: Any, field: str) -> Value:
    return None if value is None else from_json(value, kind, field, reading)


def category(value: Any) -> str:
    """The text under which a category is known, from whatever source: see `values.category_text`."""
    return values.category_text(value)


_EXAMPLES = {
    "integer": "12",
    "number": "12.5",
    "boolean": "true or false (also yes/no, y/n, t/f, 1/0)",
    "timestamp": "2026-01-31T12:30:00Z",
}


def _such_as(kind: str, reading: Reading) -> str:
    """How a value of the type is written: an example, or the format that the contract gives the column's text."""
    if kind not in _EXAMPLES:
        return ""
    form = {name: value for name, value in reading.to_json().items() if name != "missing"}
    if not form:
        return f", such as {_EXAMPLES[kind]}"
    told = (
        f"{name} {', '.join(map(repr, value)) if isinstance(value, list) else repr(value)}"
        for name, value in form.items()
    )
    return f" in the contract's format ({'; '.join(told)})"


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
    if isinstance(value, int | float) and values.finite(value) is None:
        return "a number beyond the range of a double"
    if isinstance(value, float) and value % 1:
        return "a number with a fraction"
    if isinstance(value, int | float) and abs(value) >= values.INTEGER_LIMIT:
        return "a number of more than 64 bits"
    if isinstance(value, str):  # of a text or category: every other text is one
        return "half of a character (a surrogate without the other one)"
    names = {int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
