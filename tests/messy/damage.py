"""What may be wrong with a record of a generated file, and which readings of it are still right.

To add a damage, write a function and a line in DAMAGES. It returns the record's text, and says in `row.readings`
what may be accepted for it: nothing, if it must be quarantined. It returns None where it does not fit the record.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.messy.tables import Column

if TYPE_CHECKING:
    from tests.messy.generated import Row, Style

BAD_BYTE = "\ue000"
"""Stands for bytes that are not UTF-8 until the text is encoded."""
STRUCTURAL = ("open quote", "text after a quote", "stray quote")
"""After these, the end of a record is a matter of opinion."""
LINES = ("repeated header", "comment", "blank cells", "blank line")
"""A line stands before the record, which is itself whole."""


@dataclass
class Draft:
    """A record before it is written: `texts` as the file has them, `joint` between two, `tail` after the last."""

    rng: random.Random
    row: Row
    texts: list[str]
    table: list[Column]
    style: Style
    joint: str
    tail: str
    header: str
    line_end: str

    def text(self, texts: list[str] | None = None) -> str:
        return self.joint.join(self.texts if texts is None else texts) + self.tail

    def plain_text(self) -> int | None:
        """Draws a text cell that is neither quoted nor empty."""
        fine = [
            at
            for at, column in enumerate(self.table)
            if at and column.type == "text" and self.texts[at].strip() and self.texts[at] == self.row.cells[at].text
        ]
        return self.rng.choice(fine) if fine else None

    def reading(self, at: int, text: str) -> list[Any]:
        return [text if i == at else one.value for i, one in enumerate(self.row.cells)]

    def line_before(self, line: str) -> str:
        self.row.line += 1
        return line + self.line_end + self.text()


def damaged(draft: Draft) -> str:
    """The record's text with one damage drawn; whole, where that damage does not fit it."""
    kind = draft.rng.choice(sorted(DAMAGES))
    readings, texts = draft.row.readings, list(draft.texts)
    text = DAMAGES[kind](draft)
    if text is None:
        draft.row.readings, draft.texts = readings, texts
        return draft.text()
    draft.row.damage = kind
    return text


def spoiled(body: bytes) -> bytes:
    return body.replace(BAD_BYTE.encode(), b"\xff\xfe\xfa")


def _short_at_the_end(draft: Draft) -> str | None:
    draft.row.readings = []
    return None if draft.tail else draft.text(draft.texts[:-1])


def _short_in_the_middle(draft: Draft) -> str | None:
    texts, draft.row.readings = draft.texts, []
    if len(texts) < 3 or draft.tail:
        return None
    at = draft.rng.randrange(1, len(texts) - 1)
    if draft.style.quote in texts[at] + texts[at + 1]:
        return None
    return draft.text([*texts[:at], texts[at] + texts[at + 1], *texts[at + 2 :]])


def _long(draft: Draft) -> str | None:
    at, draft.row.readings = draft.rng.randrange(1, len(draft.texts)), []
    return None if draft.tail else draft.text([*draft.texts[:at], "extra", *draft.texts[at:]])


def _in_a_text(draft: Draft, change: Callable[[str], str], readable: bool) -> str | None:
    at = draft.plain_text()
    if at is None:
        return None
    draft.texts[at] = change(draft.texts[at])
    draft.row.readings = [draft.reading(at, draft.texts[at])] if readable else []
    return draft.text()


def _stray_quote(draft: Draft) -> str | None:
    return _in_a_text(draft, lambda text: text[:1] + draft.style.quote + text[1:], readable=True)


def _open_quote(draft: Draft) -> str | None:
    if any(draft.style.quote in text for text in draft.texts):
        # the next quote would close it, and the row could be read in two ways
        return None
    return _in_a_text(draft, lambda text: draft.style.quote + text, readable=True)


def _text_after_a_quote(draft: Draft) -> str | None:
    quote = draft.style.quote
    return _in_a_text(draft, lambda text: quote + text + quote + "x", readable=False)


def _nul(draft: Draft) -> str | None:
    return _in_a_text(draft, lambda text: text + "\0z", readable=True)


def _bad_byte(draft: Draft) -> str | None:
    if draft.style.encoding not in ("utf-8", "utf-8-sig"):
        return None
    return _in_a_text(draft, lambda text: text + BAD_BYTE, readable=False)


def _typed(draft: Draft, kinds: tuple[str, ...], texts: list[str]) -> str | None:
    at = [i for i, column in enumerate(draft.table) if column.type in kinds]
    if not at:
        return None
    draft.texts[draft.rng.choice(at)] = draft.rng.choice(texts)
    draft.row.readings = []
    return draft.text()


def _bad_type(draft: Draft) -> str | None:
    return _typed(draft, ("integer", "number", "boolean", "timestamp"), ["abc", "12abc", "2026-13-45", "1-2", "0x1F"])


def _overflow(draft: Draft) -> str | None:
    return _typed(draft, ("integer",), ["9223372036854775808", "-9223372036854775809", "9" * 30])


def _blank_line(draft: Draft) -> str | None:
    return draft.line_before("")


def _blank_cells(draft: Draft) -> str | None:
    return draft.line_before(draft.text([""] * len(draft.texts)))


def _repeated_header(draft: Draft) -> str | None:
    return draft.line_before(draft.header) if draft.style.header else None


def _comment(draft: Draft) -> str | None:
    return draft.line_before("#a-comment")


DAMAGES: dict[str, Callable[[Draft], str | None]] = {
    "short at the end": _short_at_the_end,
    "short in the middle": _short_in_the_middle,
    "long": _long,
    "stray quote": _stray_quote,
    "open quote": _open_quote,
    "text after a quote": _text_after_a_quote,
    "NUL": _nul,
    "bad byte": _bad_byte,
    "bad type": _bad_type,
    "overflow": _overflow,
    "blank line": _blank_line,
    "blank cells": _blank_cells,
    "repeated header": _repeated_header,
    "comment": _comment,
}
