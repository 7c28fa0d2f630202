"""Quotes are checked in pieces, with the same result as for the whole block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.intake import quotes

FIELDS = ['"a ""b"""', '"a"', '""', '"a\nb"', '"a,b"', "abc", "", "1"] * 4 + ['"', 'x"y', '"a"b', '""a"', 'a"']
TEXTS = st.lists(st.tuples(st.sampled_from(FIELDS), st.sampled_from([",", ",", "\n", "\r\n"])), max_size=60)


def expected(text: bytes) -> int | None:
    """The lines, by a look at each quote."""
    within = False
    for at, byte in enumerate(text):
        if byte != ord('"'):
            continue
        within = not within
        before, after = text[at - 1 : at] if at else b"\n", text[at + 1 : at + 2] or b"\n"
        if (before if within else after) not in (b",", b"\n", b'"', *([] if within else [b"\r"])):
            return None
    return None if within else text.count(b"\n")


@pytest.mark.parametrize("words", [1, 2, 16_384])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_pieces_of_any_size_give_the_same_answer(
    monkeypatch: pytest.MonkeyPatch, words: int, parts: list[tuple[str, str]]
) -> None:
    monkeypatch.setattr(quotes, "_PIECE", 64 * words)
    text = "".join(map("".join, parts)).encode()
    found = quotes.lines_of_whole_fields(np.frombuffer(text, np.uint8), ord('"'), ord(","), returns=b"\r" in text)
    assert found == expected(text)
