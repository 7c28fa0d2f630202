"""Targets that are computed from two columns: product, quotient, difference or sum; or from up to four by multiplying.

Of numbers the formula orders the rows as the target does, or is the target but for a factor and a constant. Of two
classes it separates them, which no column does alone: honest data that can be separated have a strong column.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from leakage.patterns import MIN_ROWS, ranks, sum_of_columns

ROWS = 2_000
"""Rows on which all pairs are tried; a formula that holds there is tried on all of the sample."""
COLUMNS = 40
"""Number columns whose pairs are tried, the strongest first."""
SECONDS = 10.0
ORDERED = 0.9999
REST = 1e-4
"""Of the variance. Rounding the target to whole numbers leaves less, if it has a spread of 30."""
SEPARATED = 0.9995
ALONE = 0.98
"""ROC AUC of the formula, and of every column alone."""
MIN_OF_A_CLASS = 30

Formula = Callable[[np.ndarray, np.ndarray], np.ndarray]
FORMULAS: dict[str, Formula] = {
    "{a} × {b}": lambda a, b: a * b,
    "{a} / {b}": lambda a, b: a / b,
    "{b} / {a}": lambda a, b: b / a,
    "{a} - {b}": lambda a, b: a - b,
    "{a} + {b}": lambda a, b: a + b,
}


class Found(NamedTuple):
    """`value`: the rank correlation or, of two classes, the ROC AUC; None of several columns, which are exact."""

    columns: tuple[str, ...]
    formula: str
    value: float | None = None


def search(columns: Mapping[str, np.ndarray], y: np.ndarray, classes: int) -> tuple[list[Found], str | None]:
    """The formulas, and a note on what was not tried. `columns`: the strongest first, (rows,) with NaN for missing;
    `classes`: 0 for numbers, or 2."""
    began = time.monotonic()
    able = {name: x for name, x in columns.items() if _able(x)}
    if len(y) < MIN_ROWS or not np.ptp(y) > 0 or (classes and np.bincount(y).min() < MIN_OF_A_CLASS):
        return [], None
    if not classes and (several := _product_of_several(able, y)):
        return [several], None
    if classes and any(_auc(x[known], y[known]) >= ALONE for x in able.values() if (known := np.isfinite(x)).any()):
        return [], None
    names = list(able)[:COLUMNS]
    few = np.linspace(0, len(y) - 1, min(ROWS, len(y))).astype(np.intp)
    fits = _separates if classes else _orders
    found: list[Found] = []
    named: set[str] = set()
    tried = 0
    for a, b in _pairs(names):
        if time.monotonic() - began > SECONDS:
            break
        tried += 1
        if named & {a, b}:
            continue
        for formula, make in FORMULAS.items():
            if fits(make, able[a][few], able[b][few], y[few]) is None:
                continue
            value = fits(make, able[a], able[b], y)
            if value is not None:
                found.append(Found((a, b), formula.format(a=repr(a), b=repr(b)), value))
                named |= {a, b}
                break
    left = len(able) * (len(able) - 1) // 2 - tried
    what = "products, quotients, differences and sums"
    return found, f"{what} of {left:,} pairs of number columns were not tried ({tried:,} were)" if left else None


def _able(x: np.ndarray) -> bool:
    known = x[np.isfinite(x)]
    return len(known) >= max(MIN_ROWS, 0.5 * len(x)) and bool(np.ptp(known) > 0)


def _pairs(names: list[str]) -> Iterator[tuple[str, str]]:
    """The strongest columns first."""
    for j in range(1, len(names)):
        for i in range(j):
            yield names[i], names[j]


def _made(make: Formula, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The formula where it is defined, and where that is."""
    with np.errstate(all="ignore"):
        value = make(a, b)
    known = np.isfinite(value)
    if known.sum() < max(MIN_ROWS, 0.5 * len(value)) or not np.ptp(value[known]) > 0:
        return None
    return value[known], known


def _orders(make: Formula, a: np.ndarray, b: np.ndarray, y: np.ndarray) -> float | None:
    """The rank correlation, if the formula is the target in other words."""
    if (made := _made(make, a, b)) is None:
        return None
    value, known = made
    y = y[known]
    if not np.ptp(y) > 0:
        return None
    straight = float(np.corrcoef(value, y)[0, 1])
    ranked = float(np.corrcoef(ranks(value), ranks(y))[0, 1])
    return ranked if abs(ranked) >= ORDERED or 1.0 - straight**2 <= REST else None


def _separates(make: Formula, a: np.ndarray, b: np.ndarray, y: np.ndarray) -> float | None:
    """The ROC AUC, if the formula separates two classes."""
    if (made := _made(make, a, b)) is None:
        return None
    value, known = made
    found = _auc(value, y[known])
    return found if found >= SEPARATED else None


def _auc(x: np.ndarray, y: np.ndarray) -> float:
    """Of the better direction; 0 where a class is nearly absent."""
    positive = y == 1
    n, m = int(positive.sum()), int((~positive).sum())
    if min(n, m) < MIN_OF_A_CLASS // 3:
        return 0.0
    area = (ranks(x)[positive].sum() - n * (n - 1) / 2.0) / (n * m)
    return max(area, 1.0 - area)


def _product_of_several(columns: Mapping[str, np.ndarray], y: np.ndarray) -> Found | None:
    """A product of powers is a sum of logarithms."""
    positive = {name: np.log(x) for name, x in columns.items() if np.isfinite(x).all() and (x > 0).all()}
    if len(positive) < 2 or not (y > 0).all():
        return None
    terms = sum_of_columns(positive, np.log(y))
    if len(terms) < 2:
        return None
    powers = " × ".join(repr(name) + ("" if abs(power - 1) < 0.005 else f"^{power:.3g}") for name, power in terms)
    return Found(tuple(name for name, _ in terms), powers)
