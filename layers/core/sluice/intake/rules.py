"""One column of text to typed values, and which rows break which rule. All of it column by column in Arrow.

What counts as missing: nothing, or nothing but blanks. `NA`, `null`, `-` and the like are values, since Sluice does
not guess: they pass in a text column, and elsewhere the row is quarantined and says so.

| type | accepted text |
|---|---|
| integer | `12`, `+12`, `-3`, `12.0`; up to 18 digits |
| number | decimal or exponent notation with a point, finite |
| boolean | true/false, t/f, yes/no, y/n, 1/0 in any case |
| timestamp | ISO 8601 date or time; without offset it is UTC |
| category | any text, without its surrounding blanks |
| text | any text, unchanged |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from sluice.contract.models import Column

ARROW_TYPES: dict[str, pa.DataType] = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "category": pa.string(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}
_TRUE = pa.array(["true", "t", "yes", "y", "1"])
_FALSE = pa.array(["false", "f", "no", "n", "0"])
_INTEGER = r"^[+-]?0*\d{1,18}(\.0*)?$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,5})?$"


@dataclass(frozen=True)
class Violation:
    """Rows (a boolean mask) that break one rule of one column."""

    column: str
    rule: str
    message: str
    mask: pa.Array


def judge(name: str, column: Column, text: pa.Array, *, key: bool) -> tuple[pa.Array, list[Violation]]:
    """Typed values of `text` (null where missing or refused) and what is wrong with it."""
    text = pc.fill_null(text, "")
    trimmed = pc.utf8_trim_whitespace(text)
    missing = pc.equal(trimmed, "")
    plain = text if column.type == "text" else trimmed
    typed = _TYPED[column.type](pc.if_else(missing, pa.scalar(None, pa.string()), plain))
    violations: list[Violation] = []

    def broken(rule: str, message: str, mask: pa.Array) -> None:
        mask = pc.fill_null(mask, False)
        if pc.any(mask).as_py():
            violations.append(Violation(name, rule, message, mask))

    broken("type", f"is not {_WHAT[column.type]}", pc.and_(pc.is_null(typed), pc.invert(missing)))
    if key:
        broken("key", "is missing, but it identifies the row", missing)
    elif not column.nullable:
        broken("nullable", "is missing, but the contract says nullable: false", missing)
    if column.min is not None:
        broken("min", f"is less than {column.min:g}", pc.less(typed, pa.scalar(column.min, pa.float64())))
    if column.max is not None:
        broken("max", f"is greater than {column.max:g}", pc.greater(typed, pa.scalar(column.max, pa.float64())))
    if column.values is not None:
        known = pc.is_in(typed, value_set=pa.array(column.values, pa.string()))
        broken("values", "is not among the contract's values", pc.and_(pc.is_valid(typed), pc.invert(known)))
    return typed, violations


def _only(text: pa.Array, good: pa.Array) -> pa.Array:
    return pc.if_else(pc.fill_null(good, False), text, pa.scalar(None, pa.string()))


def _integer(text: pa.Array) -> pa.Array:
    good = _only(text, pc.match_substring_regex(text, _INTEGER))
    # Arrow does not read a plus sign, nor a point
    bare = pc.replace_substring_regex(good, r"^\+|\.0*$", "")
    return bare.cast(pa.int64())


def _number(text: pa.Array) -> pa.Array:
    try:
        values = text.cast(pa.float64())
    except pa.ArrowInvalid:
        good = _only(text, pc.match_substring_regex(text, _NUMBER))
        values = good.cast(pa.float64())
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))


def _boolean(text: pa.Array) -> pa.Array:
    folded = pc.utf8_lower(text)
    false = pc.if_else(pc.is_in(folded, value_set=_FALSE), pa.scalar(False), pa.scalar(None, pa.bool_()))
    return pc.if_else(pc.is_in(folded, value_set=_TRUE), pa.scalar(True), false)


def _timestamp(text: pa.Array) -> pa.Array:
    # one spelling throughout is the rule, and Arrow reads it a hundred times faster than Python
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return text.cast(kind).cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            continue
    return pa.array([_moment(value) for value in text.to_pylist()], pa.timestamp("us"))


def _moment(text: str | None) -> datetime | None:
    """ISO 8601 → naive UTC; None when it is none."""
    # fromisoformat also reads bare digits such as 20260101, which are far more often a number in the wrong column
    if text is None or "-" not in text[1:8]:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None


def _same(text: pa.Array) -> pa.Array:
    return text


_TYPED: dict[str, Callable[[pa.Array], pa.Array]] = {
    "integer": _integer,
    "number": _number,
    "category": _same,
    "text": _same,
    "boolean": _boolean,
    "timestamp": _timestamp,
}
_WHAT = {
    "integer": "an integer",
    "number": "a finite number with a decimal point",
    "category": "a category",
    "text": "text",
    "boolean": "true or false (or t/f, yes/no, y/n, 1/0)",
    "timestamp": "an ISO 8601 date or time, such as 2026-01-31T12:30:00",
}
