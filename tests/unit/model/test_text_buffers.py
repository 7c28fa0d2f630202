"""What is said of texts by their bytes is what a look at each of them says, or no."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sluice.model.text_buffers import are_category_names, none_is_blank, offsets_and_bytes
from sluice.model.values import category_text, is_missing

ODD = ["", " ", "a ", "\ta", "TRUE", "false", "3.0", "-0.0", "1.50", "\x85", "a\u3000", "é", "\x00", "\x1f", "\x7f"]
TEXTS = st.lists(st.text(max_size=5) | st.sampled_from([*ODD, "ads", "a b", "10"]), max_size=6)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(0, 3))
@example(["ads", "TRUE"], 0)
def test_yes_is_certain(texts: list[str], start: int) -> None:
    array = pa.array(texts, pa.string())[start:]
    texts = texts[start:]
    if none_is_blank(array):
        assert not any(is_missing(text) for text in texts)
    if are_category_names(array):
        assert not any(is_missing(text) or category_text(text) != text for text in texts)
    offsets, body = offsets_and_bytes(array)
    assert [body[a:b].tobytes().decode() for a, b in pairwise(offsets)] == texts


@pytest.mark.parametrize("texts", [[], ["ads"], ["city 1", "city 2", "São Paulo"], ["1", "007", "1.10"]])
def test_usual_categories_need_no_closer_look(texts: list[str]) -> None:
    array = pa.array(texts, pa.string())
    assert none_is_blank(array)
    assert are_category_names(array)


@pytest.mark.parametrize("texts", [["ads", None], ["ads", ""], ["ads", " "]])
def test_what_is_missing_takes_a_closer_look(texts: list[str | None]) -> None:
    array = pa.array(texts, pa.string())
    assert not none_is_blank(array)
    assert not are_category_names(array)
