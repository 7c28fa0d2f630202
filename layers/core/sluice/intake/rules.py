"""One column of text to typed values, and which rows break which rule. All of it column by column in Arrow.

What a text means is said in `sluice.model.values`, and every value is read there that is not of the usual spelling.
The usual spellings take a short way through Arrow, which a property test holds to the same values. `NA`, `null`, `-`
and the like are values unless the contract names them as missing, since Sluice does not guess: they pass in a text
column, and elsewhere the row is quarantined and says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sluice.contract.models import Column
from sluice.intake.nearest_value import NearestValue
from sluice.model.text_buffers import are_category_names, none_is_blank
from sluice.model.values import PLAIN, WHAT, Reading, parse_text

ARROW_TYPES: dict[str, pa.DataType] = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "category": pa.string(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}
_NOTHING = pa.scalar(None, pa.string())
_INTEGER = r"^[+-]?\d{1,18}(\.0*)?$"
_NUMBER = r"^[+-]?\d{1,300}(\.\d{1,300})?$"
_TIME = r"^[12]\d{3}-\d\d-\d\d([T ]\d\d:\d\d:\d\d(\.\d{1,6})?)?$"
_ZONED_TIME = r"^[12]\d{3}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$"
_OTHER_CATEGORY = r"^(-?(0|[1-9]\d*)\.0+|(?i:true|false))$"


@dataclass(frozen=True)
class Violation:
    """Rows (a boolean mask) that break one rule of one column, or of the row as a whole."""

    column: str | None
    rule: str
    message: str
    mask: pa.Array
    nearest: Callable[[str], str] | None = None
    """What to add to the message for a row, by its text."""


def judge(
    name: str,
    column: Column,
    text: pa.Array,
    *,
    key: bool,
    reading: Reading = PLAIN,
    native: pa.Array | bool = False,
) -> tuple[pa.Array, list[Violation]]:
    """Typed values of `text` (null where missing or refused) and what is wrong with it.

    `native`: the cells that were typed, not text, at their source, as a mask, or whether all were; the reading's
    formats do not apply to them. Values that the reader gave their type already are taken as they are, and text that is
    dictionary-encoded is judged once for each value that differs; a category's typed values are then encoded too.
    """
    if pa.types.is_dictionary(text.type):
        return _judge_coded(name, column, text, key, reading)
    if pa.types.is_timestamp(text.type) and text.type.tz:
        text = text.cast(ARROW_TYPES["timestamp"])
    # what came in the contract's type is a value or missing
    as_it_came = not pa.types.is_string(text.type) and not len(_named_as_missing(text.type, reading))
    typed, missing = (text, None) if as_it_came else typed_values(column.type, text, reading, native)
    violations: list[Violation] = []

    def broken(rule: str, message: str, mask: pa.Array, nearest: Callable[[str], str] | None = None) -> None:
        if mask.null_count:
            mask = pc.fill_null(mask, False)
        if pc.any(mask).as_py():
            violations.append(Violation(name, rule, message, mask, nearest))

    if typed.null_count:  # what is missing is null, too
        form = "" if _standard(reading) else ", or not in the format that the contract gives the column"
        if missing is None:
            missing = pc.is_null(typed)
        else:
            broken("type", f"is not {WHAT[column.type]}{form}", pc.and_(pc.is_null(typed), pc.invert(missing)))
        if key:
            broken("key", "is missing, but it identifies the row", missing)
        elif not column.nullable:
            broken("nullable", "is missing, but the contract says nullable: false", missing)
    if column.min is not None:
        broken("min", f"is less than {column.min:g}", pc.less(typed, _limit(typed, column.min, math.ceil)))
    if column.max is not None:
        broken("max", f"is greater than {column.max:g}", pc.greater(typed, _limit(typed, column.max, math.floor)))
    if column.known is not None:
        known = pc.is_in(typed, value_set=pa.array(sorted(column.known), pa.string()))
        other = pc.and_(pc.is_valid(typed), pc.invert(known))
        broken("values", "is not among the contract's values", other, NearestValue(column.known))
    return typed, violations


def _limit(typed: pa.Array, limit: float, whole: Callable[[float], int]) -> pa.Scalar:
    """Arrow compares no integer beyond 2^53 with a double, so the limit becomes an integer where the column is one."""
    if not pa.types.is_integer(typed.type):
        return pa.scalar(limit, pa.float64())
    return pa.scalar(max(-(2**63), min(whole(limit), 2**63 - 1)), pa.int64())


def _judge_coded(
    name: str, column: Column, coded: pa.Array, key: bool, reading: Reading
) -> tuple[pa.Array, list[Violation]]:
    texts, places = coded.dictionary, coded.indices
    if _passes_as_it_is(column, coded, key, reading):
        return coded, []
    if places.null_count:
        places = pc.fill_null(places, len(texts))
        texts = pa.concat_arrays([texts, pa.array([""])])
    typed, violations = judge(name, column, texts, key=key, reading=reading)
    if pa.types.is_string(typed.type):
        typed = typed.dictionary_encode()
        typed = pa.DictionaryArray.from_arrays(typed.indices.take(places), typed.dictionary)
    else:
        typed = typed.take(places)
    # a value may be in the dictionary and in no row of it
    spread = [replace(violation, mask=violation.mask.take(places)) for violation in violations]
    return typed, [violation for violation in spread if pc.any(violation.mask).as_py()]


def _passes_as_it_is(column: Column, coded: pa.Array, key: bool, reading: Reading) -> bool:
    """Whether each text of a dictionary is its own category, and no rule can be broken: seen by the texts' bytes."""
    if column.type != "category" or reading.missing or not are_category_names(coded.dictionary):
        return False
    if coded.null_count and (key or not column.nullable):
        return False
    return column.known is None or column.known.issuperset(coded.dictionary.to_pylist())


