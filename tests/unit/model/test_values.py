"""What a value means, type by type."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.model import values
from sluice.model.values import Reading, category_text, number_text, parse_json, parse_label, parse_text

EURO = Reading(missing=("NA", "-", "-999"), decimal=",", thousands=".", currency=("€", "EUR"))


def test_blanks_are_python_s_own() -> None:
    assert {chr(i) for i in range(0x110000) if chr(i).isspace()} == set(values.BLANKS)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (" 12 ", "integer", 12),
        ("+12", "integer", 12),
        ("12.0", "integer", 12),
        ("12345678901234567.0", "integer", 12345678901234567),
        ("999999999999999999", "integer", 999999999999999999),
        ("1.", "number", 1.0),
        (".5", "number", 0.5),
        ("-1E3", "number", -1000.0),
        ("T", "boolean", True),
        (" No ", "boolean", False),
        ("1.0", "boolean", True),
        ("0.0", "boolean", False),
        (" ads\t", "category", "ads"),
        ("TRUE", "category", "true"),
        ("3.00", "category", "3"),
        ("-0.0", "category", "0"),
        ("1.10", "category", "1.10"),
        ("007.0", "category", "007.0"),
        ("1e3", "category", "1e3"),
        (" a ", "text", " a "),
        ("2026-01-31", "timestamp", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", "timestamp", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31 1200Z", "timestamp", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31_12", "timestamp", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-W05-6t12:00:00,5", "timestamp", datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
        *((blank, kind, None) for blank in ("", " ", "\t\xa0") for kind in values.WHAT),
    ],
)
def test_text_that_is_a_value(text: str, kind: str, value: Any) -> None:
    found = parse_text(text, kind)
    assert (type(found), found) == (type(value), value)
    assert parse_json(text, kind) == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *((text, "number") for text in ("NaN", "inf", "1e400", "1,5", "0x1", "1_000", "١", "12 %", "true", "-", "NA")),
        *(
            (text, "integer")
            for text in ("12.5", "1e3", "9223372036854775808", "-9223372036854775808", "1e18", "NaN", "9" * 5000, "1_0")
        ),
        *((text, "boolean") for text in ("ja", "2", "1.00", "NA", "-1")),
        *((text, "timestamp") for text in ("20260131", "1767225600", "31.01.2026", "2026-02-30", "now")),
        # what Python's reader takes for an hour of the day, and is a zone, the end of an interval, or no time at all
        *((f"2026-01-31{rest}", "timestamp") for rest in ("+02:00", "-05:00", "-05", "/05", "-12.30", "x12", "112:30")),
        # a part of an hour or of a minute, which Python reads as a part of a second
        *((f"2026-01-31T{time}", "timestamp") for time in ("12.5", "12,5", "12:30.5", "1230.5", "12.30")),
        ("2026-W05+02:00", "timestamp"),
    ],
)
def test_text_that_is_none(text: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"^is not ") as caught:
        parse_text(text, kind)
    assert text not in str(caught.value) or len(text) < 3


@pytest.mark.parametrize(
    ("value", "kind", "meaning"),
    [
        (3, "number", 3.0),
        (3.0, "integer", 3),
        (3.0, "category", "3"),
        (True, "category", "true"),
        (40000000002.0, "text", "40000000002"),
        (1e23, "category", "1" + 23 * "0"),
        (1.0, "boolean", True),
        (0, "boolean", False),
        *((math.nan, kind, None) for kind in values.WHAT),
        *((None, kind, None) for kind in values.WHAT),
    ],
)
def test_json(value: Any, kind: str, meaning: Any) -> None:
    found = parse_json(value, kind)
    assert (type(found), found) == (type(meaning), meaning)


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63) + 1, 10**18])
def test_an_integer_has_64_bits(number: int) -> None:
    assert parse_text(str(number), "integer") == parse_json(number, "integer") == number
    with pytest.raises(ValueError, match="at most 64 bits"):
        parse_json(2**63, "integer")


@pytest.mark.parametrize("kind", values.WHAT)
@pytest.mark.parametrize("value", [[1], {}, math.inf, -math.inf, 10**400])
def test_what_no_column_takes(value: Any, kind: str) -> None:
    with pytest.raises(ValueError, match="is not "):
        parse_json(value, kind)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,5", 1234.5),
        ("1.234.567", 1234567.0),
        ("-12,50 €", -12.5),
        ("€ -3", -3.0),
        ("EUR 1.000", 1000.0),
        (",5", 0.5),
        ("-,5 €", -0.5),
        ("NA", None),
        (" - ", None),
        ("-999", None),
        ("-999,0", None),
    ],
)
def test_numbers_in_a_reading_format(text: str, value: float | None) -> None:
    assert parse_text(text, "number", EURO) == value


@pytest.mark.parametrize("text", ["12.5", "1.2.3", "1,2,3", "€", "€5€", "12 %", "--3", "1234.567", ".", ",", ".,5",
                                  "0.123", "-00.125", "01.234,5"])  # fmt: skip
def test_text_that_the_reading_format_does_not_have(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        parse_text(text, "number", EURO)


def test_a_number_in_json_is_no_text_but_may_be_a_missing_marker() -> None:
    assert parse_json(12.5, "number", EURO) == 12.5
    assert parse_json(-999, "number", EURO) is None
    assert parse_json("12,5", "number", EURO) == 12.5


def test_percent_and_dates() -> None:
    percent = Reading(percent=True)
    assert parse_text("12 %", "number", percent) == 0.12
    assert parse_text("-0.1%", "number", percent) == -0.001
    with pytest.raises(ValueError, match="percent"):
        parse_text("12", "number", percent)
    dates = Reading(dates=("%d.%m.%Y", "%Y%m%d"))
    assert parse_text("31.01.2026", "timestamp", dates) == parse_text("20260131", "timestamp", dates)
    with pytest.raises(ValueError, match="format"):
        parse_text("2026-01-31", "timestamp", dates)


def test_a_reading_travels_as_json() -> None:
    assert Reading.from_json(EURO.to_json()) == EURO
    assert Reading().to_json() == {}


@pytest.mark.parametrize("text", ["NA", "nan", "?", "", " "])
@pytest.mark.parametrize("kind", ["boolean", "integer", "number"])
def test_what_is_no_label(text: str, kind: str) -> None:
    assert parse_label(text, kind) is None


def test_a_word_means_in_labels_what_it_means_in_raw() -> None:
    """`none` may be a class."""
    assert parse_label("none", "category") == parse_text("none", "category") == "none"
    assert parse_label("none", "category", Reading(missing=("none",))) is None
    assert parse_label(" ", "category") is None


def test_labels() -> None:
    assert [parse_label(text, "boolean") for text in ("Y", "f", "1.0", "maybe")] == [True, False, True, None]
    assert parse_label("3.0", "category") == "3"
    assert parse_label("NA", "category", known=["NA", "EU"]) == "NA"
    assert parse_label("Mars", "category", known=["NA", "EU"]) is None
    assert values.is_positive("Y", True, "boolean")
    assert not values.is_positive("n", True, "boolean")
    assert values.is_positive("1.0", 1, "integer")
    assert values.is_positive("3.0", 3, "category")
    assert not values.is_positive("yes", "Yes", "category")
    with pytest.raises(ValueError, match="is no"):
        values.is_positive("", True, "boolean")


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70) | st.decimals(-(10**9), 10**9))
def test_digits_are_the_number(value: float | Decimal) -> None:
    text = number_text(value)
    assert set(text) <= set("-0123456789.")
    assert not text.endswith((".0", "."))
    assert Decimal(text) == (value if isinstance(value, int | Decimal) else Decimal(repr(value)))


@given(st.text(max_size=8) | st.from_regex(r"\A-?[0-9]{1,3}\.0{0,3}\Z"))
def test_a_category_has_one_text(text: str) -> None:
    assert category_text(category_text(text)) == category_text(text)


@given(st.sampled_from(list(values.WHAT)), st.text(max_size=12) | st.from_regex(r"\A[+-]?[0-9]{0,20}\.?[0-9]{0,3}\Z"))
def test_canonical_text_reads_as_the_same_value(kind: str, text: str) -> None:
    try:
        value = parse_text(text, kind)
    except ValueError:
        return
    if value is not None:
        assert parse_text(values.canonical_text(value), kind) == value
