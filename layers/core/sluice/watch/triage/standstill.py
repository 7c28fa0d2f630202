"""Whether all other columns stand still while one has changed: a fault of one column leaves the others as they are.

Each column by itself may move less than a window can show; together they show it sooner. Hotelling's test (Annals of
Mathematical Statistics 2, 1931) of the mean of the other columns' features, with the reference's correlations.
"""

from __future__ import annotations

import numpy as np

from sluice.watch.triage.comparison import Comparison
from sluice.watch.triage.distance import above_chance

FEWEST = 100
BY_CHANCE = 4.5
"""Standard score beyond which the others have moved."""
SMALLEST = 0.05
"""Directions with a smaller share of a feature's variance say nothing: indicators of one column add up to one."""


def others_move(comparison: Comparison, names: tuple[str, ...], rows: np.ndarray) -> bool:
    """Whether the columns besides `names` have moved in these rows.

    False also where it cannot be tested: too few rows, or a reference that knows the seasons: its columns always move.
    """
    dependence = comparison.reference.dependence
    if len(rows) < FEWEST or comparison.precedents or comparison.places is not None:
        return False
    others = np.array([owner not in names for owner in dependence.owners])
    if not others.any():
        return False
    variances, axes = np.linalg.eigh(dependence.correlation[np.ix_(others, others)])
    kept = variances > SMALLEST
    usual = dependence.features_of_reference[:, others].mean(axis=0)
    shift = (comparison.features[rows][:, others].mean(axis=0) - usual) @ axes[:, kept]
    together = max([1.0, *(column.together for each, column in comparison.columns.items() if each not in names)])
    count = 1 / (together / len(rows) + 1 / len(comparison.reference.window))
    return above_chance(count * float((shift**2 / variances[kept]).sum()), int(kept.sum())) > BY_CHANCE
