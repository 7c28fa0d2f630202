"""Quality of a serving model on delayed labels. Pure Python: (truth, answer) pairs → a metric, None when undefined."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Pairs = Sequence[tuple[bool, float]]
Values = Sequence[tuple[float, float]]
DECIDED = frozenset({"accuracy", "precision", "recall", "f1"})
"""Metrics of what the model said, 1 or 0, not of its probability: the threshold is the model's."""
_HALF = 0.5


def roc_auc(pairs: Pairs) -> float | None:
    """P(score of a positive > score of a negative), ties half: the Mann–Whitney statistic by mean ranks."""
    positives = sum(1 for truth, _ in pairs if truth)
    negatives = len(pairs) - positives
    if not positives or not negatives:
        return None
    ordered = sorted(pairs, key=lambda pair: pair[1])
    rank_sum, start = 0.0, 0
    while start < len(ordered):
        end = start
        while end < len(ordered) and ordered[end][1] == ordered[start][1]:
            end += 1
        rank_sum += (start + 1 + end) / 2 * sum(1 for truth, _ in ordered[start:end] if truth)
        start = end
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def log_loss(pairs: Pairs) -> float | None:
    if not pairs:
        return None
    return -math.fsum(math.log(min(max(p if truth else 1 - p, 1e-15), 1.0)) for truth, p in pairs) / len(pairs)


def brier(pairs: Pairs) -> float | None:
    return math.fsum((p - truth) ** 2 for truth, p in pairs) / len(pairs) if pairs else None


def _confusion(pairs: Pairs) -> tuple[int, int, int, int]:
    hit = sum(1 for truth, p in pairs if truth and p >= _HALF)
    false = sum(1 for truth, p in pairs if not truth and p >= _HALF)
    miss = sum(1 for truth, p in pairs if truth and p < _HALF)
    return hit, false, miss, len(pairs) - hit - false - miss


def accuracy(pairs: Pairs) -> float | None:
    hit, _, _, rest = _confusion(pairs)
    return (hit + rest) / len(pairs) if pairs else None


def precision(pairs: Pairs) -> float | None:
    hit, false, _, _ = _confusion(pairs)
    return hit / (hit + false) if hit + false else None


def recall(pairs: Pairs) -> float | None:
    hit, _, miss, _ = _confusion(pairs)
    return hit / (hit + miss) if hit + miss else None


def f1(pairs: Pairs) -> float | None:
    hit, false, miss, _ = _confusion(pairs)
    return 2 * hit / (2 * hit + false + miss) if hit + false + miss else None


def rmse(values: Values) -> float | None:
    return math.sqrt(math.fsum((t - p) ** 2 for t, p in values) / len(values)) if values else None


def mae(values: Values) -> float | None:
    return math.fsum(abs(t - p) for t, p in values) / len(values) if values else None


BINARY: dict[str, Callable[[Pairs], float | None]] = {
    "roc_auc": roc_auc,
    "log_loss": log_loss,
    "brier": brier,
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
}
REGRESSION: dict[str, Callable[[Values], float | None]] = {"rmse": rmse, "mae": mae}
