"""What a model relies on, and how it stands damaged data: measured on the test rows, with the scorer that serves.

Permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019): one contract column at a time, its values are
shuffled among the rows, whatever number of matrix columns it becomes. SHAP values are in `contributions`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sluice.model.metrics import LOWER_IS_BETTER, Metric
from sluice.model.schema import Row, Schema

ROWS = 2_000
"""Test rows that are damaged; drawn by chance, and always the same."""
REPEATS = 3
SECONDS = 60.0
"""No further column is begun after this; a first repeat of all columns comes before any second one."""
MISSING = (0.05, 0.10, 0.20)
NOISE = (0.1,)
_MOVED = ("number", "integer")

Score = Callable[[Sequence[Row]], np.ndarray]
"""Rows → scores, in the class order of y."""


def sample(rows: Sequence[Row], y: np.ndarray, seed: int = 0) -> tuple[list[Row], np.ndarray]:
    chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:ROWS])
    return [rows[i] for i in chosen], y[chosen]


def importance(
    score: Score,
    rows: Sequence[Row],
    y: np.ndarray,
    features: Sequence[str],
    name: str,
    metric: Metric,
    seconds: float = SECONDS,
    seed: int = 0,
) -> dict[str, Any] | None:
    """See `sluice.records.evaluation.Importance`. None if the metric is not defined on these rows."""
    began = time.monotonic()
    sign = -1.0 if name in LOWER_IS_BETTER else 1.0
    whole = metric(y, score(rows))
    if not np.isfinite(whole):
        return None
    generator = np.random.default_rng(seed)
    losses: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        for feature in features:
            order = generator.permutation(len(rows))
            if time.monotonic() - began > seconds:
                continue
            shuffled = [{**row, feature: rows[i].get(feature)} for row, i in zip(rows, order)]
            losses.setdefault(feature, []).append(sign * (whole - metric(y, score(shuffled))))
    defined = {feature: found for feature, each in losses.items() if (found := [x for x in each if np.isfinite(x)])}
    return {
        "metric": name,
        "rows": len(rows),
        "repeats": max((len(each) for each in losses.values()), default=0),
        "columns": {feature: [float(np.mean(each)), min(each), max(each)] for feature, each in defined.items()},
        "not_measured": [feature for feature in features if feature not in defined],
        "seconds": round(time.monotonic() - began, 1),
    }


def robustness(
    score: Score, rows: Sequence[Row], y: np.ndarray, schema: Schema, name: str, metric: Metric, seed: int = 0
) -> dict[str, Any]:
    """See `sluice.records.evaluation.Robustness`. Cells are emptied each by itself; noise is normal."""
    generator = np.random.default_rng(seed)

    def measured(damaged: Sequence[Row]) -> float | None:
        value = metric(y, score(damaged))
        return float(value) if np.isfinite(value) else None

    emptied = {
        str(share): measured(
            [_emptied(row, schema.features, generator.random(len(schema.features)) < share) for row in rows]
        )
        for share in MISSING
    }
    spread = {feature: _spread(rows, feature) for feature in schema.features if schema.types[feature] in _MOVED}
    noisy = {str(size): measured([_moved(row, spread, size, generator) for row in rows]) for size in NOISE}
    return {"metric": name, "rows": len(rows), "undamaged": measured(rows), "missing": emptied, "noise": noisy}


def _emptied(row: Row, features: Sequence[str], gone: np.ndarray) -> Row:
    return {**row, **{feature: None for feature, is_gone in zip(features, gone.tolist()) if is_gone}}


def _spread(rows: Sequence[Row], feature: str) -> float:
    known = [float(value) for row in rows if (value := row.get(feature)) is not None]
    return float(np.std(known)) if known else 0.0


def _moved(row: Row, spread: dict[str, float], size: float, generator: np.random.Generator) -> Row:
    steps = generator.normal(0.0, size, len(spread))
    changed: dict[str, Any] = {}
    for (feature, deviation), step in zip(spread.items(), steps.tolist()):
        value = row.get(feature)
        if value is not None and deviation:
            changed[feature] = float(value) + step * deviation
    return {**row, **changed}
