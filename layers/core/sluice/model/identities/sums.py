"""Targets that are a weighted sum of columns, however many; differences are sums with a weight of -1.

All columns together are fitted by least squares. If that is exact, columns are taken out one by one, for as long as the
others stay exact. The fit is made once, as the triangle of a QR decomposition; each smaller one is made of that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from sluice.model.identities.arrays import MIN_ROWS, able

EXACT = 1e-6
"""The share of the target's variance that may be left."""
ROUNDED = 1e-4
"""The same where the target is rounded to steps that leave about as much."""
MATTERS = 0.01
"""A part that is left in while others are dropped must explain this much beyond them; less gives nothing away."""
MAX_COLUMNS = 200

NO_CONSTANT = 1e-3
"""A smaller constant, in standard deviations of the target, counts as none."""


class Sum(NamedTuple):
    """Columns with their weights, those that agree with the target most first."""

    terms: list[tuple[str, float]]
    has_constant: bool

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.terms)


def search(
    columns: Mapping[str, np.ndarray], y: np.ndarray, features: Collection[str], *, missing_is_zero: bool = True
) -> list[Sum]:
    """Sums that are the target, each of the fewest columns, until none has a new feature. (rows,) each, NaN: missing.

    `features`: the columns that a model would learn from. The others count as parts as well: what a contract drops gave
    the target away, and then the parts that are left give away the rest. `missing_is_zero`: also tries
    whether an empty cell adds nothing.
    """
    usable = {name: x for name, x in columns.items() if able(x)}
    found = _of_complete(usable, y, set(features))
    if found or not missing_is_zero or all(np.isfinite(x).all() for x in usable.values()):
        return found
    return _of_complete({name: np.nan_to_num(x) for name, x in usable.items()}, y, set(features))


def tolerance(y: np.ndarray) -> float:
    """What rounding of the target leaves of its variance, if that is more than `EXACT`."""
    for step in (1.0, 0.1, 0.01):
        if np.allclose(y / step, np.round(y / step), rtol=0, atol=1e-6):
            return float(min(ROUNDED, max(EXACT, 1.5 * step**2 / 12.0 / max(float(y.var()), 1e-300))))
    return EXACT


def _of_complete(columns: Mapping[str, np.ndarray], y: np.ndarray, features: set[str]) -> list[Sum]:
    names, rows = _complete(columns, len(y))
    names = [name for name in names if np.ptp(columns[name][rows]) > 0][: min(MAX_COLUMNS, int(rows.sum()) // 2)]
    y = y[rows]
    if len(y) < MIN_ROWS or not np.ptp(y) > 0 or not names:
        return []
    scaled = np.column_stack([*(_scaled(columns[name][rows]) for name in names), _scaled(y)])
    triangle = np.asarray(np.linalg.qr(scaled, mode="r"))
    least = tolerance(y)
    found: list[Sum] = []
    new = features & set(names)
    while new:
        kept = _fewest(triangle, names, new, least)
        told = {names[place] for place in kept} & new
        if {names[place] for place in kept} - features:
            told = {name for name in told if _rest(triangle, [k for k in kept if names[k] != name]) >= MATTERS}
        if not told:
            break
        design = np.column_stack([*(columns[names[place]][rows] for place in kept), np.ones(len(y))])
        weights, *_ = np.linalg.lstsq(design, y, rcond=None)
        terms = [(names[place], float(weight)) for place, weight in zip(kept, weights)]
        found.append(Sum(terms, bool(abs(weights[-1]) > NO_CONSTANT * y.std())))
        # once more without preferring these, since another column may stand for one of them
        new -= told
    return found


def _complete(columns: Mapping[str, np.ndarray], rows: int) -> tuple[list[str], np.ndarray]:
    """Columns, those with the fewest missing values first, as long as half of the rows have a value in all of them."""
    known = {name: np.isfinite(x) for name, x in columns.items()}
    inside = np.ones(rows, dtype=bool)
    taken: list[str] = []
    for name in sorted(known, key=lambda name: -int(known[name].sum())):
        both = inside & known[name]
        if both.sum() >= 0.5 * rows:
            inside, taken = both, [*taken, name]
    return taken, inside


def _scaled(x: np.ndarray) -> np.ndarray:
    centred = x - x.mean()
    return np.asarray(centred / np.sqrt(np.mean(centred**2)))


def _rest(triangle: np.ndarray, places: list[int]) -> float:
    """The share of the target's variance that these columns leave."""
    target = triangle[:, -1]
    total = float(target @ target)
    if not places:
        return 1.0
    design = triangle[:, places]
    weights, *_ = np.linalg.lstsq(design, target, rcond=None)
    return float(np.sum((target - design @ weights) ** 2)) / total


def _fewest(triangle: np.ndarray, names: list[str], new: set[str], least: float) -> list[int]:
    """Places of the columns that are left; [] if all together are not exact. `new` ones are kept if there is a choice,
    and so are those that agree with the target most."""
    kept = list(range(len(names)))
    if _rest(triangle, kept) > least:
        return []
    agrees = np.abs(triangle[:, :-1].T @ triangle[:, -1])
    for place in sorted(kept, key=lambda place: (names[place] in new, agrees[place])):
        fewer = [other for other in kept if other != place]
        if _rest(triangle, fewer) <= least:
            kept = fewer
    return sorted(kept, key=lambda place: -agrees[place])
