"""Values in the wrong column: two columns swapped, several shifted by one, another column's value included."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sluice.watch.triage.comparison import Comparison, variation
from sluice.watch.triage.distance import allowed, ascending, kolmogorov
from sluice.watch.triage.finding import Finding
from sluice.watch.triage.profile import counts_of, words_of
from sluice.watch.triage.window import Reason

CHAIN = 3
"""No real change gives so many columns the distributions of others."""


def misplaced(comparison: Comparison) -> Iterator[Finding]:
    """A changed column has the distribution of another one. Two that have each other's are swapped."""
    changed = list(comparison.changed)
    if len(changed) < 2:
        return
    nearest: dict[str, tuple[float, str]] = {}
    itself: dict[str, float] = {}
    takes: dict[str, str] = {}
    for name in changed:
        column = comparison.changed[name]
        best = min(((alike(comparison, name, other), other) for other in peers(comparison, name)), default=(1.0, ""))
        limit = 0.02 + 1.2 * allowed(len(column.stretch.inner), len(comparison.reference.window))
        limit = max(limit, 0.8 * comparison.usual_size(best[1]))
        nearest[name] = best
        itself[name] = min(column.size, distance(comparison, name, name))
        if best[0] < min(limit, 0.3 * itself[name]):
            takes[name] = best[1]
    for name, other in takes.items():
        # if one has the other's values, the other need only be nearer to it than to itself
        if nearest.get(other, (1.0, ""))[1] == name and nearest[other][0] < 0.5 * itself[other]:
            where = comparison.changed[name].stretch.places
            yield Finding(
                Reason.SWAPPED, (name, other), f"and {other} have each other's values", where,
                max(nearest[name][0], nearest[other][0]), certain=True,
            )  # fmt: skip
            return
    chain = [name for name, other in takes.items() if other in comparison.changed]
    if len(chain) >= 2:
        where = comparison.changed[chain[0]].stretch.places
        named = tuple(dict.fromkeys([*chain, *(takes[name] for name in chain)]))
        yield Finding(
            Reason.SHIFTED, named, f"has the values of {takes[chain[0]]}, and so on: columns are shifted", where,
            max(nearest[name][0] for name in chain), certain=len(chain) >= CHAIN,
            evidence={"takes": {name: takes[name] for name in chain}},
        )  # fmt: skip


def peers(comparison: Comparison, name: str) -> list[str]:
    numbers = comparison.reference.numbers
    group = numbers if name in numbers else comparison.reference.words
    return [other for other in group if other != name]


def alike(comparison: Comparison, name: str, other: str) -> float:
    """How far the window's `name` is from the reference's `other`; 1 if its values are not values of the other."""
    values = comparison.window.columns[name][comparison.changed[name].stretch.inner]
    if name in comparison.reference.numbers:
        present, whole = ascending(values), comparison.reference.numbers[other]
        if len(present) < 8 or float(whole.known(present).mean()) <= 0.7 * whole.seen:
            return 1.0
    elif comparison.reference.words[other].free:
        return 1.0
    return distance(comparison, name, other)


def distance(comparison: Comparison, name: str, other: str) -> float:
    """The distance of the window's `name` from the reference's `other`."""
    inner = comparison.changed[name].stretch.inner
    values = comparison.window.columns[name][inner]
    if name in comparison.reference.numbers:
        base = comparison.base_numbers(other, inner)
        return kolmogorov(base.ordered, ascending(values)) if base.rows else 1.0
    return variation(comparison.base_words(other, inner), counts_of(words_of(values)))


def included(comparison: Comparison) -> Iterator[Finding]:
    """A total instead of a part: less another column's value, the column is as usual."""
    numbers = comparison.reference.numbers
    for name, column in comparison.changed.items():
        if name not in numbers:
            continue
        inner = column.stretch.inner
        values = comparison.window.columns[name][inner]
        base = comparison.base_numbers(name, inner)
        before = kolmogorov(base.ordered, np.sort(values[~np.isnan(values)]))
        if before < 0.08:
            continue
        found: list[tuple[float, str]] = []
        for other in numbers:
            if other == name or other in comparison.changed:
                continue
            less = values - comparison.window.columns[other][inner]
            less = np.sort(less[~np.isnan(less)])
            if len(less) < 20 or float(np.mean(comparison.window.columns[other][inner] != 0)) < 0.05:
                continue
            apart = kolmogorov(base.ordered, less)
            if base.seen > 0.5 and float(comparison.reference.numbers[name].known(less).mean()) < 0.7 * base.seen:
                continue
            found.append((apart, other))
        if found and min(found)[0] <= min(0.3 * before, allowed(len(inner), base.rows) + 0.02):
            apart, other = min(found)
            yield Finding(
                Reason.FOREIGN, (name,), f"has the value of {other} included", column.stretch.places, apart,
                certain=base.seen > 0.5, evidence={"other": other},
            )  # fmt: skip
