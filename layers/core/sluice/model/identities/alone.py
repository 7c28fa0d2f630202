"""Single columns that are the target in other words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from sluice.model.identities.arrays import MIN_ROWS

MONOTONE = 0.9999
"""Rank correlation from which on a column orders the rows exactly as the target does."""
REPEATED = 0.2
"""Share of the rows whose value and whose target occur again; with fewer, being one to one says nothing."""
EXCEPTIONS = 0.001


def one_to_one(values: Sequence[Any], y: np.ndarray) -> bool:
    """Whether each value has one target and each target one value, whatever their order."""
    targets: list[Any] = y.tolist()
    known = [(value, target) for value, target in zip(values, targets) if value is not None]
    if len(known) < max(MIN_ROWS, 0.5 * len(targets)):
        return False
    of_value, of_target = Counter(v for v, _ in known), Counter(t for _, t in known)
    if not 0.5 <= len(of_value) / len(of_target) <= 2.0:
        return False
    repeated = sum(of_value[v] > 1 and of_target[t] > 1 for v, t in known)
    if repeated < REPEATED * len(known) or len(of_target) < 2 or max(of_target.values()) > 0.9 * len(known):
        return False
    pairs = Counter(known)
    best_of_value: dict[Any, int] = {}
    best_of_target: dict[Any, int] = {}
    for (value, target), count in pairs.items():
        best_of_value[value] = max(count, best_of_value.get(value, 0))
        best_of_target[target] = max(count, best_of_target.get(target, 0))
    least = (1.0 - EXCEPTIONS) * len(known)
    return min(sum(best_of_value.values()), sum(best_of_target.values())) >= least
