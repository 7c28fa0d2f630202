"""Metrics per value of a category column: does the model serve each group?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from sluice.model import metrics
from sluice.model.schema import Row, Schema, category

MIN_ROWS = 30


def by_slice(schema: Schema, problem: str, rows: Sequence[Row], y: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    """Column → value → {"rows", metrics}, for category and boolean features; only values with MIN_ROWS rows."""
    answer: dict[str, Any] = {}
    for name in schema.features:
        if schema.types[name] not in ("category", "boolean"):
            continue
        keys = np.array([category(value) if (value := row.get(name)) is not None else "" for row in rows])
        groups = {str(key): np.flatnonzero(keys == key) for key in np.unique(keys) if key != ""}
        kept = {key: _metrics(problem, y[i], scores[i]) for key, i in groups.items() if len(i) >= MIN_ROWS}
        if kept:
            answer[name] = kept
    return answer


def left_out(schema: Schema, rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """Column → how many of its values have too few rows for `by_slice`, and how many rows those are."""
    found: dict[str, dict[str, int]] = {}
    for name in schema.features:
        if schema.types[name] not in ("category", "boolean"):
            continue
        counts = Counter(category(value) for row in rows if (value := row.get(name)) is not None)
        small = [count for count in counts.values() if count < MIN_ROWS]
        if small:
            found[name] = {"values": len(small), "rows": sum(small)}
    return found


def _metrics(problem: str, y: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    values: dict[str, Any] = {"rows": len(y), **metrics.compute(problem, y, scores)}
    if problem == "binary":
        chosen = scores[:, 1] >= metrics.THRESHOLD
        values["selection_rate"] = float(chosen.mean())
        values["positives"] = int(np.count_nonzero(y))
        if not values["positives"]:
            # Nothing to find here: a recall of 0 would look like a failure of the model.
            values.pop("recall", None)
            values.pop("f1", None)
    elif problem == "regression":
        values["mean_error"] = float(np.mean(scores - y))
    return values
