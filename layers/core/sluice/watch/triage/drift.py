"""Real drift: what is left when no fault explains a difference, and why it is plausible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sluice.watch.triage.comparison import Z_CHANGED, Comparison
from sluice.watch.triage.concept import Concept, labels_moved
from sluice.watch.triage.hypotheses.feed import leaving_group, volume
from sluice.watch.triage.newcomers import newcomer
from sluice.watch.triage.other_rows import moved
from sluice.watch.triage.standstill import all_move, others_move
from sluice.watch.triage.window import Reason


@dataclass(frozen=True, eq=False)
class Drift:
    """A real drift, or (`UNEXPLAINED`, `JUMP`) a difference that a person must judge."""

    reason: Reason
    columns: tuple[str, ...]
    what: str
    first: int
    evidence: dict[str, Any]
    last: int | None = None
    """The row after the last one; None: it lasts until the end of the window."""


def drift(comparison: Comparison) -> Drift | None:
    changed = comparison.changed
    evidence: dict[str, Any] = {"sizes": {name: round(column.size, 4) for name, column in changed.items()}}
    first = min((column.stretch.first for column in changed.values()), default=0)
    if changed and not comparison.covered:
        what = "the window is of a time of the year that the reference has not seen"
        return Drift(Reason.COVARIATE_SHIFT, tuple(changed), what, first, evidence)
    for name in changed:
        fresh = newcomer(comparison, name)
        if fresh:
            what = f"a new value {fresh!r} of {name} takes a share from the others"
            return Drift(Reason.NEW_SEGMENT, (name,), what, changed[name].stretch.first, evidence)
    if len(changed) == 1:
        name, column = next(iter(changed.items()))
        if column.scores.get("far", 0.0) > Z_CHANGED and far_share(comparison, name) > 0.02:
            what = f"{name} has values far beyond all that the reference has"
            return Drift(Reason.UNEXPLAINED, (name,), what, column.stretch.first, evidence)
    leaving = leaving_group(comparison)
    if leaving:
        what = f"a group of {leaving} leaves little by little, with its rows"
        return Drift(Reason.COVARIATE_SHIFT, (leaving,), what, first, evidence)
    labels = labels_moved(comparison)
    if len(changed) >= 2 or (changed and labels):
        what = f"{len(changed)} columns{' and the labels' if labels else ''} move together"
        return Drift(Reason.COVARIATE_SHIFT, tuple(changed), what, first, evidence)
    if changed:
        return alone(comparison, next(iter(changed)), evidence)
    if all_move(comparison):
        what = "the columns move together, each by little"
        return Drift(Reason.COVARIATE_SHIFT, (), what, 0, evidence)
    concept = Concept.of(comparison)
    if concept is not None and concept.changed:
        evidence["labels"] = {"z": round(concept.stretch.z, 1), "signal": concept.signal}
        if concept.prior_only():
            what = "the shares of the labels have changed, and the rows of each class are as usual"
            return Drift(Reason.PRIOR_SHIFT, (), what, int(concept.rows[concept.stretch.first]), evidence)
        what = "the columns are as usual, and the labels follow them in another way"
        return Drift(Reason.CONCEPT_DRIFT, (), what, int(concept.rows[concept.stretch.first]), evidence)
    if labels:
        what = "the labels have other shares, and the columns hardly move"
        return Drift(Reason.PRIOR_SHIFT, (), what, 0, evidence)
    return None


def far_share(comparison: Comparison, name: str) -> float:
    """The share of values that are more than half of the reference's range away from it."""
    ordered, values = comparison.reference.numbers[name].ordered, comparison.window.columns[name]
    reach = 0.5 * (ordered[-1] - ordered[0])
    return float(np.mean((values < ordered[0] - reach) | (values > ordered[-1] + reach)))


def alone(comparison: Comparison, name: str, evidence: dict[str, Any]) -> Drift:
    """One column moved alone."""
    column = comparison.changed[name]
    first = column.stretch.first
    if comparison.told_by_clock(name) and volume(comparison) is not None:
        what = f"rows come at other times: {name} says what the clock says"
        return Drift(Reason.COVARIATE_SHIFT, (name,), what, first, evidence)
    if others_move(comparison, (name,), column.stretch.inner):
        what = f"{name} moves, and the other columns with it, each by little"
        return Drift(Reason.COVARIATE_SHIFT, (name,), what, first, evidence)
    others = moved(comparison, name, column.stretch.inner)
    other_rows = None if others is None else others.rows
    if others is not None:
        evidence["other_columns"] = {"moved": round(others.ratio, 3), "error": round(others.error, 3)}
    if other_rows:
        what = f"{name} moves, and the other columns move as its dependence on them demands"
        return Drift(Reason.COVARIATE_SHIFT, (name,), what, first, evidence)
    if name in comparison.reference.words and other_rows is None:
        what = f"the mix of {name} is another one, of values that are known"
        return Drift(Reason.COVARIATE_SHIFT, (name,), what, first, evidence)
    if (first > 0 or column.stretch.last < len(comparison.window)) and not comparison.without_precedent(name):
        what = f"{name} alone jumps at one instant, while all other columns stand still"
        return Drift(Reason.JUMP, (name,), what, first, evidence, column.stretch.last)
    return Drift(Reason.UNEXPLAINED, (name,), f"{name} alone differs, and no hypothesis explains how", first, evidence)
