"""The metrics of each problem type, their direction and range, and which limits on them can be meant."""

from __future__ import annotations

import math
from typing import NamedTuple

METRICS = {
    "binary": ("roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "precision", "recall", "f1", "profit", "uplift"),
    "multiclass": ("accuracy", "macro_f1", "log_loss"),
    "regression": ("rmse", "mae", "r2"),
}
"""What evaluation computes on the test rows."""
SUSPECTED_LEAKS = "suspected_leaks"
"""Only in a gate, and only with `max`: how many suspicions the leakage alarm has, for every type of problem."""
ONLINE_METRICS: dict[str, tuple[str, ...]] = {
    "binary": ("roc_auc", "log_loss", "brier", "accuracy", "precision", "recall", "f1"),
    "multiclass": (),
    "regression": ("rmse", "mae"),
}
"""What monitoring computes from delayed labels (`sluice.watch.quality`)."""
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae"})
BUSINESS_METRICS = frozenset({"profit", "uplift"})


class Range(NamedTuple):
    least: float
    greatest: float


RANGES = {
    **dict.fromkeys(("roc_auc", "pr_auc", "brier", "accuracy", "precision", "recall", "f1", "macro_f1"), Range(0, 1)),
    **dict.fromkeys(("log_loss", "rmse", "mae"), Range(0, math.inf)),
    "r2": Range(-math.inf, 1),
}
"""Metrics that are not here can have any value."""


GREATEST_PSI = 18.4
"""Of two distributions that share no bin: the smallest share that counts (profile.drift.SMALLEST) bounds it."""


def limit_violation(metric: str, *, minimum: float | None, maximum: float | None) -> str | None:
    """Return why these limits on a metric cannot be meant, with the next step; None if they can."""
    if metric in LOWER_IS_BETTER and minimum is not None:
        return f"{metric} is better the smaller it is, so `min` would refuse good models: write `max: {minimum:g}`"
    if metric not in LOWER_IS_BETTER and maximum is not None:
        return f"{metric} is better the greater it is, so `max` would refuse good models: write `min: {maximum:g}`"
    limit = maximum if minimum is None else minimum
    bounds = RANGES.get(metric)
    if limit is None or bounds is None or bounds.least <= limit <= bounds.greatest:
        return None
    percent = f"; {limit:g} % is written {limit / 100:g}" if bounds == Range(0, 1) and 1 < limit <= 100 else ""
    return f"{metric} cannot be {limit:g}: it lies between {bounds.least:g} and {bounds.greatest:g}{percent}"
