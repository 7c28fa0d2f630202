"""A value of one type as a value of another, as intake (`sluice.model.values`) converts it."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812 (Spark's own convention)

BLANK = r"[\t\n\x0b\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?"
CLOCK = (
    rf"(?:(?:[Tt_]|{BLANK})([0-9]{{2}})(?::?([0-9]{{2}})(?::?([0-9]{{2}})(?:[.,]([0-9]{{1,6}})[0-9]*)?)?)?"
    r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
TIMESTAMP = rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}){CLOCK}"
WEEK_DATE = r"([0-9]{4})-W([0-9]{2})(?:-([1-7])(?![0-9]))?"
INTEGER_LIMIT = 2**63
TRUE, FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")


def trimmed(text: Column) -> Column:
    """The text without the blanks around it, which are those of Python's `str.strip`."""
    return F.regexp_replace(text, rf"\A{BLANK}+|{BLANK}+\z", "")


def _matches(text: Column, pattern: str) -> Column:
    return text.rlike(rf"\A(?:{pattern})\z")


def _from_text(column: Column, kind: str) -> Column:
    text = trimmed(column)
    if kind == "text":
        return column
    if kind == "category":
        whole = F.regexp_replace(F.regexp_extract(text, r"\A(-?(?:0|[1-9][0-9]*))\.0+\z", 1), r"\A-0\z", "0")
        truth = F.lower(text).isin("true", "false")
        return F.when(truth, F.lower(text)).when(whole != "", whole).otherwise(text)
    if kind == "boolean":
        folded = F.lower(text)
        return F.when(folded.isin(*TRUE), True).when(folded.isin(*FALSE), False)
    if kind == "timestamp":
        text = _without_week_date(text)
        group = [F.regexp_extract(text, rf"(?s)\A{TIMESTAMP}\z", number) for number in range(7)]
        parts = [F.when(part == "", "00").otherwise(part) for part in group[2:6]]
        zone = F.when(
            F.length(group[6]) == 5, F.concat(F.substring(group[6], 1, 3), F.lit(":"), F.substring(group[6], 4, 2))
        )
        zone = zone.when(F.length(group[6]) == 3, F.concat(group[6], F.lit(":00"))).otherwise(group[6])
        clock = F.concat_ws(":", *parts[:3])
        moment = F.concat(group[1], F.lit(" "), clock, F.lit("."), parts[3], zone)
        return F.when(group[1] != "", moment.cast("timestamp").cast("timestamp_ntz"))
    number = F.when(_matches(text, NUMBER), text.cast("double"))
    number = F.when(F.abs(number) < float("inf"), number)
    if kind == "number":
        return number
    digits = F.regexp_extract(text, r"\A([+-]?[0-9]+)(?:\.0*)?\z", 1).cast("decimal(38,0)")
    return F.when(F.abs(digits) <= INTEGER_LIMIT - 1, digits.cast("bigint"))


def _without_week_date(text: Column) -> Column:
    """The text with the date of a week (2026-W05-1; Monday, where no day is said) as year, month and day."""
    group = [F.regexp_extract(text, rf"(?s)\A{WEEK_DATE}{CLOCK}\z", number) for number in range(4)]
    year, week = group[1].cast("int"), group[2].cast("int")
    day = F.when(group[3] == "", 1).otherwise(group[3].cast("int"))
    # 4 January is always in week 1
    fourth = F.make_date(F.when(year > 0, year), F.lit(1), F.lit(4))
    monday = F.date_add(fourth, (week - 1) * 7 - F.weekday(fourth))
    date = F.date_add(monday, day - 1)
    # a week belongs to the year of its Thursday: many years have no week 53
    there = (week > 0) & (F.year(F.date_add(monday, 3)) == year) & F.year(date).between(1, 9999)
    rest = F.regexp_replace(text, rf"\A{WEEK_DATE}", "")
    return F.when(group[0] == "", text).when(there, F.concat(F.date_format(date, "yyyy-MM-dd"), rest))


def _from_number(column: Column, kind: str) -> Column:
    if kind in ("category", "text"):
        return _number_text(column)
    if kind == "integer":
        return _whole(column)
    if kind == "boolean":
        return F.when(column == 1, True).when(column == 0, False)
    return F.when(F.abs(column) < float("inf"), column) if kind == "number" else F.lit(None)


def _from_integer(column: Column, kind: str) -> Column:
    if kind == "boolean":
        return F.when(column == 1, True).when(column == 0, False)
    return F.lit(None) if kind == "timestamp" else column


def _from_boolean(column: Column, kind: str) -> Column:
    return column if kind in ("boolean", "category", "text") else F.lit(None)


def _from_timestamp(column: Column, kind: str) -> Column:
    moment = column.cast("timestamp_ntz")
    if kind == "timestamp":
        return moment
    if kind not in ("category", "text"):
        return F.lit(None)
    # six digits of a second or none, as Python's isoformat has them
    micros = F.pmod(F.unix_micros(column.cast("timestamp")), F.lit(1_000_000))
    fraction = F.when(micros == 0, "").otherwise(F.concat(F.lit("."), F.lpad(micros.cast("string"), 6, "0")))
    return F.concat(F.date_format(column.cast("timestamp"), "yyyy-MM-dd'T'HH:mm:ss"), fraction, F.lit("Z"))


CONVERSIONS = {
    "text": _from_text,
    "number": _from_number,
    "integer": _from_integer,
    "boolean": _from_boolean,
    "timestamp": _from_timestamp,
}
"""From a type to another, by the contract's names: null where the value is none of that type."""


def _whole(number: Column) -> Column:
    return F.when((number == F.floor(number)) & (F.abs(number) < float(INTEGER_LIMIT)), number.cast("bigint"))


def _number_text(number: Column) -> Column:
    """A double in the fewest digits that mean it, without exponent and without `.0`, as `values.number_text` has it.

    Python writes it, because Java has other digits for some doubles: 4.9E-324 for 5e-324.
    """

    # a function within a function travels to Spark's workers by value: they need not have this module
    def shortest(value: float | None) -> str | None:
        from decimal import Decimal

        if value is None or value != value or value in (float("inf"), float("-inf")):
            return None
        text = format(Decimal(repr(value)), "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text

    return F.udf(shortest, "string")(number.cast("double"))
