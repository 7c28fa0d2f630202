"""A metric is one formula over weighted rows: with every weight 1 it is the metric, with counts it is a resample's.

So the bootstrap of any metric costs a few matrix products and at most one sort, and cannot differ from the metric.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sluice.model.metric_ranges import ANY, Range

Weighted = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(y (rows,), scores as models give them, weights (resamples, rows)) → (resamples,); NaN where it is not defined."""


Share = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(y, scores) → (the rows that a share is about, those that count for it), as masks."""


class Metric:
    """Callable with (y, scores); `weighted` is the same for many weightings of the rows at once.

    `total`: a sum over the rows, so that twice the rows make it twice as great. `share`: of a metric that is a share of
    rows, which rows. `within`: the values that it can have.
    """

    __slots__ = ("share", "total", "weighted", "within")

    def __init__(
        self,
        weighted: Weighted,
        *,
        total: bool = False,
        share: Share | None = None,
        within: Range = ANY,
    ) -> None:
        self.weighted, self.total, self.share, self.within = weighted, total, share, within

    def __call__(self, y: np.ndarray, scores: np.ndarray) -> float:
        """NaN where the metric is not defined, such as on no row at all."""
        return float(self.weighted(y, scores, once(y))[0]) if len(y) else float("nan")


def once(y: np.ndarray) -> np.ndarray:
    """Weights (1, rows) that take every row once."""
    return np.ones((1, len(y)))


def mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean of values (rows,): (resamples,)."""
    return ratio(weights @ values, weights.sum(axis=1))


def mean_of_defined(each: np.ndarray) -> np.ndarray:
    """Unweighted mean over the classes for which it is defined: (classes, resamples) → (resamples,); else NaN."""
    defined = np.isfinite(each)
    return ratio(np.where(defined, each, 0.0).sum(axis=0), defined.sum(axis=0))


def ratio(part: np.ndarray, whole: np.ndarray, otherwise: float = float("nan")) -> np.ndarray:
    """part / whole; `otherwise` where the whole is 0."""
    return np.divide(part, whole, out=np.full(np.broadcast(part, whole).shape, otherwise), where=whole != 0)
