"""The loss that guides the search: the contract's metric, with a little of a smooth loss where the metric has steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from families.objectives import quantile_of, relative_weights, row_errors
from sluice.model.metrics import LOWER_IS_BETTER, METRICS, THRESHOLD, metrics_of

SMOOTH = {
    "accuracy": 0.1, "balanced_accuracy": 0.1, "precision": 0.1, "recall": 0.1, "f1": 0.1, "mcc": 0.1,
    "macro_f1": 0.1, "micro_f1": 0.1, "weighted_f1": 0.1, "macro_precision": 0.1, "macro_recall": 0.1,
    "weighted_precision": 0.1, "weighted_recall": 0.1, "lift_at_5": 0.1, "lift_at_10": 0.1, "lift_at_20": 0.1,
}  # fmt: skip
"""Metrics that move in steps, whose best step is chance on some hundred rows → the weight of log loss beside them."""


class Loss:
    """Less is better; infinite where the metric is not defined. Raises KeyError for a metric of another problem."""

    def __init__(
        self,
        problem: str,
        name: str,
        business: Mapping[str, Any] | None,
        threshold: float = THRESHOLD,
        *,
        smooth: bool = True,
    ) -> None:
        self._metric = metrics_of(problem, business, threshold)[name]
        self._sign = 1.0 if name in LOWER_IS_BETTER else -1.0
        self._smooth = SMOOTH.get(name, 0.0) if smooth else 0.0
        self._log_loss = METRICS[problem].get("log_loss")

    def __call__(self, y: np.ndarray, answer: np.ndarray) -> float:
        return float(self.weighted(y, answer, np.ones((1, len(y))))[0])

    def weighted(self, y: np.ndarray, answer: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The loss under each weighting of the rows. `weights`: (weightings, rows); the result: (weightings,)."""
        value = self._sign * self._metric.weighted(y, answer, weights)
        if self._smooth and self._log_loss is not None:
            value = value + self._smooth * self._log_loss.weighted(y, answer, weights)
        found: np.ndarray = np.where(np.isfinite(value), value, np.inf)
        return found


@dataclass(frozen=True)
class RowLosses:
    """A proper loss of each row, for tests of differences: log loss, or the error whose mean the metric is."""

    problem: str
    metric: str = ""

    def __call__(self, y: np.ndarray, answer: np.ndarray) -> np.ndarray:
        """Shape (rows,), of class indices or values `y` and an answer of `Family.answer`."""
        if self.problem != "regression":
            losses: np.ndarray = -np.log(np.clip(answer[np.arange(len(y)), y], 1e-6, 1.0))
            return losses
        losses = row_errors(y, answer, quantile_of(self.problem, self.metric))
        return losses * relative_weights(y) if self.metric == "mape" else losses


def errors_behind(row_losses: RowLosses, y: np.ndarray, ours: np.ndarray, other: np.ndarray) -> float:
    """By how many standard errors of the rows' mean difference `ours` has the greater loss; 0 where none differs."""
    difference = row_losses(y, ours) - row_losses(y, other)
    error = float(difference.std()) / np.sqrt(len(difference))
    return float(difference.mean()) / error if error > 0 else 0.0


def complements(row_losses: RowLosses, y: np.ndarray, ours: np.ndarray, best: np.ndarray) -> bool:
    """Whether a quarter of `ours` makes `best` better by a standard error: an ensemble of both is worth its time."""
    return errors_behind(row_losses, y, 0.75 * best + 0.25 * ours, best) < -1.0
