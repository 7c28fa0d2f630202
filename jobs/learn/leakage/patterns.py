"""Columns that betray themselves without a model: identifiers, sums, values that only one outcome fills in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from leakage.sampled import numbers
from sluice.model.schema import Value

UNIQUE = 0.98
"""From this share of distinct values on, no value says anything about the next row."""
DENSE = 10
"""Whole numbers without repetition within this many times the rows were counted up: of numbers that are drawn by chance
from such a range, 1 in 20 would occur twice."""
MIN_ROWS = 50
_NAMED = re.compile(r"(?i)(^|[^a-z])(id|key|uuid|guid|index|number|nr|no)([^a-z]|$)|[a-z](Id|ID|Key|UUID|No)$")
EXACT = 1e-6
MAX_TERMS = 4
PURE = 0.995
MIN_FILLED = 30
OF_CLASS = 0.2
"""What an outcome fills in is there for a good part of its rows; a rare value of a measurement is not."""


class Identifier(NamedTuple):
    distinct: float
    numbered: bool


def identifier(name: str, kind: str, values: Sequence[Value]) -> Identifier | None:
    """Whether a column only tells rows apart: nearly all its values are distinct, and it counts up, or is a code.

    Measurements may be distinct, too, so a whole number also needs a dense range or an identifier's name; a text needs
    to be one word, since messages are distinct as well.
    """
    known = [value for value in values if value is not None]
    if kind not in ("integer", "category", "text") or len(known) < max(MIN_ROWS, 0.5 * len(values)):
        return None
    distinct = len(set(known)) / len(known)
    if distinct < UNIQUE:
        return None
    if kind == "integer":
        drawn = numbers(known)
        numbered = bool(drawn.max() - drawn.min() + 1 <= DENSE * len(known))
        return Identifier(distinct, numbered) if numbered or _NAMED.search(name) else None
    words = sum(len(str(value).split()) == 1 for value in known) / len(known)
    return Identifier(distinct, False) if words >= UNIQUE else None


def sum_of_columns(columns: dict[str, np.ndarray], y: np.ndarray) -> list[tuple[str, float]]:
    """The fewest columns, at most MAX_TERMS, whose weighted sum is the target, with the weights; [] if there are none.

    Orthogonal matching pursuit: the column that the rest of the target agrees with most is added, then all are fitted
    again. A single column is a copy, if the constant and the weight are all that differ. (rows,) each.
    """
    full = {name: x for name, x in columns.items() if np.isfinite(x).all() and np.ptp(x) > 0}
    total = float(np.sum((y - y.mean()) ** 2))
    if not total > 0 or len(y) < MIN_ROWS:
        return []
    centred = {name: (x - x.mean()) / x.std() for name, x in full.items()}
    chosen: list[str] = []
    rest = y - y.mean()
    for _ in range(min(MAX_TERMS, len(full))):
        left = [name for name in centred if name not in chosen]
        chosen.append(max(left, key=lambda name: abs(float(centred[name] @ rest))))
        design = np.column_stack([full[name] for name in chosen] + [np.ones(len(y))])
        weights, *_ = np.linalg.lstsq(design, y, rcond=None)
        rest = y - design @ weights
        if float(np.sum(rest**2)) / total <= EXACT:
            return [(name, float(weight)) for name, weight in zip(chosen, weights)]
    return []


def ranks(x: np.ndarray) -> np.ndarray:
    """Mean ranks from 0 on, ties sharing theirs."""
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean: np.ndarray = (ends - (counts + 1) / 2.0)[place]
    return mean


class Filled(NamedTuple):
    rows: int
    outcome: float
    missing: bool
    """Whether the other rows are missing; otherwise they have the one usual value."""


def filled_by_one_outcome(values: Sequence[Value], labels: np.ndarray) -> Filled | None:
    """Whether rows that have a value (or another than the usual one) are all of one class, which the others are not.

    `outcome` is the share of that class among them. It takes MIN_FILLED such rows and as many
    others.
    """
    absent = np.array([value is None for value in values])
    for empty, missing in ((absent, True), (usual(values), False)):
        filled = ~empty
        if min(filled.sum(), empty.sum()) < MIN_FILLED:
            continue
        share = np.bincount(labels[filled]) / filled.sum()
        best = int(share.argmax())
        of_class = np.mean(filled[labels == best])
        if share[best] >= PURE and of_class >= OF_CLASS and np.mean(labels[empty] == best) <= 0.8:
            return Filled(int(filled.sum()), float(share[best]), missing)
    return None


def usual(values: Sequence[Value]) -> np.ndarray:
    """Where the one value is that at least half of the rows have, among numbers with more than two values."""
    known = [value for value in values if isinstance(value, float) and not isinstance(value, bool)]
    if len(known) < len(values) / 2:
        return np.ones(len(values), dtype=bool)
    found, counts = np.unique(np.array(known), return_counts=True)
    if len(found) < 3 or counts.max() < len(values) / 2:
        return np.ones(len(values), dtype=bool)
    return numbers(values) == found[counts.argmax()]
