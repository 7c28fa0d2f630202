"""Metrics in numpy, equal to scikit-learn's. y: class indices (rows,) or values; scores as models give them.

Adding a metric: a weighted formula in the module of its kind, a line in one of the tables below, and one in
`sluice.contract.metric_limits`; its direction and range stand in `sluice.model.metric_ranges`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from sluice.model.metric_ranges import LOWER_IS_BETTER, RANGES
from sluice.model.metrics import classes, numbers, probabilities, ranking
from sluice.model.metrics.business import break_even, has_value, money_metrics
from sluice.model.metrics.classes import confusion, confusion_matrix
from sluice.model.metrics.ranking import pr_auc, roc_auc
from sluice.model.metrics.weighting import Metric, Share, Weighted, mean_of_defined

__all__ = [
    "LOWER_IS_BETTER",
    "METRICS",
    "THRESHOLD",
    "Metric",
    "break_even",
    "compute",
    "confusion",
    "confusion_matrix",
    "has_value",
    "metrics_of",
    "money_metrics",
    "pr_auc",
    "roc_auc",
]

THRESHOLD: Final = 0.5
LIFTS: Final = {"lift_at_5": 0.05, "lift_at_10": 0.10, "lift_at_20": 0.20}


def binary_metrics(threshold: float = THRESHOLD) -> dict[str, Metric]:
    """`threshold`: the probability of the positive class from which a row is taken for positive."""

    def ranked(metric: Weighted) -> Metric:
        return Metric(lambda y, p, w: metric(y, p[:, 1], w))

    def chosen(metric: classes.OfMatrices, share: Share | None = None) -> Metric:
        return Metric(
            lambda y, p, w: metric(classes.confusion_weighted(y, (p[:, 1] >= threshold).astype(np.int64), w, 2)),
            share=share,
        )

    def yes(p: np.ndarray) -> np.ndarray:
        said: np.ndarray = p[:, 1] >= threshold
        return said

    return _bounded(
        {
            "roc_auc": ranked(ranking.roc_auc_weighted),
            "pr_auc": ranked(ranking.pr_auc_weighted),
            "log_loss": Metric(probabilities.log_loss_weighted),
            "brier": Metric(probabilities.brier_weighted),
            "ece": ranked(probabilities.calibration_error_weighted),
            "accuracy": chosen(classes.accuracy, lambda y, p: (y >= 0, (y != 0) == yes(p))),
            "balanced_accuracy": chosen(classes.balanced_accuracy),
            "precision": chosen(classes.of_positive(classes.precisions), lambda y, p: (yes(p), y != 0)),
            "recall": chosen(classes.recall_of_positive, lambda y, p: (y != 0, yes(p))),
            "f1": chosen(classes.f1_of_positive),
            "mcc": chosen(classes.mcc),
            **{name: ranked(_lift(share)) for name, share in LIFTS.items()},
            "selection_rate": chosen(classes.selection_rate, lambda y, p: (y >= 0, yes(p))),
            "false_positive_rate": chosen(classes.false_positive_rate, lambda y, p: (y == 0, yes(p))),
        }
    )


def _bounded(known: dict[str, Metric]) -> dict[str, Metric]:
    """The same, each with the values that it can have."""
    for name, metric in known.items():
        metric.within = RANGES.get(name, metric.within)
    return known


def _lift(share: float) -> Weighted:
    return lambda y, score, w: ranking.lift_weighted(y, score, w, share)


def _best(metric: classes.OfMatrices, share: Share | None = None) -> Metric:
    """A metric of the class with the greatest probability."""
    return Metric(lambda y, p, w: metric(classes.confusion_weighted(y, p.argmax(axis=1), w, p.shape[1])), share=share)


def _right(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return y >= 0, p.argmax(axis=1) == y


def _one_against_rest(metric: Weighted) -> Metric:
    """Unweighted mean over the classes that occur, each against all others. NaN unless two occur."""

    def mean(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
        present = np.unique(y)
        if len(present) < 2:
            return np.full(len(w), np.nan)
        return mean_of_defined(np.stack([metric((y == k).astype(np.int64), p[:, k], w) for k in present]))

    return Metric(mean)


def _confidence(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Calibration error of the chosen class's probability."""
    return probabilities.calibration_error_weighted((p.argmax(axis=1) == y).astype(np.int64), p.max(axis=1), w)


# Problem type → metric → function of (y, scores). Without money, which depends on the contract: `metrics_of`.
METRICS: Final[dict[str, dict[str, Metric]]] = {
    "binary": binary_metrics(),
    "multiclass": _bounded(
        {
            "accuracy": _best(classes.accuracy, _right),
            "macro_f1": _best(classes.macro(classes.f1s)),
            "log_loss": Metric(probabilities.log_loss_weighted),
            "balanced_accuracy": _best(classes.balanced_accuracy),
            "roc_auc": _one_against_rest(ranking.roc_auc_weighted),
            "pr_auc": _one_against_rest(ranking.pr_auc_weighted),
            "brier": Metric(probabilities.brier_weighted),
            "ece": Metric(_confidence),
            "macro_precision": _best(classes.macro(classes.precisions)),
            "macro_recall": _best(classes.macro(classes.recalls)),
            # of one label a row, micro precision, recall and F1 are all the accuracy
            "micro_f1": _best(classes.accuracy, _right),
            "weighted_precision": _best(classes.by_support(classes.precisions)),
            "weighted_recall": _best(classes.by_support(classes.recalls), _right),
            "weighted_f1": _best(classes.by_support(classes.f1s)),
            "mcc": _best(classes.mcc),
        }
    ),
    "regression": _bounded(
        {
            "rmse": Metric(numbers.rmse_weighted),
            "mae": Metric(numbers.mae_weighted),
            "r2": Metric(numbers.r2_weighted),
            "mse": Metric(numbers.mse_weighted),
            "mape": Metric(numbers.mape_weighted),
            "pinball_10": Metric(numbers.pinball_weighted(0.10)),
            "pinball_90": Metric(numbers.pinball_weighted(0.90)),
        }
    ),
}


def metrics_of(
    problem: str, business: Mapping[str, Any] | None = None, threshold: float = THRESHOLD
) -> dict[str, Metric]:
    """All metrics of a problem type, those in money too if `business` names a value."""
    known = binary_metrics(threshold) if problem == "binary" else METRICS[problem]
    return {**known, **money_metrics(problem, business)}


def compute(
    problem: str,
    y: np.ndarray,
    scores: np.ndarray,
    business: Mapping[str, Any] | None = None,
    threshold: float = THRESHOLD,
) -> dict[str, float]:
    """Their values on these rows; undefined ones (NaN) are left out."""
    values = {name: metric(y, scores) for name, metric in metrics_of(problem, business, threshold).items()}
    return {name: value for name, value in values.items() if np.isfinite(value)}
