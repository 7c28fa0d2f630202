"""What a value means: the one definition that intake, training, serving, batch, captures and labels share.

| type | text that is a value | typed value |
|---|---|---|
| integer | `12`, `+12`, `12.0`, no exponent: a whole number below 2^63 in magnitude | int |
| number | decimal or exponent notation, finite as a double | float |
| boolean | true/false, t/f, yes/no, y/n, 1/0, 1.0/0.0, in any case | bool |
| timestamp | an ISO 8601 date or time; without an offset it is UTC | datetime in UTC |
| category | any text, in the form that `category_text` gives it | str |
| text | any text, unchanged | str |

Blanks around a value do not count (except in a text column). Nothing, blanks only, and the column's own missing markers
are missing: None. A string in JSON means what the same text means in CSV. A number in JSON or Parquet is a number
whatever its spelling: reading formats do not apply to it, NaN is missing, and infinity is refused in every column. A
number of 32 or 16 bits in Parquet is the shortest decimal that gives it back: 0.1, not 0.10000000149011612.

Messages never quote a value. Pure Python, since it is also shipped to the containers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

Typed = int | float | bool | str | datetime

BLANKS = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})
INTEGER_LIMIT = 2**63
"""An integer is smaller than this in magnitude, so that 64 bits hold it and its negative."""
NO_LABEL = frozenset({"na", "n/a", "#n/a", "nan", "null", "none", "nil", "unknown", "?", "-", "--", "."})
"""Spellings, in lower case, of a label that is not known yet, unless they are a value of the target."""
WHAT = {
    "integer": "an integer of at most 64 bits",
    "number": "a finite number with a decimal point",
    "boolean": "true or false (or t/f, yes/no, y/n, 1/0)",
    "timestamp": "an ISO 8601 date or time, such as 2026-01-31T12:30:00",
    "category": "a category (text, a finite number or a boolean)",
    "text": "text",
}
_DIGITS = re.compile(r"([+-]?[0-9]+)(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+")
# Python also reads bare digits such as 20260101, which are far more often a number in the wrong column; an hour of that
# day in 2026-01-31+02:00 (a date with a zone, as XML has it) and 2026-01-31/05; and 12.5 hours as 12:00:00.5
_TIMESTAMP = re.compile(
    r"[0-9]{4}-(?:[0-9]{2}-[0-9]{2}|W[0-9]{2}(?:-[0-9])?)"
    rf"(?:[Tt_{BLANKS}][0-9]{{2}}(?::?[0-9]{{2}}(?::?[0-9]{{2}}(?:[.,][0-9]+)?)?)?(?:[{BLANKS}]*[Z+-].*)?)?",
    re.DOTALL,
)
_SPACES = " \xa0\u2009\u202f"


@dataclass(frozen=True)
class Reading:
    """How the text of a column is written: the contract's `missing`, `decimal`, … of a column or of `data.format`."""

    missing: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str = ""
    percent: bool = False
    currency: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()

    @classmethod
    def of(cls, column: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> Reading:
        """From a contract's column as plain JSON. `defaults`: `data.format`, for what the column leaves out."""
        names = _READ_BY[column["type"]]
        chosen = {name: column[name] if column.get(name) is not None else (defaults or {}).get(name) for name in names}
        return cls.from_json({name: value for name, value in chosen.items() if value is not None})

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Reading:
        known = {field.name for field in fields(cls)}
        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in state.items() if k in known}
        return cls(**given)

    def to_json(self) -> dict[str, Any]:
        """What differs from the default, as plain JSON."""
        told = asdict(self)
        return {
            field.name: list(told[field.name]) if isinstance(told[field.name], tuple) else told[field.name]
            for field in fields(self)
            if told[field.name] != field.default
        }

    @cached_property
    def markers(self) -> frozenset[str]:
        """Texts that are missing, without blanks around them, also as categories are written."""
        found = {marker.strip(BLANKS) for marker in self.missing}
        return frozenset(found | {category_text(marker) for marker in found})

    @cached_property
    def missing_numbers(self) -> frozenset[float]:
        """Numbers that are missing, such as -999, however they are spelled: of markers in the spelling of JSON."""
        found = [marker for marker in self.markers if _NUMBER.fullmatch(marker) and math.isfinite(float(marker))]
        return frozenset(float(marker) for marker in found if number_text(float(marker)) == marker)

    @cached_property
    def missing_times(self) -> frozenset[datetime]:
        """Times that are missing, such as 1900-01-01, however they are written: of markers in ISO 8601 or `dates`."""
        found = (_moment(marker, reading) for marker in self.markers for reading in (self, PLAIN))
        return frozenset(moment for moment in found if moment)

    @cached_property
    def missing_truths(self) -> frozenset[bool]:
        """True or false, where a marker is that word: 1 and `yes` are missing then, too."""
        return frozenset(truth for truth in (True, False) if category_text(truth) in self.markers)

    @cached_property
    def only_text_is_missing(self) -> bool:
        """True if no number and no boolean is a missing marker."""
        return not self.missing_numbers and not self.missing_truths

    @cached_property
    def plain(self) -> bool:
        """True if numbers are written as in JSON."""
        return self.decimal == "." and not (self.thousands or self.percent or self.currency)


