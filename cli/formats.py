"""How the text of a column seems to be written, where it is not as JSON would write it.

A person's spreadsheet says `1.234,50 €`, `12 %`, `31.01.2026` or `NA`. Each way of reading is tried on every value of a
column; one that fits all of them is proposed, and the draft asks whether it is meant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cli.conventions import Conventions
from sluice.contract.models import Column
from sluice.intake.rules import judge
from sluice.model.values import NO_LABEL, Reading

MARKERS = tuple(
    sorted(NO_LABEL | {"#na", "#null!", "#value!", "#div/0!", "-nan", "missing", "not available", "\\n", "_"})
)
"""Texts, in lower case, that programs and people write where a value is missing."""
_CURRENCIES = ("€", "$", "£", "¥", "EUR", "USD", "GBP", "CHF")
_GROUPED: tuple[dict[str, str], ...] = (
    {},
    {"decimal": ","},
    {"thousands": ","},
    {"decimal": ",", "thousands": "."},
    {"decimal": ",", "thousands": " "},
    {"thousands": " "},
    {"thousands": "'"},
    {"thousands": "’"},
)
_DATES: tuple[str, ...] = (
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d.%m.%y",
    "%d/%m/%y",
)
_DATES += ("%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p")
_SAMPLES = (5, 100)
_WORDS = 5
"""At most as many words among the numbers of a column are taken for markers of missing values."""
_RARE = 0.25
"""Such words are markers up to this share of the values."""
_EXAMPLES = 3
_BARE = r"^-?[0-9]+$"
_PLAIN = r"^-?[0-9]+(\.[0-9]+)?$"
_FRACTION = r"[0-9][.,][0-9]{2}[^0-9.,]*$"
_FIGURES = r"^[\p{Nd}\s.,:;'’/+\-()%€$£¥*]*\p{Nd}[\p{Nd}\s.,:;'’/+\-()%€$£¥*]*$"

_MONTH = r"^[12][0-9]{3}-(0[1-9]|1[0-2])$"
_SPAN = r"^'?\p{Nd}+(-\p{Nd}+)+'?$"


@dataclass(frozen=True)
class Way:
    """A type and the contract's keys under which every value of a column can be read."""

    kind: str
    options: tuple[tuple[str, Any], ...] = ()

    def keys(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.options}

    @property
    def decimal_comma(self) -> bool | None:
        """Whether a comma is its decimal sign; None of what is not a number."""
        return self.keys().get("decimal") == "," if self.kind in ("integer", "number") else None

    @property
    def day_first(self) -> bool | None:
        """Whether the day's number stands before the month's; None where no two numbers can be confused."""
        found = "".join(self.keys().get("dates", ()))
        if found.startswith("%Y") or not {"%d", "%m"} <= set(re.findall("%.", found)):
            return None
        return found.index("%d") < found.index("%m")

    def reads(self, name: str, text: pa.Array) -> bool:
        """Whether every value of `text` can be read so. The first few refute most ways, and some are slow."""
        return all(self._reads(name, text.slice(0, length)) for length in (*_SAMPLES, len(text)))

    def reads_alike(self, text: pa.Array) -> pa.Array:
        """Values that it reads as the plain way of its type reads them, as a mask: no sign of its own."""
        options = self.keys()
        if self.kind not in ("integer", "number") or "percent" in options:
            return pa.repeat(pa.scalar(False), len(text))
        return pc.match_substring_regex(text, _BARE if "decimal" in options else _PLAIN)

    def _reads(self, name: str, text: pa.Array) -> bool:
        column = Column.model_validate({"type": self.kind, **self.keys()})
        _, broken = judge(name, column, text, key=False, reading=Reading.of(column.model_dump()))
        return not broken


_BOOLEAN = Way("boolean")


