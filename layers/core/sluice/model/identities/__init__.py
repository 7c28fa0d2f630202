"""Columns that give the target exactly: alone, added up, multiplied, or by a formula of two. Found without a model.

The leakage alarm of the training job, `sluice init` and `sluice check` look with this code. No sentence has a value of
a row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from sluice.model.identities import formulas, sums
from sluice.model.identities.alone import MONOTONE, one_to_one
from sluice.model.identities.arrays import able, numbers, rank_correlation
from sluice.model.identities.cuts import cut_from

IN_SUMS = ("integer", "number", "timestamp", "boolean")
ONE = 1e-6
"""How far a weight of 1 may be from it."""
IN_FORMULAS = ("integer", "number", "timestamp")


@dataclass(frozen=True)
class Identity:
    """`columns`: all its parts, also those that are not features. `formula`: of a sum or formula, with its columns."""

    kind: Literal["copy", "sum", "formula"]
    columns: tuple[str, ...]
    evidence: str
    formula: str = ""
    figures: dict[str, float] = field(default_factory=dict)


def search(
    columns: Mapping[str, Sequence[Any]],
    types: Mapping[str, str],
    y: np.ndarray,
    classes: int,
    features: Collection[str],
    seconds: float | None = None,
) -> tuple[list[Identity], list[str]]:
    """The identities with at least one feature, and notes on what was not tried.

    `columns`: typed values of all columns but the target, the strongest first; `y`: numbers, or indices of `classes`.
    `features`: those that a model would learn from; where a contract has dropped a part, the others are the rest.
    `seconds`: for pairs of columns; None: `formulas.SECONDS`.
    """
    found: list[Identity] = []
    of_numbers = {name: numbers(values) for name, values in columns.items() if types[name] in IN_SUMS}
    if not classes:
        found += _copies(of_numbers, y, features)
        rest = _without(of_numbers, found)
        found += [_sum(each) for each in sums.search(rest, y, features)]
    else:
        found += [_cut(name) for name, x in of_numbers.items() if name in features and cut_from(x, y, classes)]
    same = _without({name: columns[name] for name in columns if name in features}, found)
    found += [_one_to_one(name) for name, values in same.items() if one_to_one(values, y)]
    if classes > 2:
        return found, []
    left = {name for each in found for name in each.columns} & set(features)
    pool = {name: x for name, x in of_numbers.items() if types[name] in IN_FORMULAS and name not in left}
    computed, note = formulas.search(pool, y, classes, features, seconds)
    return [*found, *(_formula(each, classes) for each in computed)], [note] if note else []


def _without(columns: Mapping[str, Any], found: Sequence[Identity]) -> dict[str, Any]:
    named = {name for each in found for name in each.columns}
    return {name: values for name, values in columns.items() if name not in named}


def _copies(columns: Mapping[str, np.ndarray], y: np.ndarray, features: Collection[str]) -> list[Identity]:
    found = []
    for name, x in columns.items():
        if name in features and able(x) and abs(correlation := rank_correlation(x, y)) >= MONOTONE:
            evidence = f"it orders the rows exactly as the target does (rank correlation {correlation:+.5f})"
            found.append(Identity("copy", (name,), evidence, figures={"rank_correlation": correlation}))
    return found


def _one_to_one(name: str) -> Identity:
    evidence = "each of its values corresponds to one value of the target, and vice versa"
    return Identity("copy", (name,), evidence)


def _cut(name: str) -> Identity:
    evidence = "each class has an interval of its values, and the next class begins where it ends"
    return Identity("copy", (name,), evidence)


def _sum(found: sums.Sum) -> Identity:
    formula = ""
    for name, weight in found.terms:
        sign = ("-" if weight < 0 else "") if not formula else " - " if weight < 0 else " + "
        one = abs(abs(weight) - 1) < ONE
        formula += sign + ("" if one else f"{abs(weight):.6g} × ") + repr(name)
    formula += " and a constant" * found.has_constant
    return Identity("sum", found.columns, f"the target is {formula}", formula)


def _formula(found: formulas.Found, classes: int) -> Identity:
    if classes:
        evidence = f"{found.formula} separates the two classes (ROC AUC {found.value:.4f}), and no column does alone"
    elif found.value is None:
        evidence = f"the target is {found.formula}" + ", up to a factor" * found.has_factor
    else:
        evidence = f"{found.formula} orders the rows as the target does (rank correlation {found.value:+.5f})"
    figures = {} if found.value is None else {"agreement": found.value}
    return Identity("formula", found.columns, evidence, found.formula, figures)
