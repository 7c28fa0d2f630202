"""Metrics in numpy, equal to scikit-learn's. y: class indices (rows,) or values; scores as models give them.

Adding a metric: a function and a line in one of the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

_EPS = np.finfo(np.float64).eps
# Metrics for which less is better; for all others more is.
LOWER_IS_BETTER: Final = frozenset({"log_loss", "brier", "rmse", "mae"})


def roc_auc(y: np.ndarray, score: np.ndarray) -> float:
    """P(score of a positive > score of a negative), ties count half. NaN unless both classes occur."""
    positives = int(np.count_nonzero(y))
    negatives = len(y) - positives
    if not positives or not negatives:
        return float("nan")
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    starts = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    first = np.flatnonzero(starts)
    ends = np.concatenate([first[1:], [len(y)]])
    # Mean rank of each group of ties.
    ranks = ((first + 1 + ends) / 2.0)[np.cumsum(starts) - 1]
    return float((ranks[y[order] != 0].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def pr_auc(y: np.ndarray, score: np.ndarray) -> float:
    """Average precision Σ (R_n - R_{n-1}) P_n over distinct thresholds. NaN without positives."""
    positives = int(np.count_nonzero(y))
    if not positives:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.concatenate([ranked[1:] != ranked[:-1], [True]])
    hits = np.cumsum(y[order] != 0)[last]
    precision = hits / (np.flatnonzero(last) + 1)
    recall = hits / positives
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def log_loss(y: np.ndarray, probability: np.ndarray) -> float:
    """Mean -log p of the true class; probability (rows, classes), clipped by the machine epsilon."""
    return float(-np.mean(np.log(np.clip(probability[np.arange(len(y)), y], _EPS, 1 - _EPS))))


def brier(y: np.ndarray, probability: np.ndarray) -> float:
    """Mean (p - y)² of the positive class."""
    return float(np.mean((probability[:, 1] - y) ** 2))


def confusion(y: np.ndarray, chosen: np.ndarray) -> tuple[int, int, int, int]:
    """(true positives, false positives, false negatives, true negatives)."""
    positive, chosen = y != 0, chosen != 0
    tp = int(np.count_nonzero(positive & chosen))
    fp = int(np.count_nonzero(~positive & chosen))
    fn = int(np.count_nonzero(positive & ~chosen))
    return tp, fp, fn, len(y) - tp - fp - fn


def precision(y: np.ndarray, chosen: np.ndarray) -> float:
    tp, fp, _, _ = confusion(y, chosen)
    return tp / (tp + fp) if tp + fp else 0.0


def recall(y: np.ndarray, chosen: np.ndarray) -> float:
    tp, _, fn, _ = confusion(y, chosen)
    return tp / (tp + fn) if tp + fn else 0.0


def f1(y: np.ndarray, chosen: np.ndarray) -> float:
    tp, fp, fn, _ = confusion(y, chosen)
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0


def accuracy(y: np.ndarray, chosen: np.ndarray) -> float:
    return float(np.mean(y == chosen))


def macro_f1(y: np.ndarray, chosen: np.ndarray) -> float:
    """Unweighted mean of each class's F1, over the classes that occur in either."""
    classes = np.unique(np.concatenate([y, chosen]))
    return float(np.mean([f1(y == k, chosen == k) for k in classes]))


def rmse(y: np.ndarray, value: np.ndarray) -> float:
    return float(np.sqrt(np.mean((y - value) ** 2)))


def mae(y: np.ndarray, value: np.ndarray) -> float:
    return float(np.mean(np.abs(y - value)))


def r2(y: np.ndarray, value: np.ndarray) -> float:
    """1 - residual / total variation. NaN when y does not vary."""
    total = float(np.sum((y - y.mean()) ** 2))
    return 1.0 - float(np.sum((y - value) ** 2)) / total if total > 0 else float("nan")


Metric = Callable[[np.ndarray, np.ndarray], float]
THRESHOLD: Final = 0.5


def _positive(metric: Metric) -> Metric:
    return lambda y, p: metric(y, p[:, 1])


def _chosen(metric: Metric) -> Metric:
    return lambda y, p: metric(y, (p[:, 1] >= THRESHOLD).astype(np.int64))


def _best(metric: Metric) -> Metric:
    return lambda y, p: metric(y, p.argmax(axis=1))


# Problem type → metric → function of (y, scores).
METRICS: Final[dict[str, dict[str, Metric]]] = {
    "binary": {
        "roc_auc": _positive(roc_auc),
        "pr_auc": _positive(pr_auc),
        "log_loss": log_loss,
        "brier": brier,
        "accuracy": _chosen(accuracy),
        "precision": _chosen(precision),
        "recall": _chosen(recall),
        "f1": _chosen(f1),
    },
    "multiclass": {"accuracy": _best(accuracy), "macro_f1": _best(macro_f1), "log_loss": log_loss},
    "regression": {"rmse": rmse, "mae": mae, "r2": r2},
}


def compute(
    problem: str, y: np.ndarray, scores: np.ndarray, business: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """All metrics of a problem type, money included if `business` names a value; undefined ones (NaN) are left out."""
    values = {name: float(metric(y, scores)) for name, metric in METRICS[problem].items()}
    values |= {name: metric(y, scores) for name, metric in money_metrics(problem, business).items()}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def break_even(business: Mapping[str, Any]) -> float:
    """The probability from which a contact pays: cost / value. Known before any test row, so nothing is tuned."""
    return float(business["cost_per_contact"]) / float(business["value_per_true_positive"])


def money_metrics(problem: str, business: Mapping[str, Any] | None) -> dict[str, Metric]:
    """`profit` of contacting everyone with p ≥ break-even, and its `uplift` over contacting all, on the rows given."""
    if problem != "binary" or not business or not float(business.get("value_per_true_positive") or 0) > 0:
        return {}
    value, cost = float(business["value_per_true_positive"]), float(business["cost_per_contact"])

    def profit(y: np.ndarray, p: np.ndarray) -> float:
        tp, fp, _, _ = confusion(y, p[:, 1] >= break_even(business))
        return value * tp - cost * (tp + fp)

    def uplift(y: np.ndarray, p: np.ndarray) -> float:
        return profit(y, p) - (value * int(np.count_nonzero(y)) - cost * len(y))

    return {"profit": profit, "uplift": uplift}
