"""The metrics of each problem type, their direction and range, and which limits on them can be meant."""

from __future__ import annotations

from sluice.contract.unlabelled import EITHER_LIMIT
from sluice.contract.unlabelled import METRICS as UNLABELLED_METRICS
from sluice.model.metric_ranges import LOWER_IS_BETTER, NEUTRAL, RANGES, Range

__all__ = [
    "BUSINESS_METRICS",
    "GREATEST_PSI",
    "LOWER_IS_BETTER",
    "METRICS",
    "NEUTRAL",
    "OF_ALL_CLASSES",
    "ONLINE_METRICS",
    "RANGES",
    "Range",
    "limit_violation",
    "margin_violation",
]

METRICS = {
    "binary": (
        *("roc_auc", "pr_auc", "log_loss", "brier", "ece", "accuracy", "balanced_accuracy", "precision", "recall"),
        *("f1", "mcc", "lift_at_5", "lift_at_10", "lift_at_20", "selection_rate", "false_positive_rate"),
        *("profit", "uplift", "value_per_decision"),
    ),
    "multiclass": (
        *("accuracy", "macro_f1", "log_loss", "balanced_accuracy", "roc_auc", "pr_auc", "brier", "ece"),
        *("macro_precision", "macro_recall", "micro_f1", "weighted_precision", "weighted_recall", "weighted_f1", "mcc"),
    ),
    "regression": ("rmse", "mae", "r2", "mse", "mape", "pinball_10", "pinball_90"),
    **UNLABELLED_METRICS,
}
"""What evaluation computes on the test rows."""
SUSPECTED_LEAKS = "suspected_leaks"
"""Only in a gate, and only with `max`: how many suspicions the leakage alarm has, for every type of problem."""
OF_ALL_CLASSES = frozenset({"log_loss", "roc_auc", "pr_auc", "brier"})
"""For several classes, they need the probabilities of all classes; an answer has only that of the predicted one.
Where `monitor.quality` asks for one of them, the monitor scores the captured rows again with the serving model."""
ONLINE_METRICS: dict[str, tuple[str, ...]] = {
    "binary": METRICS["binary"],
    "multiclass": METRICS["multiclass"],
    "regression": METRICS["regression"],
    "clustering": ("adjusted_rand", "v_measure"),
    "anomaly": (
        *("roc_auc", "pr_auc", "accuracy", "balanced_accuracy", "precision", "recall", "f1", "mcc"),
        *("selection_rate", "false_positive_rate"),
    ),
}
"""What monitoring computes from delayed labels (`sluice.watch.quality_sketch`)."""
BUSINESS_METRICS = frozenset({"profit", "uplift", "value_per_decision"})
"""Computed only if the contract's `business` names a value."""
GREATEST_PSI = 18.4
"""The PSI of two distributions without a common bin: the smallest share that counts (drift.SMALLEST) bounds it."""


def margin_violation(metric: str, key: str, margin: float) -> str | None:
    """Return why no difference of two values of a metric can be this `margin`, with the next step; None if one can."""
    if metric in NEUTRAL and key != "max_gap":
        return f"of {metric} neither more nor less is better, so no model is better than another by it: name another"
    if margin < 0:
        return f"{key} {margin:g} would let a model pass that is worse by {-margin:g}: write 0 for better at all"
    bounds = RANGES.get(metric)
    if bounds is None or margin <= (width := bounds.greatest - bounds.least):
        return None
    percent = f"; {margin:g} % is written {margin / 100:g}" if bounds == Range(0, 1) and margin <= 100 else ""
    decided = "never pass" if key == "above_baseline_by" else "never fail"
    return f"two values of {metric} differ by at most {width:g}, so {key} {margin:g} could {decided}{percent}"


def limit_violation(metric: str, *, minimum: float | None, maximum: float | None) -> str | None:
    """Return why these limits on a metric cannot be meant, with the next step; None if they can."""
    if metric in EITHER_LIMIT or metric in NEUTRAL:
        pass
    elif metric in LOWER_IS_BETTER and minimum is not None:
        return f"{metric} is better the smaller it is, so `min` would refuse good models: write `max: {minimum:g}`"
    elif metric not in LOWER_IS_BETTER and maximum is not None:
        return f"{metric} is better the greater it is, so `max` would refuse good models: write `min: {maximum:g}`"
    limit = maximum if minimum is None else minimum
    bounds = RANGES.get(metric)
    if limit is None or bounds is None or bounds.least <= limit <= bounds.greatest:
        return None
    percent = f"; {limit:g} % is written {limit / 100:g}" if bounds == Range(0, 1) and 1 < limit <= 100 else ""
    return f"{metric} cannot be {limit:g}: it lies between {bounds.least:g} and {bounds.greatest:g}{percent}"
