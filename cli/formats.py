"""How the text of a column seems to be written, where it is not as JSON would write it.

A person's spreadsheet says `1.234,50 €`, `12 %`, `31.01.2026` or `NA`. Each way of reading is tried on every value of a
column; one that fits all of them is proposed, and the draft asks whether it is meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

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
_SAMPLE = 100


@dataclass(frozen=True)
class Way:
    """A type and the contract's keys under which every value of a column can be read."""

    kind: str
    options: tuple[tuple[str, Any], ...] = ()

    def keys(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.options}

    def reads(self, name: str, text: pa.Array) -> bool:
        column = Column.model_validate({"type": self.kind, **self.keys()})
        _, broken = judge(name, column, text, key=False, reading=Reading.of(column.model_dump()))
        return not broken


@dataclass
class Formats:
    """The ways of reading that fit all values of a column so far, markers of missing values apart."""

    name: str
    markers: Counter[str] = field(default_factory=Counter)
    """Spellings of missing values, and how many cells have each."""
    ways: list[Way] | None = None

    def add(self, trimmed: pa.Array) -> None:
        """`trimmed`: the texts of a batch that are not blank."""
        marked = pc.is_in(pc.utf8_lower(trimmed), value_set=pa.array(MARKERS))
        for item in pc.value_counts(trimmed.filter(marked)).to_pylist():
            self.markers[item["values"]] += item["counts"]
        values = trimmed.filter(pc.invert(marked))
        if not len(values):
            return
        ways = list(_candidates(values)) if self.ways is None else self.ways
        # most ways are refuted by the first few values, and dates are read slowly
        sample = values.slice(0, _SAMPLE)
        self.ways = [way for way in ways if way.reads(self.name, sample) and way.reads(self.name, values)]

    @property
    def chosen(self) -> Way | None:
        return self.ways[0] if self.ways else None

    @property
    def others(self) -> list[Way]:
        """Ways that fit as well and mean something else."""
        if self.chosen is None:
            return []
        return [way for way in (self.ways or [])[1:] if way.kind == self.chosen.kind and self._rivals(way)]

    def _rivals(self, way: Way) -> bool:
        first, other = (set(one.options) if one else set() for one in (self.chosen, way))
        return not first <= other


def _candidates(values: pa.Array) -> Iterator[Way]:
    """The ways to try, the plainest first. Signs are looked for in the values; the rest is tried."""
    for kind in ("boolean", "integer", "number", "timestamp"):
        yield Way(kind)
    signs = tuple(sign for sign in _CURRENCIES if pc.any(pc.match_substring(values, sign)).as_py())
    percent = bool(pc.all(pc.ends_with(values, "%")).as_py())
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
    for date, time in product(_DATES, _TIMES):
        yield Way("timestamp", (("dates", (date + time,)),))
