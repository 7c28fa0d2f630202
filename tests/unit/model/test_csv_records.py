from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.model.csv_records import read_record, read_records


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
