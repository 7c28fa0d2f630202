"""Random typed tables: what a file holds before it is written, so that the truth of every cell is known."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

KEY = "key"
WORDS = ("amber", "north", "Zürich", "café", "naïve", "x", "Total", "id", "0", "true", "2026-01-01", "1,5", "1.5")
MARKERS = ("NA", "null", "None", "nan", "-", "N/A", "?", "\\N", "#", "# note", "inf", "''", "=1+1", "<b>", "%s", "{}")
ODD = (
    "01234",
    "007",
    " padded ",
    "tab\there",
    "a\\b",
    "trailing\\",
    "back\\nslash",
    "\u00a0nbsp",
    "e\u0301",
    "\u200bzero",
)
UNICODE = ("日本", "中国人", "😀", "\u2028", "\x0b", "\x0c", "\x85", "\ufeffbom", "Ελλάδα", "\u202eright", "ﬁ")
INTEGERS = ("0", "7", "-3", "+7", "007", "42", "9007199254740993", "999999999999999999")
NUMBERS = ("0", "1.5", "-2.25", ".5", "1e3", "1E-5", "123456.789", "-0.0", "9007199254740993", "1e-300", "0.1")


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    decimal: str = "."
    thousands: str = ""

    @property
    def rules(self) -> dict[str, Any]:
        """The column in a contract."""
        rules: dict[str, Any] = {"type": self.type}
        if self.type in ("integer", "number"):
            rules |= {"decimal": self.decimal} if self.decimal != "." else {}
            rules |= {"thousands": self.thousands} if self.thousands else {}
        return rules


@dataclass(frozen=True)
class Cell:
    """A text of a file, and the value that Sluice has to make of it."""

    text: str
    value: Any


def columns(rng: random.Random) -> list[Column]:
    """The key, by which a row is known again, and one to six others."""
    names = rng.sample(
        ["size", "Preis", "größe", "the name", "n", "año", "a.b", "Status", "7", "x y z"], rng.randint(1, 6)
    )
    decimal, thousands = rng.choice([(".", ""), (".", ""), (".", ","), (",", ""), (",", ".")])
    kinds = ("text", "text", "integer", "number", "boolean", "timestamp")
    return [Column(KEY, "text"), *(Column(name, rng.choice(kinds), decimal, thousands) for name in names)]


def cell(rng: random.Random, column: Column, special: str, unicode: bool) -> Cell:
    """`special`: characters of the dialect that texts should contain now and then."""
    if rng.random() < 0.08:
        return Cell(rng.choice(["", "", " "]), None)
    if column.type == "integer":
        return _number(rng.choice([*INTEGERS, str(rng.randint(-(10**6), 10**6))]), column, int)
    if column.type == "number":
        return _number(rng.choice([*NUMBERS, f"{rng.uniform(-1e6, 1e6):.3f}"]), column, float)
    if column.type == "boolean":
        value = rng.random() < 0.5
        return Cell(rng.choice(("true", "yes", "1", "TRUE") if value else ("false", "no", "0", "False")), value)
    if column.type == "timestamp":
        at = datetime(2020, 1, 1) + timedelta(seconds=rng.randint(0, 2 * 10**8))
        zone, hours = rng.choice([("", 0), ("Z", 0), ("+02:00", 2), ("-05:00", -5)])
        return Cell(at.isoformat(rng.choice(["T", " "])) + zone, at - timedelta(hours=hours))
    text = _text(rng, special, unicode)
    return Cell(text, text if text.strip() else None)


def _number(text: str, column: Column, kind: type) -> Cell:
    value = kind(text)
    whole, _, rest = text.partition(".")
    whole = whole or "0"
    if column.thousands and whole.isdigit() and not whole.startswith("0") and "e" not in text.lower():
        whole = f"{int(whole):,}".replace(",", column.thousands)
    return Cell(whole + (column.decimal + rest if rest else ""), value)


def _text(rng: random.Random, special: str, unicode: bool) -> str:
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(WORDS)
    if kind < 0.5:
        return rng.choice(MARKERS)
    if kind < 0.6:
        return rng.choice(ODD)
    if kind < 0.7 and unicode:
        return rng.choice(UNICODE)
    if kind < 0.72:
        return "long " * rng.randint(50, 800)
    words = [rng.choice([*WORDS, *special]) for _ in range(rng.randint(1, 5))]
    return rng.choice(["", " "]).join(words)
