"""Columns that stand for the target one to one, and columns that are the target of a neighbouring row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from leakage.patterns import MIN_ROWS
from leakage.sampled import numbers
from sluice.model.schema import Row, Value

REPEATED = 0.2
"""Share of the rows whose value and whose target occur again; with fewer, being one to one says nothing."""
EXCEPTIONS = 0.001
ROWS = 100_000
"""That are put in order: the first ones."""
AGREES = 0.3
"""Agreement beyond chance (Cohen's kappa) with the neighbour's target; of many rows the neighbour is not among the
training rows, since it was drawn for validation or test."""
MORE_THAN_ITSELF = 2.0


def one_to_one(values: Sequence[Value], y: np.ndarray) -> bool:
    """Whether each value has one target and each target one value, whatever their order."""
    targets: list[Any] = y.tolist()
    known = [(value, target) for value, target in zip(values, targets) if value is not None]
    if len(known) < max(MIN_ROWS, 0.5 * len(targets)):
        return False
    of_value, of_target = Counter(v for v, _ in known), Counter(t for _, t in known)
    if not 0.5 <= len(of_value) / len(of_target) <= 2.0:
        return False
    repeated = sum(of_value[v] > 1 and of_target[t] > 1 for v, t in known)
    if repeated < REPEATED * len(known) or len(of_target) < 2 or max(of_target.values()) > 0.9 * len(known):
        return False
    pairs = Counter(known)
    best_of_value: dict[Any, int] = {}
    best_of_target: dict[Any, int] = {}
    for (value, target), count in pairs.items():
        best_of_value[value] = max(count, best_of_value.get(value, 0))
        best_of_target[target] = max(count, best_of_target.get(target, 0))
    least = (1.0 - EXCEPTIONS) * len(known)
    return min(sum(best_of_value.values()), sum(best_of_target.values())) >= least


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
