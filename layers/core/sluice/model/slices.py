"""Metrics in each segment of a column: does the model serve each group?

A segment is a value of a category or boolean column, or a range of a number or time column with about as many rows as
the others. The column need not be a feature: a column that is dropped from the features, such as gender, is the very
case for a fairness gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sluice.model import metrics
from sluice.model.schema import Row, Schema, category

MIN_ROWS = 30
MAX_VALUES = 10
"""An integer column with more different values is cut into ranges."""


def by_slice(
    schema: Schema,
    problem: str,
    rows: Sequence[Row],
    y: np.ndarray,
    scores: np.ndarray,
    also: Mapping[str, int] | None = None,
    threshold: float = metrics.THRESHOLD,
) -> dict[str, Any]:
    """Column → segment → {"rows", metrics}, for category and boolean features; only segments with MIN_ROWS rows.

    `also`: further columns, with the number of ranges that a number or time column is cut into.
    `threshold`: the model's own, for two classes.
    """
    answer: dict[str, Any] = {}
    for name, bins in _columns(schema, also).items():
        names, places = segments(schema, rows, name, bins)
        groups = {names[number]: np.flatnonzero(places == number) for number in large(names, places)}
        kept = {segment: _metrics(problem, y[i], scores[i], threshold) for segment, i in groups.items()}
        if kept:
            answer[name] = kept
    return answer


def left_out(schema: Schema, rows: Sequence[Row], also: Mapping[str, int] | None = None) -> dict[str, dict[str, int]]:
    """Column → how many of its segments have too few rows for `by_slice`, and how many rows those are."""
    found: dict[str, dict[str, int]] = {}
    for name, bins in _columns(schema, also).items():
        names, places = segments(schema, rows, name, bins)
        counts = np.bincount(places[places >= 0], minlength=len(names))
        small = [count for count in counts.tolist() if count < MIN_ROWS]
        if small:
            found[name] = {"values": len(small), "rows": sum(small)}
    return found


def segments(schema: Schema, rows: Sequence[Row], name: str, bins: int) -> tuple[list[str], np.ndarray]:
    """The segments' names, and each row's as a place among them (-1: the row has no value there).

    Ranges are named by the least and the greatest value in them, as "18 to 25" or "2026-01-03 to 2026-02-11".
    """
    kind = schema.types[name]
    values = [row.get(name) for row in rows]
    if kind in ("category", "boolean", "text"):
        texts = np.array([category(value) if value is not None else "" for value in values], dtype=object)
        names = sorted({text for text in texts.tolist() if text != ""})
        number_of = {text: number for number, text in enumerate(names)}
        return names, np.array([number_of.get(text, -1) for text in texts.tolist()], dtype=np.int64)
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    there = np.isfinite(numbers)
    places = np.full(len(numbers), -1, dtype=np.int64)
    if not there.any():
        return [], places
    different = np.unique(numbers[there])
    if kind == "integer" and len(different) <= MAX_VALUES:
        places[there] = np.searchsorted(different, numbers[there])
        return [_said(value, kind, True) for value in different.tolist()], places
    inner = np.unique(np.quantile(numbers[there], np.arange(1, bins) / bins))
    cut = np.searchsorted(inner, numbers[there], side="left")
    _, places[there] = np.unique(cut, return_inverse=True)
    ends = [(numbers[places == k].min(), numbers[places == k].max()) for k in range(int(places.max()) + 1)]
    ranges = [_range(low, high, kind) for low, high in ends]
    if len(set(ranges)) < len(ranges):
        # several ranges within one day: their seconds distinguish them
        ranges = [_range(low, high, kind, days=False) for low, high in ends]
    return ranges, places


def large(names: Sequence[str], places: np.ndarray) -> list[int]:
    """Places of the segments that have MIN_ROWS rows."""
    counts = np.bincount(places[places >= 0], minlength=len(names))
    return [number for number, count in enumerate(counts.tolist()) if count >= MIN_ROWS]


def _columns(schema: Schema, also: Mapping[str, int] | None) -> dict[str, int]:
    own = [name for name in schema.features if schema.types[name] in ("category", "boolean")]
    return {**dict.fromkeys(own, 0), **(also or {})}


def _range(low: float, high: float, kind: str, days: bool = True) -> str:
    first, last = _said(low, kind, days), _said(high, kind, days)
    return first if first == last else f"{first} to {last}"


def _said(value: float, kind: str, days: bool) -> str:
    if kind == "timestamp":
        moment = datetime.fromtimestamp(value, UTC)
        return moment.date().isoformat() if days else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{value:.0f}" if kind == "integer" else f"{value:.6g}"


def _metrics(problem: str, y: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, Any]:
    values: dict[str, Any] = {"rows": len(y), **metrics.compute(problem, y, scores, None, threshold)}
    if problem == "binary":
        chosen = scores[:, 1] >= threshold
        values["selection_rate"] = float(chosen.mean())
        values["positives"] = int(np.count_nonzero(y))
        if not values["positives"]:
            # Nothing to find here: a recall of 0 would look like a failure of the model.
            values.pop("recall", None)
            values.pop("f1", None)
    elif problem == "regression":
        values["mean_error"] = float(np.mean(scores - y))
    return values
