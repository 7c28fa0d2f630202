"""Classes that were cut from a number: low birth weight, from the weight; passed, from the points.

A skill of bins does not show this where rows are few: one bin of 7 rows lies across the limit.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from sluice.model.identities.arrays import able

OF_A_CLASS = 20
"""Rows that a class must have: of fewer, an honest column sometimes divides the classes by chance."""
GAP = 0.9
"""Values lie as close to a limit that somebody set as to each other: nearer than this share of the other distances. Two
kinds of a flower are divided by a petal's length, too, but far apart."""


def cut_from(x: np.ndarray, y: np.ndarray, classes: int) -> bool:
    """Whether each class has an interval of `x` of its own, and the next one begins where it ends. `y`: indices."""
    known = np.isfinite(x)
    if not able(x) or np.bincount(y[known], minlength=classes).min() < OF_A_CLASS:
        return False
    values, labels = x[known], y[known]
    ends = sorted((values[labels == label].min(), values[labels == label].max()) for label in range(classes))
    gaps = np.array([after[0] - before[1] for before, after in pairwise(ends)])
    distances = np.diff(np.unique(values))
    # two values alone are a copy or nothing
    return len(distances) > classes and bool(gaps.min() > 0 and gaps.max() <= np.quantile(distances, GAP))