@dataclass
class Formats:
    """The ways of reading that fit all values of a column so far, markers of missing values apart."""

    name: str
    known: Counter[str] = field(default_factory=Counter)
    """Cells with each of the usual spellings of a missing value."""
    words: Counter[str] | None = field(default_factory=Counter)
    """Cells with each other text that has no digit; None once these are too many to be markers."""
    rows: int = 0
    """Cells that are not blank."""
    figures: int = 0
    """Cells of digits and punctuation alone, without spans and codes such as 40-49 and 750-67-8428."""
    months: bool = True
    """Whether all values are months, such as 2026-01."""
    fractions: bool = False
    """Whether a number is written with two decimals or more, even if these are zeros."""
    odd: list[str] = field(default_factory=list)
    """The first texts that JSON would not write as a number."""
    boolean: bool = True
    """Whether all values are boolean; these may be words."""
    ways: list[Way] | None = None
    """For the cells with a digit; None before the first of them."""
    commas: bool = False
    """Whether a comma stands in a cell with digits."""
    points: bool = False
    """Whether a point does."""
    bare: bool = False
    """Whether a cell with digits has no comma."""
    conventions: Conventions = field(default_factory=Conventions)
    """What the whole file says; known when all of it was read."""
    few: bool = False
    """Whether the column has so few distinct values that a word among its numbers may be a class."""

    def add(self, trimmed: pa.Array) -> None:
        """`trimmed`: the texts of a batch that are not blank."""
        self.rows += len(trimmed)
        marked = pc.is_in(pc.utf8_lower(trimmed), value_set=pa.array(MARKERS))
        count_texts(trimmed.filter(marked), self.known)
        values = trimmed.filter(pc.invert(marked))
        if not len(values):
            return
        digits = pc.match_substring_regex(values, r"\p{Nd}")
        numerals = values.filter(digits)
        self._note_figures(values)
        if self.words is not None:
            count_texts(values.filter(pc.invert(digits)), self.words)
            if len(self.words) > _WORDS:
                self.words = None
        self.boolean = self.boolean and _BOOLEAN.reads(self.name, values)
        if not len(numerals):
            return
        with_comma = pc.match_substring(numerals, ",")
        self.commas = self.commas or pc.any(with_comma).as_py()
        self.bare = self.bare or not pc.all(with_comma).as_py()
        self.points = self.points or pc.any(pc.match_substring(numerals, ".")).as_py()
        ways = list(_candidates(numerals)) if self.ways is None else self.ways
        plain = {kind: Way(kind).reads(self.name, numerals) for kind in ("integer", "number")}
        self.ways = [way for way in ways if self._fits(way, numerals, plain)]

    def _fits(self, way: Way, numerals: pa.Array, plain: dict[str, bool]) -> bool:
        """`plain`: whether the plain integer and the plain number read all of them."""
        if not way.options and way.kind in plain:
            return plain[way.kind]
        alike = way.reads_alike(numerals)
        if not pc.any(alike).as_py():
            return way.reads(self.name, numerals)
        # one by one only what the way has a word for: thousands of plain numbers take seconds
        known = plain[way.kind] or Way(way.kind).reads(self.name, numerals.filter(alike))
        return known and way.reads(self.name, numerals.filter(pc.invert(alike)))

    def _note_figures(self, values: pa.Array) -> None:
        self.fractions = self.fractions or bool(pc.any(pc.match_substring_regex(values, _FRACTION)).as_py())
        months = pc.match_substring_regex(values, _MONTH)
        self.months = self.months and bool(pc.all(months).as_py())
        spans = pc.and_not(pc.match_substring_regex(values, _SPAN), months)
        self.figures += pc.sum(pc.and_not(pc.match_substring_regex(values, _FIGURES), spans)).as_py()
        if len(self.odd) < _EXAMPLES:
            odd = pc.unique(values.filter(pc.invert(pc.match_substring_regex(values, _PLAIN)))).to_pylist()
            self.odd += [text for text in odd if text not in self.odd][: _EXAMPLES - len(self.odd)]

    @property
    def nearly_numbers(self) -> bool:
        """Whether at least half of the values look like numbers, although no way of reading fits them all."""
        return self.chosen is None and 2 * self.figures >= self.rows - sum(self.known.values()) > 0

    @property
    def markers(self) -> Counter[str]:
        """Spellings that seem to mean a missing value: the usual ones, and a few words in a column of numbers."""
        return self.known if self.chosen in (None, _BOOLEAN) else self.known + (self.words or Counter())

    @property
    def separated(self) -> bool:
        """Whether its numbers have a sign that is a decimal sign or parts thousands."""
        return self.commas or self.points

    @property
    def says_decimal_comma(self) -> bool | None:
        """Whether a comma is its decimal sign, where it has such signs and all ways that fit agree."""
        return self._only(lambda way: way.decimal_comma) if self.separated else None

    @property
    def says_day_first(self) -> bool | None:
        """Whether the day's number stands before the month's, where all ways that fit agree."""
        return self._only(lambda way: way.day_first)

    def _only(self, of: Callable[[Way], bool | None]) -> bool | None:
        """What all ways that fit say, those that say nothing left out; None if they differ."""
        said = {of(way) for way in self.ways or []} - {None}
        return said.pop() if len(said) == 1 else None

    @property
    def _decimal_comma(self) -> bool | None:
        """Whether a comma is the decimal sign, where the column can be read in both ways; None where nothing says so.

        The file's other columns say it, else the column: amounts of money have no third decimal, and where some numbers
        have no comma, and all others three digits behind theirs, it parts thousands.
        """
        if self._only(lambda way: way.decimal_comma) is not None or not self.separated:
            return None
        if self.conventions.decimal_comma is not None or not self.commas:
            return self.conventions.decimal_comma
        money = any("currency" in dict(way.options) for way in self.ways or [])
        return self.conventions.delimiter == ";" and not self.bare and not money

    def _agreeing(self, decimal_comma: bool | None) -> list[Way]:
        """The ways that fit, without those that read signs otherwise; None: not known."""
        ways = self.ways or []
        meanings: tuple[tuple[bool | None, Callable[[Way], bool | None]], ...] = (
            (decimal_comma, lambda way: way.decimal_comma),
            (self.conventions.day_first, lambda way: way.day_first),
        )
        for meant, of in meanings:
            if meant is not None:
                ways = [way for way in ways if of(way) in (meant, None)] or ways
        return ways

    @property
    def not_as_written(self) -> bool:
        """Whether the file's conventions are against reading its numbers as JSON would: 1.234 is 1234."""
        return self._decimal_comma is True and not self.commas

    @property
    def maybe_thousands(self) -> bool:
        """Whether 1.234 may be 1234: three digits stand behind each point, and nothing in the file says what it is.

        A semicolon between fields is usual where the comma is the decimal sign.
        """
        if self.chosen != Way("number") or self.conventions.decimal_comma is not None:
            return False
        german = {"decimal": ",", "thousands": "."}
        return (
            self.conventions.delimiter == ";"
            and self.points
            and any(dict(w.options) == german for w in self.ways or [])
        )

    @property
    def chosen(self) -> Way | None:
        if self.boolean and sum(self.known.values()) < self.rows:
            return _BOOLEAN
        ways = self._agreeing(self._decimal_comma)
        if not ways or self.words is None:
            return None
        words = self.words.total()
        if words and (self.few or words > _RARE * self.rows):
            return None
        # amounts such as 12,500.00: the next file may have 12,500.50
        return next((way for way in ways if not (self.fractions and way.kind == "integer")), ways[0])

    @property
    def others(self) -> list[Way]:
        """Ways that fit as well and mean something else, as far as the file's other columns do not rule them out."""
        if self.chosen is None:
            return []
        ways, dates = self._agreeing(self.conventions.decimal_comma), self.chosen.kind == "timestamp"
        return [way for way in ways if (way.kind == "timestamp") == dates and self._rivals(way)]

    def _rivals(self, way: Way) -> bool:
        first, other = (set(one.options) if one else set() for one in (self.chosen, way))
        return not first <= other


