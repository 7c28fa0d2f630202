"""How good anomaly scores are: `scores` (rows,) 0 to 1, 0.5 at the limit; `truth` (rows,) 1, 0, or NaN: unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from sluice.model import metrics
from sluice.model.schema import Row
from sluice.model.values import is_positive

LABELLED: Final = ("pr_auc", "roc_auc", "precision", "recall", "f1")
"""Metrics that need labels, measured on the rows that have one."""
QUANTILES: Final = (0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)


def truths(contract: Mapping[str, Any], rows: Sequence[Row]) -> np.ndarray:
    """1 for an anomaly, 0 for none, NaN where the row has no label, or the contract no target; shape (rows,)."""
    problem = contract["problem"]
    target = problem.get("target")
    if target is None:
        return np.full(len(rows), np.nan)
    kind, positive = contract["data"]["columns"][target]["type"], problem.get("positive")
    positive = True if positive is None else positive
    return np.array(
        [np.nan if (value := row.get(target)) is None else float(is_positive(value, positive, kind)) for row in rows]
    )


def measured(scores: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """`flagged_share` of all rows, and LABELLED of those with a label; undefined ones are left out."""
    found = {"flagged_share": float(np.mean(scores >= metrics.THRESHOLD))}
    known = ~np.isnan(truth)
    if known.any():
        y, pair = truth[known].astype(np.int64), two_columns(scores[known])
        found |= {name: float(metrics.METRICS["binary"][name](y, pair)) for name in LABELLED if y.any()}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def two_columns(scores: np.ndarray) -> np.ndarray:
    """(rows, 2), as the metrics of two classes take them."""
    return np.stack([1.0 - scores, scores], axis=1)


def rank_agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation of two scores of the same rows; NaN where one of them is constant."""
    a, b = mean_ranks(one), mean_ranks(other)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else float("nan")


def flagged_agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Rows that both flag over rows that any of the two does (Jaccard); 1 where none is flagged at all."""
    a, b = one >= metrics.THRESHOLD, other >= metrics.THRESHOLD
    either = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / either) if either else 1.0


def quantiles(scores: np.ndarray) -> dict[str, float]:
    """Quantile → score."""
    return {f"{q:g}": float(value) for q, value in zip(QUANTILES, np.quantile(scores, QUANTILES), strict=True)}


def mean_ranks(values: np.ndarray) -> np.ndarray:
    """Mean ranks, ties shared."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: np.ndarray = (ends - (counts - 1) / 2.0)[places]
    return ranks
