"""Text of strangers made safe to show: column names, values, S3 keys, messages that quote them.

One function for each place where such text ends: `visible` for a terminal or a mail, `html` for a page, `cell` for a
spreadsheet. Harmless text stays unchanged.
"""

from __future__ import annotations

import html as _html
import json
import re
import unicodedata
from typing import Any

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_FORMULA = "=+\\-@＝＋－＠﹢﹣﹦﹫"
_BEFORE = "\\s\"'“”‘’`\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff"
# a spreadsheet of another locale splits cells at semicolons and tabs, and a line break begins a row for some
_STARTS = re.compile(f"(?:^|[;\t\r\n])[{_BEFORE}]*(?=[{_FORMULA}])")
_ESCAPED = re.compile(f"((?:^|[;\t\r\n])[{_BEFORE}]*)'(?=[{_FORMULA}])")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_STRAYS = "\t\r\n"


def visible(text: object) -> str:
    """One line in which nothing acts or hides: control, direction and other invisible characters become escapes.

    >>> visible("a\\x1b[31mb"), visible("sales\\u202excod.exe"), visible("naïve 日本 € 'x'")
    ('a\\\\x1b[31mb', 'sales\\\\u202excod.exe', "naïve 日本 € 'x'")
    """
    line = str(text)
    if line.isascii() and line.isprintable():
        return line
    return "".join(_escaped(character) if _hidden(character) else character for character in line)


def visible_lines(text: object) -> str:
    """`visible`, but line breaks (\\n) stay: for text of our own that quotes others' in single lines."""
    return "\n".join(visible(line) for line in str(text).split("\n"))


def visible_json(content: Any) -> str:
    """JSON for people, with JSON's own escapes for what would act or hide."""
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
    return "".join(json.dumps(c)[1:-1] if c != "\n" and _hidden(c) else c for c in text)


def short(text: object, limit: int = 120) -> str:
    """`visible`, cut to `limit` characters: a name of a thousand characters must not hide what stands beside it."""
    line = visible(text)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def html(text: object) -> str:
    """Text for an element's content or a quoted attribute. `sluice.page` calls it on everything.

    >>> html('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return _html.escape(visible(text), quote=True)


def cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before what would begin one.

    Numbers stay numbers.

    >>> cell("=1+1"), cell("-3.5"), cell(" @SUM(A1)"), cell("-"), cell("red dress")
    ("'=1+1", '-3.5', " '@SUM(A1)", "'-", 'red dress')
    """
    if _NUMBER.fullmatch(text):
        return text
    if text[:1] and text[0] in _STRAYS:
        text = "'" + text
    return _STARTS.sub(lambda found: f"{found[0]}'", text)


def uncell(text: str) -> str:
    """What `cell` made this cell of: the apostrophe before what would begin a formula is taken away.

    >>> uncell("'=1+1"), uncell(" '@SUM(A1)"), uncell("'-"), uncell("it's -3")
    ('=1+1', ' @SUM(A1)', '-', "it's -3")
    """
    if text[:1] == "'" and text[1:2] and text[1] in _STRAYS:
        text = text[1:]
    return _ESCAPED.sub(r"\1", text)


def _hidden(character: str) -> bool:
    # the last two code points of a plane are not characters
    return unicodedata.category(character) in _HIDDEN or ord(character) & 0xFFFE == 0xFFFE


def _escaped(character: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    code = ord(character)
    return short or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
