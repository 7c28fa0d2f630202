"""What rows say about rows that are not there, where a bootstrap says too much: it draws nothing but the rows it has.

Of 20 rows that are all right each draw has an accuracy of 1, and two models that differ in one of 300 rows are never
told apart the other way. So shares of rows have intervals that do not come from draws:

- one share: Wilson's score interval (Journal of the American Statistical Association 22, 1927);
- the difference of two shares of the same rows: the adjusted Wald interval of Bonett and Price (Journal of Educational
  and Behavioral Statistics 37, 2012), which counts the rows that only one of the two models gets right.

Of other metrics, if all draws agree, the rows say this much: at most `unseen` of all rows are of a kind that none of
them is. In the worst case these move a metric by that share of its range.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from sluice.model.metrics import Metric

_ALIKE = 1e-12


def wilson(hits: float, rows: float, confidence: float = 0.95) -> tuple[float, float]:
    """
    >>> [round(end, 3) for end in wilson(0, 20)]
    [0.0, 0.161]
    """
    share, z = hits / rows, NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return 0.0 if not hits else max(0.0, middle - half), 1.0 if hits == rows else min(1.0, middle + half)


def difference_of_shares(only_one: int, only_other: int, rows: int, confidence: float) -> tuple[float, float]:
    """Interval of one model's share minus the other's. `only_one` and `only_other`: rows that count for it alone.

    >>> [round(end, 3) for end in difference_of_shares(1, 0, 300, 0.95)]
    [-0.008, 0.015]
    """
    one, other = (only_one + 1) / (rows + 2), (only_other + 1) / (rows + 2)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    half = z * math.sqrt((one + other - (one - other) ** 2) / (rows + 2))
    return max(-1.0, one - other - half), min(1.0, one - other + half)


def unseen(rows: int, confidence: float) -> float:
    """The greatest share that rows of a kind may have, if `rows` rows have none of that kind (Clopper and Pearson).

    >>> round(unseen(30, 0.95), 3)
    0.116
    """
    return 1 - ((1 - confidence) / 2) ** (1 / max(1, rows))


def interval_of_share(
    metric: Metric, y: np.ndarray, scores: np.ndarray, confidence: float
) -> tuple[float, float] | None:
    """None of a metric that is not a share of rows, or of which no row counts."""
    if metric.share is None:
        return None
    among, hits = metric.share(y, scores)
    rows = int(among.sum())
    return wilson(int((among & hits).sum()), rows, confidence) if rows else None


def interval_of_difference(
    metric: Metric, other: Metric, y: np.ndarray, ours: np.ndarray, theirs: np.ndarray, confidence: float
) -> tuple[float, float] | None:
    """None of metrics that are not shares of one and the same rows."""
    if metric.share is None or other.share is None:
        return None
    (among, hits), (beside, others) = metric.share(y, ours), other.share(y, theirs)
    if not among.any() or not np.array_equal(among, beside):
        return None
    one, two = int((among & hits & ~others).sum()), int((among & others & ~hits).sum())
    return difference_of_shares(one, two, int(among.sum()), confidence)


def all_alike(values: np.ndarray) -> bool:
    """Whether all draws have one and the same value, up to rounding."""
    return bool(len(values)) and float(np.ptp(values)) <= _ALIKE * max(1.0, float(np.abs(values).max()))


def beyond_the_rows(metric: Metric, y: np.ndarray, confidence: float) -> float | None:
    """How far the metric may be from a value that all draws have; None of one without a greatest or a least value."""
    width = metric.within.greatest - metric.within.least
    if not math.isfinite(width):
        return None
    # of classes the rarest one says least; a sum of 0 and 1 has no others
    rows = int(np.unique(y, return_counts=True)[1].min()) if np.issubdtype(y.dtype, np.integer) else len(y)
    return unseen(rows, confidence) * width
