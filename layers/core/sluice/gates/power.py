"""Which margin a number of test rows can decide, for a champion gate that is drafted before there is a model.

A candidate that is exactly as good as the champion passes with probability POWER if the margin is at least

    (z((1 + confidence) / 2) + z(POWER)) · s / √rows

s is the standard deviation of a test row's part in the difference between the two models. Below that margin, chance
alone keeps equal candidates out, and a project stays with a model of old rows. Source: the sample size of a
non-inferiority trial, Julious, Statistics in Medicine 23, 2004.
"""

from __future__ import annotations

import math
from statistics import NormalDist

POWER = 0.9
SPREAD = {"roc_auc": 0.15, "accuracy": 0.2, "r2": 0.15}
"""s by metric: of two fits of one recipe, the first on three quarters of the training rows (docs/gates.md)."""
LEAST, GREATEST = 0.005, 0.1
"""Margins that a draft names: a smaller one is not worth a refusal, a greater one would refuse next to nothing."""


def decidable_margin(metric: str, rows: int, confidence: float) -> float:
    """To be written into a contract: rounded up to thousandths, from LEAST to GREATEST. `rows`: test rows.

    >>> [decidable_margin("roc_auc", rows, 0.95) for rows in (400, 2_500, 50_000)]
    [0.025, 0.01, 0.005]
    """
    normal = NormalDist()
    needed = (normal.inv_cdf((1 + confidence) / 2) + normal.inv_cdf(POWER)) * SPREAD[metric] / math.sqrt(max(1, rows))
    return min(GREATEST, max(LEAST, math.ceil(needed * 1_000) / 1_000))
