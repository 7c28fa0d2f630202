"""The reference profile that travels with a model: what monitoring compares later windows with.

    {"columns": {name: {"type": "number", "edges": [...], "shares": [...], "missing": 0.01}
                     | {"type": "category", "shares": {value: share}, "missing": 0.0}},
     "scores": {"edges": [...], "shares": [...]}, "rows": n}

Shares are of the values that are present and add up to 1; `missing` is a share of all rows. Bins are [e0, e1), …, the
last closed; what lies outside belongs to the first or last bin. Numbers have up to 10 bins by quantiles, fewer where
values tie. Booleans are categories "false" and "true". Text and timestamps are not profiled: their drift needs other
measures. Scores have 20 bins: 0 to 1 for the probability of the positive (multiclass: chosen) class, min to max of
the predictions for regression.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from sluice.model.schema import Row, Schema, category

BINS = 10
SCORE_BINS = 20


def reference_profile(schema: Schema, rows: Sequence[Row], scores: np.ndarray) -> dict[str, Any]:
    """`scores`: one number a row, see `one_score`."""
    columns: dict[str, Any] = {}
    for name in schema.features:
        kind = schema.types[name]
        if kind in ("text", "timestamp"):
            continue
        present = [value for row in rows if (value := row.get(name)) is not None]
        missing = 1.0 - len(present) / len(rows)
        if kind in ("category", "boolean"):
            counts = Counter(category(value) for value in present)
            shares = {value: count / len(present) for value, count in sorted(counts.items())}
            columns[name] = {"type": "category", "shares": shares, "missing": missing}
        else:
            values = np.array(present, dtype=np.float64)
            edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1))) if len(values) else np.array([])
            columns[name] = {"type": "number", **histogram(values, edges), "missing": missing}
    return {"columns": columns, "scores": histogram(scores, score_edges(scores)), "rows": len(rows)}


def score_edges(scores: np.ndarray) -> np.ndarray:
    low, high = float(scores.min()), float(scores.max())
    if low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    return np.linspace(low, high if high > low else low + 1.0, SCORE_BINS + 1)


def one_score(problem: str, scores: np.ndarray) -> np.ndarray:
    """Model output → one number a row: positive class, chosen class, or the predicted value."""
    if problem == "regression":
        return scores
    return scores[:, 1] if problem in ("binary", "anomaly") else scores.max(axis=1)


def histogram(values: np.ndarray, edges: np.ndarray) -> dict[str, list[float]]:
    if len(edges) == 1:
        # A constant column: one bin, [e, e].
        edges = np.repeat(edges, 2)
    if not len(edges):
        return {"edges": [], "shares": []}
    bins = len(edges) - 1
    index = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1)
    shares = np.bincount(index, minlength=bins) / max(1, len(values))
    return {"edges": edges.tolist(), "shares": shares.tolist()}
