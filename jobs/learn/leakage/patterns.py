"""Columns that betray themselves without a model: values that only one outcome fills in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sluice.model.identities.arrays import numbers
from sluice.model.schema import Value

PURE = 0.995
MIN_FILLED = 30
OF_CLASS = 0.2
"""What an outcome fills in is there for a good part of its rows; a rare value of a measurement is not."""


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