PLAIN = Reading()
_READ_BY = {
    "integer": ("missing", "decimal", "thousands", "currency"),
    "number": ("missing", "decimal", "thousands", "currency", "percent"),
    "timestamp": ("missing", "dates"),
    "boolean": ("missing",),
    "category": ("missing",),
    "text": ("missing",),
}
"""What of a reading format has a meaning for a column of this type."""


def read_by(kind: str) -> tuple[str, ...]:
    """The reading options that have a meaning for a column of this type."""
    return _READ_BY[kind]


def date_pattern_violation(pattern: str) -> str | None:
    """What is wrong with a strptime pattern, if anything: it must say at least year, month and day."""
    sample = datetime(2031, 12, 28, 13, 45, 56, tzinfo=UTC)
    try:
        found = datetime.strptime(sample.strftime(pattern), pattern)
    except ValueError as error:
        return f"{pattern!r} is not a strptime pattern ({error}); write one like %d.%m.%Y"
    if (found.year, found.month, found.day) != (2031, 12, 28):
        return f"{pattern!r} does not say year, month and day; write one like %d.%m.%Y"
    return None


def truth(text: str) -> bool | None:
    """What a text says as a boolean; None if it is neither true nor false."""
    folded = text.strip(BLANKS).lower()
    return True if folded in TRUE else False if folded in FALSE else None


def has_half(text: str) -> bool:
    """True if half of a character is in the text, a surrogate without the other one."""
    if text.isascii():
        return False
    try:
        text.encode()  # ten times as fast as a search
    except UnicodeEncodeError:
        return True
    return False


def finite(value: Any) -> float | None:
    """A finite number as a float; None for NaN, infinity, text, booleans and integers beyond a double."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def number_text(value: float | Decimal) -> str:
    """A finite number in digits, without an exponent and without `.0`: `40000000002`, `0.00001`, `3`."""
    if isinstance(value, int):
        return str(value)
    text = format(value if isinstance(value, Decimal) else Decimal(repr(float(value))), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def category_text(value: Any) -> str:
    """The text under which a category is known, from whatever source: `ads`, `true`, `3`, and never `3.0`.

    Text loses the blanks around it; TRUE and False are written small, as JSON has them. Any other text stays unchanged:
    `1.10`, `007` and `1e3` may be versions, codes and names.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return number_text(value)
    text = str(value).strip(BLANKS)
    if len(text) <= 5 and (folded := text.lower()) in ("true", "false"):
        return folded
    if text.endswith("0") and (whole := _WHOLE.fullmatch(text)):
        return "0" if whole[1] == "-0" else whole[1]
    return text


