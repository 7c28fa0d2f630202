"""Is a metric alike in all segments? The greatest gap between two of them, with what noise allows.

Even a perfectly even model has a gap, since each segment's value is measured on few rows: with 20 positives in each
of two segments, recalls of one model differ by more than 0.2 in a tenth of the cases, and of ten segments nearly
always. So every difference gets an interval, and the intervals hold together: with the asked-for confidence all
differences lie within theirs (Tukey-Kramer; conservative for unequal segments, Hayter 1984). A gate fails when some
difference is surely above its limit, passes when all are surely within, and is inconclusive in between.

The standard error of a segment's value is the greater of two: the bootstrap's on its own rows, which is 0 where all of
them are right, and that of all rows scaled to the segment's number, which is the right one for an even model. Where
that is 0 as well, it is what that many rows say about rows that are not there (`sluice.model.few_rows`). A segment for
which the bootstrap does not define it is left out.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from sluice.model.bootstrap import standard_error
from sluice.model.few_rows import unseen
from sluice.model.metrics import THRESHOLD, Metric
from sluice.model.schema import Row, Schema
from sluice.model.slices import large, segments

MIN_RELEVANT = 10
"""Rows of the kind that a metric is about, such as positives for recall: a segment with fewer is left out."""
BINS = 4
_RELEVANT = {
    **dict.fromkeys(("recall", "f1", "pr_auc", "lift_at_5", "lift_at_10", "lift_at_20"), ("positives",)),
    **dict.fromkeys(("roc_auc", "balanced_accuracy", "mcc"), ("positives", "negatives")),
    "false_positive_rate": ("negatives",),
    "precision": ("chosen",),
}


def gaps(
    gates: Sequence[Mapping[str, Any]],
    schema: Schema,
    rows: Sequence[Row],
    y: np.ndarray,
    scores: np.ndarray,
    known: Mapping[str, Metric],
    threshold: float = THRESHOLD,
) -> list[dict[str, Any]]:
    """One entry for each gate with `max_gap`; `gates` as the contract has them, `known` the problem's metrics.

    `threshold`: from which probability on the model takes a row of two classes for positive.
    """
    found = []
    for gate in gates:
        if gate.get("max_gap") is None or gate.get("metric") not in known:
            continue
        metric, column, bins = str(gate["metric"]), str(gate["slice"]), int(gate.get("bins") or BINS)
        names, places = segments(schema, rows, column, bins)
        confidence = float(gate.get("confidence") or 0.95)
        entry = gap(metric, known[metric], y, scores, names, places, confidence, threshold)
        found.append({"slice": column, "metric": metric, "bins": bins, **entry})
    return found


def gap(
    name: str,
    metric: Metric,
    y: np.ndarray,
    scores: np.ndarray,
    names: Sequence[str],
    places: np.ndarray,
    confidence: float,
    threshold: float = THRESHOLD,
) -> dict[str, Any]:
    """Values of the segments, and the bounds of the gaps between them.

    `places`: each row's segment as a place in `names`, -1 for a row that has none. `low`: the greatest gap that is
    surely there, of the segments `apart`; `high`: the greatest that may be, of the segments `widest`. Without two
    segments that have enough rows these are None.
    """
    relevant = _relevant(name, y, scores, threshold)
    kept: list[tuple[str, np.ndarray, int]] = []
    for number in large(names, places):
        at = np.flatnonzero(places == number)
        effective = min(int(np.count_nonzero(mask[at])) for mask in relevant) if relevant else len(at)
        if effective >= MIN_RELEVANT and math.isfinite(standard_error(metric, y[at], scores[at])):
            kept.append((names[number], at, effective))
    missing = int(np.count_nonzero(places < 0))
    left = {"values": len(names) - len(kept), "rows": len(places) - missing - sum(len(at) for _, at, _ in kept)}
    entry: dict[str, Any] = {
        "confidence": confidence,
        "segments": {},
        "too_small": left,
        "missing": missing,
        "low": None,
        "high": None,
    }
    if not kept:
        return entry
    whole = np.concatenate([at for _, at, _ in kept])
    of_all = standard_error(metric, y[whole], scores[whole])
    total = sum(effective for *_, effective in kept)
    values, errors = [], []
    for segment, at, effective in kept:
        value = metric(y[at], scores[at])
        error = max(standard_error(metric, y[at], scores[at]), of_all * math.sqrt(total / effective))
        if not error and math.isfinite(width := metric.within.greatest - metric.within.least):
            # all rows alike in all segments: what they say about rows that are not there
            error = width * unseen(effective, confidence) / NormalDist().inv_cdf((1 + confidence) / 2)
        entry["segments"][segment] = {"rows": len(at), "relevant": effective, "value": value, "error": error}
        values.append(value)
        errors.append(error)
    if len(kept) > 1:
        segment_names = [segment for segment, *_ in kept]
        entry |= bounds(np.array(values), np.array(errors), segment_names, confidence)
    return entry


def bounds(values: np.ndarray, errors: np.ndarray, names: Sequence[str], confidence: float) -> dict[str, Any]:
    """`low`, `apart`, `high`, `widest` and the widest pair's `difference` and `margin`; at least two segments."""
    first, second = np.triu_indices(len(values), 1)
    difference = np.abs(values[first] - values[second])
    factor = range_quantile(len(values), confidence) / math.sqrt(2)
    margin = factor * np.sqrt(errors[first] ** 2 + errors[second] ** 2)
    at, most = int(np.argmax(difference - margin)), int(np.argmax(difference + margin))
    return {
        "low": max(0.0, float(difference[at] - margin[at])),
        "apart": [names[first[at]], names[second[at]]],
        "high": float(difference[most] + margin[most]),
        "widest": [names[first[most]], names[second[most]]],
        "difference": float(difference[most]),
        "margin": float(margin[most]),
    }


@functools.lru_cache(maxsize=256)
def range_quantile(groups: int, confidence: float) -> float:
    """The quantile of the range of `groups` standard normal values: the studentized range with a known variance.

    P(range ≤ w) = k ∫ φ(z) (Φ(z) − Φ(z − w))^(k−1) dz. For two groups it is √2 times the normal's two-sided quantile.

    >>> round(range_quantile(2, 0.95) / 2**0.5, 3), round(range_quantile(10, 0.95), 2)
    (1.96, 4.47)
    """
    z = np.linspace(-8.5, 8.5, 1_701)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    above = _normal(z)

    def probability(width: float) -> float:
        return float(groups * np.sum(density * np.clip(above - _normal(z - width), 0, 1) ** (groups - 1)))

    low, high = 0.0, 20.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if probability(middle) < confidence else (low, middle)
    return (low + high) / 2


def _normal(z: np.ndarray) -> np.ndarray:
    return np.array([math.erfc(-each / math.sqrt(2)) / 2 for each in z.tolist()])


def _relevant(name: str, y: np.ndarray, scores: np.ndarray, threshold: float) -> list[np.ndarray]:
    """Masks of the rows that the metric is about; none where it is about all."""
    if scores.ndim != 2 or scores.shape[1] != 2:
        return []
    masks = {"positives": y != 0, "negatives": y == 0, "chosen": scores[:, 1] >= threshold}
    return [masks[kind] for kind in _RELEVANT.get(name, ())]
