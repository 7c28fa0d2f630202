"""How sure a metric of a sketch is: its interval at one measurement. Pure (numpy).

Shares (accuracy, precision, recall and other rates): Wilson's score interval, which also holds for none of n and n of n
(Wilson, Journal of the American Statistical Association 22, 1927). All others: the percentile bootstrap over the
sketch's rows, moved so that its mean is the value, as the evaluation does it (`sluice.model.intervals`). Where all
draws agree, the rows say what `sluice.model.few_rows` says: only few rows are of a kind that none of them is.
"""

from __future__ import annotations

import math

import numpy as np

from sluice.model.few_rows import unseen, wilson
from sluice.model.metric_ranges import RANGES, Range
from sluice.watch.certainty import resampled
from sluice.watch.quality_sketch import Cells, OnlineMetrics, QualitySketch

CONFIDENCE = 0.95
RESAMPLES = 200
_ALIKE = 1e-9
"""Draws of the same cells differ by the rounding of their sums."""


def interval(name: str, online: OnlineMetrics, sketch: QualitySketch) -> tuple[float, float] | None:
    """`(low, high)`; None where the metric is not defined, or not by enough draws."""
    cells = online.cells(name, sketch)
    share = _share(name, online, cells)
    if share is not None:
        return wilson(*share) if share[1] else None
    value = online.value(name, sketch)
    if value is None:
        return None
    drawn = resampled(name, online, cells, RESAMPLES)
    if len(drawn) < 0.95 * RESAMPLES:
        return None
    least, greatest = RANGES.get(name, Range(-math.inf, math.inf))
    ends = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]) - drawn.mean()
    if float(np.ptp(drawn)) <= _ALIKE * max(1.0, abs(value)):
        if not math.isfinite(greatest - least):
            return None
        further = unseen(_rarest(online, cells), CONFIDENCE) * (greatest - least)
        ends = np.array([-further, further])
    low, high = (min(max(value + float(end), least), greatest) for end in ends)
    return low, high


def _rarest(online: OnlineMetrics, cells: Cells) -> int:
    """Rows of the class that has the fewest; of numbers, all rows."""
    if online.problem == "regression":
        return round(float(cells.counts.sum()))
    of_class = np.bincount(cells.truth.astype(np.int64), cells.counts)
    return round(float(of_class[of_class > 0].min()))


def _share(name: str, online: OnlineMetrics, cells: Cells) -> tuple[float, float] | None:
    """(hits, rows) of a metric that is a share of rows."""
    truth, said, counts = cells.truth, cells.said, cells.counts
    if name in ("accuracy", "micro_f1", "weighted_recall"):
        return float(counts[truth == said].sum()), float(counts.sum())
    if online.problem not in ("binary", "anomaly"):
        return None
    among = {"precision": said == 1, "recall": truth == 1, "false_positive_rate": truth == 0}
    if name == "selection_rate":
        return float(counts[said == 1].sum()), float(counts.sum())
    if name not in among:
        return None
    hit = truth == 1 if name == "precision" else said == 1
    return float(counts[among[name] & hit].sum()), float(counts[among[name]].sum())