def typed_values(
    kind: str, text: pa.Array, reading: Reading = PLAIN, native: pa.Array | bool = False
) -> tuple[pa.Array, pa.Array]:
    """(typed values, null where missing or refused; which are missing) of a column of text."""
    if not pa.types.is_string(text.type):
        missing = pc.is_null(text) if text.null_count else _nowhere(text)
        return _without_missing_values(text, missing, reading)
    if kind == "category" and _standard(reading) and not reading.missing and are_category_names(text):
        return text, _nowhere(text)
    if kind == "text" and not reading.markers:
        if none_is_blank(text):
            return text, _nowhere(text)
        # all blanks, or nothing; a null is missing already
        missing = pc.or_(pc.utf8_is_space(text), pc.equal(pc.binary_length(text), 0))
        missing = pc.fill_null(missing, True)
        return (pc.if_else(missing, _NOTHING, text) if pc.any(missing).as_py() else text), missing
    text = pc.fill_null(text, "")
    trimmed = pc.utf8_trim_whitespace(text)
    missing = pc.equal(trimmed, "")
    if reading.markers:
        markers = pa.array(sorted(reading.markers), pa.string())
        missing = pc.or_(missing, pc.is_in(trimmed, value_set=markers))
        if kind != "text":
            missing = pc.or_(missing, pc.is_in(_category(trimmed), value_set=markers))
    plain = pc.if_else(missing, _NOTHING, text if kind == "text" else trimmed)
    if _standard(reading):
        typed = _standard_values(kind, plain)
    else:
        was_native = pa.repeat(pa.scalar(native), len(plain)) if isinstance(native, bool) else native
        formatted = pc.if_else(was_native, _NOTHING, plain)
        typed = pc.coalesce(
            mapped(formatted, lambda cell: _read(cell, kind, replace(reading, missing=())), ARROW_TYPES[kind]),
            _standard_values(kind, pc.if_else(was_native, plain, _NOTHING)),
        )
    return _without_missing_values(typed, missing, reading)


