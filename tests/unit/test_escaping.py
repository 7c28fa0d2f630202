"""Text of strangers: nothing acts, nothing hides, nothing is lost that could be kept."""

from __future__ import annotations

import csv
import html as stdlib_html
import io
import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.escaping import cell, html, short, visible, visible_json, visible_lines
from tests.browser import hostile

TEXT = st.text(st.characters(codec=None, categories=None))
SPREADSHEET = st.text(st.sampled_from("=+-@＝＋－＠'\" \t\r\n;,|a1.e\u200b\ufeff(!"), max_size=12)
NUMBERS = st.one_of(st.integers().map(str), st.floats(allow_nan=False, allow_infinity=False).map(repr))


@given(TEXT)
def test_visible_text_has_no_character_that_acts_or_hides(text: str) -> None:
    shown = visible(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    shown.encode("utf-8")
    assert visible(shown) == shown


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs", "Mn"])))
def test_plain_text_of_any_language_stays(text: str) -> None:
    assert visible(text) == text


@given(TEXT)
def test_lines_stay_lines(text: str) -> None:
    assert visible_lines(text).count("\n") == text.count("\n")


@given(TEXT)
def test_html_gives_the_visible_text_back_and_cannot_leave_its_place(text: str) -> None:
    escaped = html(text)
    assert not set("<>\"'") & set(escaped)
    assert stdlib_html.unescape(escaped) == visible(text)


@given(TEXT)
def test_json_stays_json(text: str) -> None:
    made = visible_json({"key": text})
    assert json.loads(made) == {"key": text}
    assert not [c for c in made if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c != "\n"]


@given(TEXT, st.integers(2, 50))
def test_a_short_text_is_short(text: str, limit: int) -> None:
    assert len(short(text, limit)) <= limit


def formula(text: str) -> bool:
    """What a spreadsheet may run: the worst of Excel, LibreOffice and Google, with whatever they strip in front."""
    stripped = unicodedata.normalize("NFKC", text).lstrip('\ufeff\u200b \t\r\n"“”\xa0')
    return stripped[:1] in ("=", "+", "-", "@") and not number(text)


def number(text: str) -> bool:
    return re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", text) is not None


@given(st.one_of(SPREADSHEET, TEXT))
def test_no_cell_is_a_formula(text: str) -> None:
    made = cell(text)
    assert not formula(made)
    # nor what another locale's separators, or a line break, would make cells of
    for part in re.split("[;\t\r\n]", made)[1:]:
        assert not formula(part) or made == text, part


@given(st.one_of(SPREADSHEET, TEXT))
def test_a_cell_only_ever_gains_apostrophes(text: str) -> None:
    made = cell(text)
    rest = iter(made)
    assert all(character in rest for character in text)
    assert len(made) - len(text) == made.count("'") - text.count("'")


@given(NUMBERS)
def test_numbers_stay_numbers(text: str) -> None:
    assert cell(text) == text


@pytest.mark.parametrize(
    "text", ["", "red dress", "a-b", "3 - 4", "x=1", "2026-01-31", "mail@example.org", "a, -b", "1e-5"]
)
def test_harmless_cells_stay(text: str) -> None:
    assert cell(text) == text


@pytest.mark.parametrize("text", hostile._FORMULAS)
def test_every_known_formula_is_neutralised(text: str) -> None:
    assert cell(text) != text
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([cell(text)])
    [[read]] = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert not formula(read)