def is_missing(value: Any, reading: Reading = PLAIN) -> bool:
    """True for None, NaN, text of nothing but blanks, and the column's missing markers."""
    if value is None:
        return True
    if isinstance(value, str):
        text = value.strip(BLANKS)
        return text == "" or text in reading.markers
    if isinstance(value, bool):
        return category_text(value) in reading.markers
    return isinstance(value, int | float) and (value != value or value in reading.missing_numbers)


def parse_text(text: str, kind: str, reading: Reading = PLAIN) -> Typed | None:
    """The value of a text in a column of this type; None if it is missing.

    Raises ValueError, whose message says what is expected and never quotes the text.
    """
    if is_missing(text, reading):
        return None
    if kind != "text" and reading.missing and category_text(text) in reading.markers:
        return None
    value = _FROM_TEXT[kind](text, reading)
    if not reading.missing:
        return value
    absent = _NAMED_AS_MISSING.get(kind)
    return None if absent and value in absent(reading) else value


def parse_json(value: Any, kind: str, reading: Reading = PLAIN) -> Typed | None:
    """The value of a JSON value in a column of this type; None if it is missing. Raises ValueError like `parse_text`.

    A string is read as text. A number is taken by value, whatever the column's reading format.
    """
    if isinstance(value, str):
        return parse_text(value, kind, reading)
    if is_missing(value, reading):
        return None
    if isinstance(value, bool):
        if kind == "boolean":
            return value
        if kind in ("category", "text"):
            return category_text(value)
    elif (number := finite(value)) is not None:
        if kind == "number":
            return number
        if kind == "integer":
            return _whole(value)
        if kind in ("category", "text"):
            return number_text(value)
        if kind == "boolean" and number in (0.0, 1.0):
            return None if (said := number == 1.0) in reading.missing_truths else said
    raise ValueError(f"is not {WHAT[kind]}")


def canonical_text(value: Typed) -> str:
    """The one text of a typed value, which `parse_text` reads as the same value. Identities are compared by it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, bool | int | float):
        return category_text(value)
    return value


def parse_label(
    value: Any, kind: str, reading: Reading = PLAIN, known: Collection[Typed] | None = None
) -> Typed | None:
    """The label that a text or a JSON value is for a target of this type; None if it is not a label.

    `known` are the target's possible labels, where they are known: anything else is not a label.
    """
    try:
        label = parse_json(value, kind, reading)
    except ValueError:
        return None
    if label is None or known is None or any(same_label(label, one) for one in known):
        return label
    return None


def same_label(one: Typed, other: Typed) -> bool:
    """Whether two typed labels are the same: 3 is 3.0, but neither `true` nor the text 3."""
    if isinstance(one, bool | str) or isinstance(other, bool | str):
        return type(one) is type(other) and one == other
    return one == other


def is_positive(label: Any, positive: Any, kind: str) -> bool:
    """Whether a label (typed, text or JSON) is the contract's `positive` of a target of this type.

    Raises ValueError for a label that is none: it says neither yes nor no. Read it with `parse_label` first.
    """
    typed = parse_json(label, kind)
    if typed is None:
        raise ValueError("is no label")
    try:
        wanted = parse_json(positive, kind)
    except ValueError:
        return False
    return wanted is not None and same_label(typed, wanted)


def plain_number(text: str, reading: Reading) -> str:
    """A number as JSON would write it, from text in the column's reading format. Raises ValueError."""
    text = text.strip(BLANKS)
    if reading.plain:
        return text
    sign = ""
    exponent = ""

    def take_sign() -> None:
        nonlocal text, sign
        if not sign and text[:1] in ("+", "-"):
            sign, text = text[0], text[1:].lstrip(BLANKS)

    take_sign()
    for symbol in sorted(reading.currency, key=len, reverse=True):
        if text.startswith(symbol):
            text = text.removeprefix(symbol).lstrip(BLANKS)
            break
        if text.endswith(symbol):
            text = text.removesuffix(symbol).rstrip(BLANKS)
            break
    take_sign()
    if reading.percent:
        if not text.endswith("%"):
            raise ValueError("is not a number with a percent sign")
        text = text.removesuffix("%").rstrip(BLANKS)
    if found := re.fullmatch(r"(.*)[eE]([+-]?[0-9]{1,5})", text, re.DOTALL):
        text, exponent = found[1], found[2]
    whole, point, fraction = text.partition(reading.decimal)
    if reading.thousands and whole and not whole.isdecimal():
        groups = re.split(f"[{_SPACES}]" if reading.thousands in _SPACES else re.escape(reading.thousands), whole)
        # a number begins with no 0 before its thousands: 0,123 is a decimal of another format
        if not 1 <= len(groups[0]) <= 3 or groups[0][0] == "0" or any(len(group) != 3 for group in groups[1:]):
            raise ValueError("has thousands separators that do not group three digits")
        whole = "".join(groups)
    if not re.fullmatch(r"[0-9]*", whole) or not re.fullmatch(r"[0-9]*", fraction) or not whole + fraction:
        raise ValueError("is not a number in the column's format")
    power = int(exponent or 0) - (2 if reading.percent else 0)
    return f"{sign}{whole}{'.' if point else ''}{fraction}" + (f"e{power}" if power else "")


