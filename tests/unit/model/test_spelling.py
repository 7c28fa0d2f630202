"""Folded spellings: what is alike and what is not, on every path that reads a category."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.model.encoder import Encoder
from sluice.model.preparation.categories import Places
from sluice.model.preparation.spelling import fold, folded
from sluice.model.schema import Schema
from sluice.model.values import parse_text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("New York", "new york"), ("New York", "NewYork"), ("New-York", "New_York"), ("Straße", "STRASSE"),
        ("São Paulo", "sao paulo"), ("St. Louis", "st louis"), ("U.S.", "us"), ("type 1", "Type-1"),
        ("O’Hare", "O'Hare"),
        ("12 kg", "12kg"), ("a/b", "a b"), ("Ελλάδα", "ΕΛΛΆΔΑ"),
    ],
)  # fmt: skip
def test_spellings_that_are_alike(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A-", "A"), ("A+", "A"), ("C", "C#"), ("C++", "C"), ("1.5", "15"), ("-1", "1"), ("1-2", "12"), ("<5", ">5"),
        ("5 %", "5"), ("и", "й"), ("Nwe York", "New York"), ("type 1", "type 2"), ("1 000", "1000"),
    ],
)  # fmt: skip
def test_spellings_that_are_not(one, other):
    assert fold(one) != fold(other)


@given(st.text(max_size=8) | st.text("aAäÄß-_. 1'ıİﬁǅ", max_size=8))
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)
    assert fold(text) or not text


def test_the_most_frequent_spelling_is_shown_whatever_the_order_of_rows():
    values = ["b b", "BB", "BB", "c", "B-B"]
    assert folded(values) == folded(values[::-1])
    assert folded(values).shown == {"bb": "BB", "c": "c"}
    assert folded(values)[1:] == (1, 3, 2)


TEXTS = st.sampled_from(
    ["New York", "new  york", "NEWYORK", "1.50", "1.5", "1e5", "1E5", "3.0", "3", "TRUE", "", " b ", "B."]
)


@given(st.lists(TEXTS, min_size=5, max_size=30), TEXTS | st.text(max_size=4), st.sampled_from(["one_hot", "ordinal"]))
def test_the_direct_path_finds_what_the_careful_one_finds(seen: list[str], text: str, encoding: str) -> None:
    schema = Schema({"c": "category"}, ("c",))
    rows: list[dict[str, Any]] = [{"c": parse_text(value, "category")} for value in seen]
    features = {"categories": {"encoding": encoding, "similar": "fold", "min_rows": 1}}
    encoder = Encoder.fit(schema, features, rows)
    careful = encoder.encode([{"c": parse_text(text, "category")}])[0]
    if encoding == "one_hot":
        assert careful[Places.one_hot(encoder.parts[0], 0, 1)[text]] == 1.0
    else:
        place = Places.of_column(encoder.parts[0], 0, lambda code: -1 if code != code else int(code))[text]
        assert place == (-1 if careful[0] != careful[0] else careful[0])
