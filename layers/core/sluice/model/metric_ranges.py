"""Direction and range of each metric. Without numpy, because contracts are checked where there is none."""

from __future__ import annotations

import math
from typing import NamedTuple


class Range(NamedTuple):
    least: float
    greatest: float


ANY = Range(-math.inf, math.inf)
LOWER_IS_BETTER = frozenset(
    {"log_loss", "brier", "ece", "mse", "rmse", "mae", "mape", "pinball_10", "pinball_90", "davies_bouldin"}
    | {"false_positive_rate"}
)
"""For all other metrics more is better, but for NEUTRAL ones."""
NEUTRAL = frozenset({"selection_rate"})
"""Neither more nor less is better; a gate may limit them on either side, or their gap between segments."""
_SHARES = (
    *("roc_auc", "pr_auc", "brier", "ece", "accuracy", "balanced_accuracy", "precision", "recall", "f1"),
    *("macro_f1", "micro_f1", "weighted_f1", "macro_precision", "weighted_precision", "macro_recall"),
    *("weighted_recall", "selection_rate", "false_positive_rate"),
)
RANGES = {
    **dict.fromkeys(_SHARES, Range(0, 1)),
    **dict.fromkeys(("log_loss", "mse", "rmse", "mae", "mape", "pinball_10", "pinball_90"), Range(0, math.inf)),
    "mcc": Range(-1, 1),
    **dict.fromkeys(("silhouette", "stability"), Range(-1, 1)),
    "adjusted_rand": Range(-1, 1),
    "v_measure": Range(0, 1),
    **dict.fromkeys(("davies_bouldin", "calinski_harabasz"), Range(0, math.inf)),
    **dict.fromkeys(("smallest_share", "flagged_share"), Range(0, 1)),
    "r2": Range(-math.inf, 1),
    # the share of the rows that is looked at bounds it
    "lift_at_5": Range(0, 20),
    "lift_at_10": Range(0, 10),
    "lift_at_20": Range(0, 5),
}
"""Metrics that are not here can have any value."""