def count_texts(values: pa.Array, into: Counter[str]) -> None:
    """Adds how often each text occurs in `values`."""
    for item in pc.value_counts(values).to_pylist():
        into[item["values"]] += item["counts"]


def _candidates(numerals: pa.Array) -> Iterator[Way]:
    """The ways to try, the plainest first. Signs are looked for in the values; the rest is tried."""
    for kind in ("integer", "number", "timestamp"):
        yield Way(kind)
    signs = tuple(sign for sign in _CURRENCIES if pc.any(pc.match_substring(numerals, sign)).as_py())
    percent = bool(pc.all(pc.ends_with(numerals, "%")).as_py())
    for grouped, kind in product(_GROUPED, ("integer", "number")):
        options: dict[str, Any] = dict(grouped)
        if signs:
            options["currency"] = signs
        if percent:
            if kind == "integer":
                continue
            options["percent"] = True
        if options and not (kind == "integer" and "decimal" in options):
            yield Way(kind, tuple(options.items()))
    example = numerals[0].as_py()
    for date, time in product(_DATES, _TIMES):
        if _may_be(example, date + time):
            yield Way("timestamp", (("dates", (date + time,)),))


def _may_be(example: str, pattern: str) -> bool:
    """Whether a text has what every text of a date pattern has. To try each pattern on the columns of a table of 1,500
    took most of its time.

    >>> _may_be("31.01.2026", "%d.%m.%Y"), _may_be("31", "%d.%m.%Y"), _may_be("5 Mar 2018", "%d %b %Y")
    (True, False, True)
    """
    signs = set(re.sub(r"%.|\s", "", pattern))
    figures = sum(4 if part == "%Y" else 1 for part in re.findall("%[YymdHMSI]", pattern))
    letters = bool(re.search("%[bBp]", pattern)) == bool(re.search(r"[^\W\d_]", example))
    return letters and signs <= set(example) and sum(letter.isdigit() for letter in example) >= figures
