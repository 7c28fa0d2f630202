from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.model.csv_records import PADDED, Quoting, read_record, read_records


def records(text: str, delimiter: str = ",") -> list[list[str]] | None:
    """None where the quoting is refused."""
    try:
        return list(read_records(io.StringIO(text, newline=""), delimiter))
    except csv.Error:
        return None


@settings(max_examples=600, deadline=None)
@given(text=st.text(st.sampled_from('ab ,;"\n\r'), max_size=40), delimiter=st.sampled_from(",;"))
def test_agrees_with_pythons_reader_where_that_has_no_limit(text: str, delimiter: str) -> None:
    try:
        expected = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row]
    except csv.Error:
        assert records(text, delimiter) is None
    else:
        assert records(text, delimiter) == expected


def test_a_field_may_be_longer_than_the_limit_of_the_process() -> None:
    text = "x" * (csv.field_size_limit() + 1)
    assert records(f'a,"{text}"\n{text},b\n') == [["a", text], [text, "b"]]


@settings(max_examples=200)
@given(st.lists(st.lists(st.text(max_size=6), min_size=1, max_size=4), min_size=1, max_size=5))
def test_reads_what_pythons_writer_wrote(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    assert records(out.getvalue()) == rows


def test_says_when_no_line_is_left() -> None:
    none: Iterator[str] = iter(())
    with pytest.raises(StopIteration):
        read_record(none)


def test_a_carriage_return_in_the_middle_of_a_line_is_refused() -> None:
    with pytest.raises(csv.Error, match="carriage return"):
        read_record(iter(["a\rb,c\n"]))


CELL = st.text(st.sampled_from("ab ,;'\"\\\n"), max_size=5)
ROWS = st.lists(st.lists(CELL, min_size=2, max_size=4), min_size=1, max_size=4)


def read_all(text: str, quoting: Quoting, delimiter: str = ",") -> list[list[str]]:
    lines = io.StringIO(text, newline="")
    found = []
    while True:
        try:
            found.append(read_record(lines, delimiter, quoting))
        except StopIteration:
            return [record for record in found if record]


@settings(max_examples=200, deadline=None)
@given(rows=ROWS, quote=st.sampled_from("\"'"), padded=st.booleans(), style=st.integers(0, 3))
def test_reads_what_was_written_with_other_signs(rows: list[list[str]], quote: str, padded: bool, style: int) -> None:
    """Quotes that are doubled or escaped, blanks beside delimiters; without a word on padding, blanks are kept."""

    def written(cell: str) -> str:
        inner = cell.replace("\\", "\\\\").replace(quote, quote * 2 if style & 1 else "\\" + quote)
        return f"{' ' * padded}{quote}{inner}{quote}{'  ' * padded}"

    text = "".join(",".join(map(written, row)) + "\n" for row in rows)
    assert read_all(text, Quoting(quote, "\\", padded)) == rows
    if not any(quote in cell or "\\" in cell for row in rows for cell in row):
        assert read_all(text, Quoting(quote, None, padded)) == rows


@settings(max_examples=600, deadline=None)
@given(text=st.text(st.sampled_from('ab ,"\\\n'), max_size=30), escape=st.sampled_from([None, "\\"]))
def test_agrees_with_pythons_reader_of_padded_and_escaped_fields(text: str, escape: str | None) -> None:
    """Where Python reads the text at all, strictly; it drops the blanks before each field, quoted or not."""
    told = {"strict": True, "escapechar": escape, "skipinitialspace": True}
    try:
        expected = [row for row in csv.reader(io.StringIO(text, newline=""), **told) if row]  # type: ignore[arg-type]
        found = read_all(text, Quoting('"', escape, padded=True))
    except csv.Error:
        return
    if all(line.strip() or not line for line in text.split("\n")):
        assert [[cell.lstrip(" ") for cell in row] for row in found] == [
            [cell.lstrip(" ") for cell in row] for row in expected
        ]


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('1, "a, b"\n', ["1", "a, b"]),
        ('1,\t"a" ,2', ["1", "a", "2"]),
        ('1, a "b"\n', ["1", ' a "b"']),
        ('1, "a\nb", c\n', ["1", "a\nb", " c"]),
    ],
)
def test_blanks_beside_quotes_do_not_count_where_the_quotes_enclose_the_field(line: str, cells: list[str]) -> None:
    assert read_all(line, PADDED) == [cells]


def test_text_behind_a_padded_quote_is_refused() -> None:
    with pytest.raises(csv.Error, match="expected after"):
        read_all('1, "a" b, c\n', PADDED)


@pytest.mark.parametrize("text", ["a\\", "a\\\n", "a,\\\r\n"])
def test_an_escape_character_with_nothing_behind_it_is_refused(text: str) -> None:
    with pytest.raises(csv.Error, match="ends with an escape character"):
        read_all(text, Quoting(escape="\\"))
