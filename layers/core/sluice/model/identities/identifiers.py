"""Columns that only tell rows apart: identifiers, row numbers, codes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from sluice.model.identities.arrays import MIN_ROWS, numbers

UNIQUE = 0.98
"""From this share of distinct values on, no value says anything about the next row."""
DENSE = 10
"""Whole numbers without repetition within this many times the rows were counted up: of numbers that are drawn by chance
from such a range, 1 in 20 would occur twice."""
_NAMED = re.compile(r"(?i)(^|[^a-z])(id|key|uuid|guid|index|number|nr|no)([^a-z]|$)|[a-z](Id|ID|Key|UUID|No)$")
_ROW_NAMES = re.compile(r"(?i)(row[ ._]?names?|unnamed: 0)(\.[0-9]+)?")
"""What R and pandas call the names of the rows, where they write them as a column."""


class Identifier(NamedTuple):
    distinct: float
    numbered: bool


def identifier(name: str, kind: str, values: Sequence[Any], every: int = 1) -> Identifier | None:
    """Whether a column only tells rows apart: nearly all its values are distinct, and it counts up, or is a code.

    Measurements may be distinct, too, so a whole number also needs a dense range or an identifier's name; a text needs
    to be one word, since messages are distinct as well. `every`: n, where the values are those of each n-th row.
    """
    known = [value for value in values if value is not None]
    if kind not in ("integer", "category", "text") or len(known) < max(MIN_ROWS, 0.5 * len(values)):
        return None
    distinct = len(set(known)) / len(known)
    if distinct < UNIQUE:
        return None
    is_named = bool(_ROW_NAMES.fullmatch(name))
    if kind == "integer":
        drawn = numbers(known)
        numbered = bool(drawn.max() - drawn.min() + 1 <= DENSE * every * len(known))
        return Identifier(distinct, numbered) if numbered or is_named or _NAMED.search(name) else None
    words = sum(len(str(value).split()) == 1 for value in known) / len(known)
    return Identifier(distinct, False) if is_named or words >= UNIQUE else None
