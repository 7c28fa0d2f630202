"""Targets that are computed from two columns: product, quotient, difference or sum; or from up to four by multiplying.

Of numbers the formula orders the rows as the target does, or is the target but for a factor and a constant. Of two
classes it separates them, which no column does alone: honest data that can be separated have a strong column.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sluice.model.identities import sums
from sluice.model.identities.arrays import MIN_ROWS, able, rank_correlation, ranks

FIRST_ROWS, ROWS = 200, 2_000
"""Rows on which all pairs are tried; a formula that may hold there is tried on more, and at last on all."""
MAY_HOLD = 0.98
"""Correlation on the first rows."""
COLUMNS = 40
"""Number columns whose pairs are tried, the strongest first."""
SECONDS = 10.0
ORDERED = 0.9999
REST = 1e-4
"""The share of the variance that may be left. Rounding a target with a spread of 30 to whole numbers leaves less."""
SEPARATED = 0.9995
ALONE = 0.98
"""ROC AUC of the formula, and of every column alone."""
NEARLY = 0.99
"""Squared correlation from which on a column that is not a feature says it all, and the one beside it nothing more."""
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
    has_factor: bool = False


def search(
    columns: Mapping[str, np.ndarray],
    y: np.ndarray,
    classes: int,
    features: Collection[str],
    seconds: float | None = None,
) -> tuple[list[Found], str | None]:
    """The formulas with at least one feature, and a note on what was not tried.

    `columns`: the strongest first, (rows,) with NaN for missing; `classes`: 0 for numbers, or 2; `features`: the
    columns that a model would learn from (`sums.search`). `seconds`: None is SECONDS.
    """
    began, limit = time.monotonic(), SECONDS if seconds is None else seconds
    usable = {name: x for name, x in columns.items() if able(x)}
    if len(y) < MIN_ROWS or not np.ptp(y) > 0 or (classes and np.bincount(y).min() < MIN_OF_A_CLASS):
        return [], None
    found = [] if classes else _products_of_several(usable, y, features)
    if classes:
        strong = {name for name, x in usable.items() if _auc(x[np.isfinite(x)], y[np.isfinite(x)]) >= ALONE}
        if strong & set(features):
            return [], None
        usable = {name: x for name, x in usable.items() if name not in strong}
    pairs = [(a, b) for a, b in _pairs(list(usable)[:COLUMNS]) if a in features or b in features]
    few, more = (np.linspace(0, len(y) - 1, min(rows, len(y))).astype(np.intp) for rows in (FIRST_ROWS, ROWS))
    fits = _separates if classes else _orders
    named = {name for each in found for name in each.columns}
    tried = 0
    for a, b in pairs:
        if time.monotonic() - began > limit:
            break
        tried += 1
        if named & {a, b} & set(features):
            continue
        for formula, make in FORMULAS.items():
            if not classes and not _may_order(make, usable[a][few], usable[b][few], y[few]):
                continue
            if fits(make, usable[a][more], usable[b][more], y[more]) is None:
                continue
            value = fits(make, usable[a], usable[b], y)
            if value is not None and not any(_nearly(usable[name], y) for name in {a, b} - set(features)):
                found.append(Found((a, b), formula.format(a=repr(a), b=repr(b)), value))
                named |= {a, b}
                break
    others = len(set(usable) - set(features))
    left = (len(usable) * (len(usable) - 1) - others * (others - 1)) // 2 - tried
    what = "products, quotients, differences and sums"
    return found, f"{what} of {left:,} pairs of number columns were not tried ({tried:,} were)" if left else None


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


def _may_order(make: Formula, a: np.ndarray, b: np.ndarray, y: np.ndarray) -> bool:
    """Whether few rows do not rule it out."""
    if (made := _made(make, a, b)) is None:
        return True
    value, known = made
    if not np.ptp(y[known]) > 0:
        return True
    straight = abs(float(np.corrcoef(value, y[known])[0, 1]))
    return straight >= MAY_HOLD or abs(rank_correlation(value, y[known])) >= MAY_HOLD


def _nearly(x: np.ndarray, y: np.ndarray) -> bool:
    known = np.isfinite(x)
    if not np.ptp(y[known]) > 0:
        return False
    return max(abs(float(np.corrcoef(x[known], y[known])[0, 1])), abs(rank_correlation(x, y))) ** 2 >= NEARLY


def _separates(make: Formula, a: np.ndarray, b: np.ndarray, y: np.ndarray) -> float | None:
    """The ROC AUC, if the formula separates two classes."""
    if (made := _made(make, a, b)) is None:
        return None
    value, known = made
    found = _auc(value, y[known])
    return found if found >= SEPARATED else None


def _auc(x: np.ndarray, y: np.ndarray) -> float:
    """The ROC AUC of the better direction; 0 if a class is nearly absent."""
    positive = y == 1
    n, m = int(positive.sum()), int((~positive).sum())
    if min(n, m) < MIN_OF_A_CLASS // 3:
        return 0.0
    area = (ranks(x)[positive].sum() - n * (n - 1) / 2.0) / (n * m)
    return max(area, 1.0 - area)


def _products_of_several(columns: Mapping[str, np.ndarray], y: np.ndarray, features: Collection[str]) -> list[Found]:
    """A product of powers is a sum of logarithms."""
    positive = y > 0
    if not positive.mean() > 0.5:
        return []
    logs = {}
    for name, x in columns.items():
        with np.errstate(all="ignore"):
            log = np.log(x[positive])
        log[~np.isfinite(log)] = np.nan
        if able(log):
            logs[name] = log
    found = []
    for each in sums.search(logs, np.log(y[positive]), features, missing_is_zero=False):
        if len(each.terms) > 1:
            found.append(Found(each.columns, _powers(each.terms), has_factor=each.has_constant))
    return found


def _powers(terms: Sequence[tuple[str, float]]) -> str:
    """
    >>> _powers([("cost", -1.0), ("price", 1.0), ("size", 2.0)])
    "'price' × 'size'^2 / 'cost'"
    """
    text = ""
    for name, power in sorted(terms, key=lambda term: term[1] < 0):
        sign = " × " if text and power > 0 else " / " if power < 0 else ""
        text += (sign if text or power > 0 else "1 / ") + repr(name)
        text += "" if abs(abs(power) - 1) < 0.005 else f"^{abs(power):.3g}"
    return text