def _nowhere(values: pa.Array) -> pa.Array:
    return pa.repeat(pa.scalar(False), len(values))


def _without_missing_values(typed: pa.Array, missing: pa.Array, reading: Reading) -> tuple[pa.Array, pa.Array]:
    named = _named_as_missing(typed.type, reading)
    if len(named):
        values = typed.cast(named.type, safe=False)
        absent = pc.is_in(values, value_set=named)
        missing = pc.or_(missing, absent)
        typed = pc.if_else(absent, pa.scalar(None, typed.type), typed)
    return typed, missing


def _named_as_missing(kind: pa.DataType, reading: Reading) -> pa.Array:
    """The values of this type that the missing markers name, in whichever spelling."""
    if kind in (pa.int64(), pa.float64()):
        return pa.array(sorted(reading.missing_numbers), pa.float64())
    if pa.types.is_boolean(kind):
        return pa.array(sorted(reading.missing_truths), kind)
    if pa.types.is_timestamp(kind):
        return pa.array([moment.replace(tzinfo=None) for moment in sorted(reading.missing_times)], kind)
    return pa.array([], kind)


def mapped(text: pa.Array, read: Callable[[str], Any], kind: pa.DataType) -> pa.Array:
    """`read` of each text, called once for each that differs; null stays null."""
    coded = pc.dictionary_encode(text)
    found = pa.array([read(cell) for cell in coded.dictionary.to_pylist()], kind)
    return found.take(coded.indices)


def _standard(reading: Reading) -> bool:
    return reading.plain and not reading.dates


def _read(text: str, kind: str, reading: Reading) -> Any:
    """The value of a text as Arrow takes it; None where it is none."""
    try:
        value = parse_text(text, kind, reading)
    except ValueError:
        return None
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _standard_values(kind: str, text: pa.Array) -> pa.Array:
    """The usual spellings by Arrow, all others one by one."""
    typed = _USUAL[kind](text)
    rest = pc.and_(pc.is_null(typed), pc.is_valid(text))
    if not pc.any(rest).as_py():
        return typed
    others = mapped(pc.if_else(rest, text, _NOTHING), lambda cell: _read(cell, kind, PLAIN), ARROW_TYPES[kind])
    return pc.coalesce(typed, others)


def _only(text: pa.Array, pattern: str) -> pa.Array:
    return pc.if_else(pc.fill_null(pc.match_substring_regex(text, pattern), False), text, _NOTHING)


def _integer(text: pa.Array) -> pa.Array:
    # Arrow does not read a plus sign, nor a point
    return pc.replace_substring_regex(_only(text, _INTEGER), r"^\+|\.0*$", "").cast(pa.int64())


def _number(text: pa.Array) -> pa.Array:
    try:
        values = text.cast(pa.float64())
    except pa.ArrowInvalid:
        values = pc.replace_substring_regex(_only(text, _NUMBER), r"^\+", "").cast(pa.float64())
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))


def _timestamp(text: pa.Array) -> pa.Array:
    try:
        zoned = _only(text, _ZONED_TIME).cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
        return pc.coalesce(_only(text, _TIME).cast(pa.timestamp("us")), zoned)
    except pa.ArrowInvalid:  # one that looks like a time and is none, such as the 30th of February
        return pa.nulls(len(text), pa.timestamp("us"))


def _category(text: pa.Array) -> pa.Array:
    """Null stays null; text is trimmed already."""
    other = _only(text, _OTHER_CATEGORY)
    if other.null_count == len(other):
        return text
    return pc.coalesce(mapped(other, lambda cell: _read(cell, "category", PLAIN), pa.string()), text)


_USUAL: dict[str, Callable[[pa.Array], pa.Array]] = {
    "integer": _integer,
    "number": _number,
    "category": _category,
    "text": lambda text: text,
    "boolean": lambda text: mapped(text, lambda cell: _read(cell, "boolean", PLAIN), pa.bool_()),
    "timestamp": _timestamp,
}
