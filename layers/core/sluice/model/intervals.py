"""Bootstrap intervals of every metric: how much would it differ on other test rows of the same kind?

Rows are drawn with replacement, as many as there are; all metrics and all models are measured on the same draws. A
draw is a row of counts, and `Metric.weighted` measures many draws at once, so that scores are sorted once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sluice.model.few_rows import all_alike, beyond_the_rows, interval_of_share
from sluice.model.metric_ranges import RANGES
from sluice.model.metrics import Metric

RESAMPLES = 500
CONFIDENCE = 0.95
MAX_ROWS = 50_000
"""With more rows, this many of them are drawn from, and the interval is made narrower by √(drawn / all)."""
MAX_CLASS_ROWS, LEAST_ROWS = 200_000, 5_000
"""Each of many classes has an order of its own: fewer rows are drawn from, MAX_CLASS_ROWS / classes, at least these."""
FEW = 10
"""With fewer rows of a class than this, a draw could miss the class: each class keeps its number of rows then."""
_CELLS = 2_500_000
"""Counts that are held at a time: 20 MB."""


def intervals(
    known: Mapping[str, Metric],
    y: np.ndarray,
    scores: Mapping[str, np.ndarray],
    *,
    classes: bool,
    seed: int = 0,
    resamples: int = RESAMPLES,
    own: Mapping[str, Mapping[str, Metric]] | None = None,
) -> dict[str, Any]:
    """`{"method", "confidence", "resamples", "rows", "models": {model: {metric: [low, high]}}}`, alike for a seed.

    `own`: model → its metrics, where they are not `known` (another threshold).
    `scores`: model → its scores of the rows; `classes`: whether y holds class numbers. Percentiles of the draws, moved
    by as much as the draws' mean lies beside the value: drawing makes some metrics (such as ece) greater on average.
    A metric that fewer than 95 % of the draws define has no interval, and is not in the answer. Where draws say too
    much, as of shares of rows, the interval is that of `sluice.model.few_rows`.
    """
    generator = np.random.default_rng(seed)
    rows = len(y)
    most = min(MAX_ROWS, max(LEAST_ROWS, MAX_CLASS_ROWS // (int(y.max()) + 1))) if classes and rows else MAX_ROWS
    chosen = np.arange(rows) if rows <= most else np.sort(generator.choice(rows, most, replace=False))
    truth = y[chosen]
    strata = np.bincount(truth) if classes else np.array([len(truth)])
    stratified = classes and bool(((strata > 0) & (strata < FEW)).any())
    drawn: dict[tuple[str, str], list[np.ndarray]] = {(model, name): [] for model in scores for name in known}
    # each model's rows in the order that its metrics would sort them into, once for all metrics and draws
    order = {model: _order(each[chosen]) for model, each in scores.items()}
    sorted_scores = {model: each[chosen][order[model]] for model, each in scores.items()}
    step = max(1, _CELLS // max(1, len(truth)))
    for start in range(0, resamples, step):
        weights = _draws(generator, truth if stratified else None, len(truth), min(step, resamples - start))
        for model, score in sorted_scores.items():
            y_of, weights_of = truth[order[model]], weights[:, order[model]]
            for name, metric in (own or {}).get(model, known).items():
                drawn[model, name].append(metric.weighted(y_of, score, weights_of))
    narrower = np.sqrt(len(truth) / rows) if rows else 1.0
    found: dict[str, dict[str, list[float]]] = {model: {} for model in scores}
    for (model, name), parts in drawn.items():
        values = np.concatenate(parts)
        values = values[np.isfinite(values)]
        measured = (own or {}).get(model, known)[name]
        value = measured(y, scores[model])
        if (exact := interval_of_share(measured, y, scores[model], CONFIDENCE)) is not None:
            found[model][name] = list(exact)
        elif len(values) >= 0.95 * resamples and np.isfinite(value):
            scale = rows / len(truth) if known[name].total else 1.0
            ends = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]) - values.mean()
            if all_alike(values):
                further = beyond_the_rows(measured, y, CONFIDENCE)
                if further is None:
                    continue
                ends, narrower_here = np.array([-further, further]), 1.0
            else:
                narrower_here = narrower
            least, greatest = RANGES.get(name, (-np.inf, np.inf))
            found[model][name] = np.clip(value + ends * narrower_here * scale, least, greatest).tolist()
    return {
        "method": _method(rows, len(truth), stratified),
        "confidence": CONFIDENCE,
        "resamples": resamples,
        "rows": len(truth),
        "models": found,
    }


def _order(scores: np.ndarray) -> np.ndarray:
    """For two classes, the rows with the greatest probability first; otherwise the order of the rows."""
    if scores.ndim == 2 and scores.shape[1] == 2:
        return np.argsort(-scores[:, 1], kind="stable")
    return np.arange(len(scores))


def _draws(generator: np.random.Generator, strata: np.ndarray | None, rows: int, count: int) -> np.ndarray:
    """How often each row is drawn: (count, rows). With `strata`, each class keeps its number of rows."""
    weights = np.zeros((count, rows))
    groups = [np.arange(rows)] if strata is None else [np.flatnonzero(strata == k) for k in np.unique(strata)]
    for group in groups:
        picked = generator.integers(0, len(group), size=(count, len(group)))
        places = picked + np.arange(count)[:, None] * len(group)
        counts = np.bincount(places.ravel(), minlength=count * len(group))
        weights[:, group] = counts.reshape(count, len(group))
    return weights


def _method(rows: int, drawn_from: int, stratified: bool) -> str:
    said = "percentile bootstrap over rows, moved so that its mean is the value; of shares of rows Wilson's"
    if stratified:
        said += f"; each class keeps its number of rows, since one has fewer than {FEW}"
    if drawn_from < rows:
        said += f"; drawn from {drawn_from:,} of {rows:,} rows, and narrowed accordingly"
    return said
