"""Whether all other columns stand still while one has changed: a fault of one column leaves the others as they are.

Each column by itself may move less than a window can show; together they show it sooner. Hotelling's test (Annals of
Mathematical Statistics 2, 1931) of the mean of the other columns' features, with the reference's correlations. Where
the reference knows the seasons, its columns always move: then the others must move farther than in its own stretches.
"""

from __future__ import annotations

import numpy as np

from sluice.watch.triage import calendar, neighbours
from sluice.watch.triage.comparison import UNUSUAL, Comparison
from sluice.watch.triage.distance import above_chance

FEWEST = 100
BY_CHANCE = 4.5
"""Standard score beyond which the others have moved."""
SMALLEST = 0.05
"""Directions with a smaller share of a feature's variance say nothing: indicators of one column add up to one."""


def others_move(comparison: Comparison, names: tuple[str, ...], rows: np.ndarray) -> bool:
    """Whether the columns besides `names` have moved in these rows; False with too few rows."""
    if len(rows) < FEWEST or comparison.unprecedented:
        return False
    shifts, chance = shifted(comparison, names, rows)
    if not len(shifts) or above_chance(float((shifts / chance).sum()), len(shifts)) <= BY_CHANCE:
        return False
    before = (shifted(each, names, np.arange(len(each.window))) for each in comparison.precedents)
    usual = max((float((squares - by_chance).sum()) for squares, by_chance in before), default=0.0)
    return float((shifts - chance).sum()) > UNUSUAL * usual


def all_move(comparison: Comparison) -> bool:
    """Whether the columns have moved together, each by too little to be seen. Columns that the clock gives do not
    count: rows come at all times. Where the reference knows the seasons, not in windows of a single one: their weather
    is one observation. Where its rows have no times, not if values last: it does not say what they usually do."""
    if "all move" not in comparison.found:
        at, told = comparison.window.arrived, tuple(comparison.reference.clock)
        short = comparison.places is not None and at is not None and float(np.ptp(at)) < calendar.YEAR / 2
        short = short or comparison.in_sequence()
        rows = np.arange(len(comparison.window))
        comparison.found["all move"] = [not short and others_move(comparison, told, rows)]
    return bool(comparison.found["all move"][0])


def shifted(comparison: Comparison, names: tuple[str, ...], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each direction in which the other columns vary independently, the squared distance of their mean from the
    usual one in standard deviations, and what chance makes of it, where neighbours in time resemble each other."""
    dependence = comparison.reference.dependence
    others = np.array([owner not in names for owner in dependence.owners], dtype=bool)
    if not others.any():
        return np.zeros(0), np.zeros(0)
    kept = comparison.reference.kept
    key = "directions " + "\0".join(names)
    if key not in kept:
        variances, axes = np.linalg.eigh(dependence.correlation[np.ix_(others, others)])
        large = variances > SMALLEST
        scale = axes[:, large] / np.sqrt(variances[large])
        kept[key] = {"scale": scale, "usual": dependence.features_of_reference[:, others] @ scale}
    scale, usual = kept[key]["scale"], kept[key]["usual"]
    now = comparison.features[:, others] @ scale
    together = np.minimum(*neighbours.together(usual, now, comparison.reference.window, comparison.window))
    mean = now[rows].mean(axis=0)
    found = [((mean - usual.mean(axis=0)) ** 2, together / len(rows) + 1 / len(usual))]
    # as for the columns, season and time of the day only excuse
    known = comparison.reference_rows(rows)
    for each in comparison.excuses(usual, mixed=rows):
        found.append(((mean - each[rows].mean(axis=0)) ** 2, together / len(rows) + 1 / known))
    return min(found, key=lambda each: float(each[0].sum()))