def _number(text: str, reading: Reading) -> float:
    text = plain_number(text, reading)
    if _NUMBER.fullmatch(text) and math.isfinite(value := float(text)):
        return value
    raise ValueError(f"is not {WHAT['number']}")


def _integer(text: str, reading: Reading) -> int:
    text = plain_number(text, reading)
    if len(text) < 4000 and (found := _DIGITS.fullmatch(text)):  # Python reads no longer ones
        return _whole(int(found[1]))
    raise ValueError(f"is not {WHAT['integer']}")


def _whole(value: float) -> int:
    if value != math.floor(value) or abs(value) >= INTEGER_LIMIT:
        raise ValueError(f"is not {WHAT['integer']}")
    return int(number_text(value))  # the digits that were written, of which a large double has a few less


def _boolean(text: str, reading: Reading) -> bool:
    if (value := truth(text)) is None:
        raise ValueError(f"is not {WHAT['boolean']}")
    return value


def _timestamp(text: str, reading: Reading) -> datetime:
    text = text.strip(BLANKS)
    for pattern in reading.dates:
        try:
            return _in_utc(datetime.strptime(text, pattern))
        except (ValueError, OverflowError):
            continue
    if reading.dates:
        raise ValueError("is not a date or time in the column's format")
    try:
        if _TIMESTAMP.fullmatch(text):
            return _in_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):  # the first or last hours of the calendar, in another zone
        pass
    raise ValueError(f"is not {WHAT['timestamp']}")


def _category(text: str, reading: Reading) -> str:
    return category_text(_characters(text))


def _characters(text: str, reading: Reading = PLAIN) -> str:
    """The text, unless half of a character is in it, which JSON can write as \\ud800 and no file can hold."""
    if has_half(text):
        raise ValueError("has half of a character (a surrogate without the other one)")
    return text


def _moment(text: str, reading: Reading) -> datetime | None:
    try:
        return _timestamp(text, reading)
    except ValueError:
        return None


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


_NAMED_AS_MISSING: dict[str, Callable[[Reading], frozenset[Any]]] = {
    "integer": lambda reading: reading.missing_numbers,
    "number": lambda reading: reading.missing_numbers,
    "boolean": lambda reading: reading.missing_truths,
    "timestamp": lambda reading: reading.missing_times,
}
"""The values of a type that missing markers name, in whichever spelling."""
_FROM_TEXT: dict[str, Callable[[str, Reading], Typed]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "category": _category,
    "text": _characters,
}
