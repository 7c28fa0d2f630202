"""Columns that are the target of a neighbouring row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sluice.model.identities.arrays import MIN_ROWS, numbers
from sluice.model.schema import Row, Value

ROWS = 100_000
"""The first rows, which are put in order."""
AGREES = 0.3
"""Agreement beyond chance (Cohen's kappa) with the neighbour's target; of many rows the neighbour is not among the
training rows, since it was drawn for validation or test."""
MORE_THAN_ITSELF = 2.0


class Shifted(NamedTuple):
    """`later`: the column is the target of the next row in the order of `by`, otherwise of the one before; in this
    share of the rows."""

    column: str
    by: str
    later: bool
    share: float


def shifted(
    rows: Sequence[Row], y: np.ndarray, columns: Sequence[str], orders: Sequence[str], classes: Sequence[Any]
) -> list[Shifted]:
    """`columns` may be a neighbour's target; `orders` say what a neighbour is.

    A target that changes slowly equals its neighbours anyway, so a column must agree with the neighbour's target more
    than with the row's own.
    """
    found: list[Shifted] = []
    for by in orders:
        place = numbers([row.get(by) for row in rows])
        order = np.argsort(place, kind="stable")[: int(np.isfinite(place).sum())][:ROWS]
        if len(order) < MIN_ROWS or len(np.unique(place[order])) < 0.9 * len(order):
            continue
        target = y[order].astype(np.float64)
        for name in columns:
            if name == by or any(each.column == name for each in found):
                continue
            own = _as_target([rows[i].get(name) for i in order], classes)
            itself, _ = _agreement(own, target)
            # the next row first: the one before is known more often
            for later, near in ((True, np.append(target[1:], np.nan)), (False, np.insert(target[:-1], 0, np.nan))):
                agreement, share = _agreement(own, near)
                if agreement >= max(AGREES, MORE_THAN_ITSELF * itself):
                    found.append(Shifted(name, by, later, share))
                    break
    return found


def _as_target(values: Sequence[Value], classes: Sequence[Any]) -> np.ndarray:
    """A column's values on the scale of y: numbers, or the places of classes; NaN for what is neither."""
    if not classes:
        return np.array([np.nan if v is None or isinstance(v, str) else float(v) for v in values])
    places = {value: float(place) for place, value in enumerate(classes)}
    return np.array([np.nan if v is None else places.get(v, np.nan) for v in values])


def _agreement(own: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Cohen's kappa, with the chance that rows in another order agree; and the share of rows that agree."""
    known = np.isfinite(own) & np.isfinite(target)
    if known.sum() < max(MIN_ROWS, 0.5 * len(own)):
        return 0.0, 0.0
    mixed = np.random.default_rng(0).permutation(int(known.sum()))
    share, chance = (
        float(np.isclose(own[known], other, rtol=1e-9, atol=1e-12).mean())
        for other in (target[known], target[known][mixed])
    )
    return (share - chance) / max(1e-9, 1.0 - chance), share
