"""How contributions are spread, for the report: counts in bins, and ranks of the values in them; no value itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from contributions import Explained
from sluice.model.schema import Row, Schema

SHOWN = 15
"""Columns, those with the greatest mean absolute contributions."""
BINS = 60
_ORDERED = ("integer", "number", "boolean", "timestamp")


def strips(found: Explained, rows: Sequence[Row], schema: Schema) -> dict[str, Any]:
    """See `sluice.records.plots.Strips`; {} for several outputs."""
    if found.values.shape[1] != 1 or not len(rows):
        return {}
    own = found.values[:, 0, :]
    shown = np.argsort(-np.abs(own).mean(axis=0), kind="stable")[:SHOWN].tolist()
    low, high = min(0.0, float(own[:, shown].min())), max(0.0, float(own[:, shown].max()))
    if not high > low:
        return {}
    edges = np.linspace(low, high, BINS + 1)
    columns = {}
    for place in shown:
        name = found.columns[place]
        bins = np.clip(np.searchsorted(edges, own[:, place], side="right") - 1, 0, BINS - 1)
        ranks = _ranks(rows, name) if schema.types.get(name) in _ORDERED else np.full(len(rows), np.nan)
        known = ~np.isnan(ranks)
        counts = np.bincount(bins, minlength=BINS)
        ranked = np.bincount(bins[known], minlength=BINS)
        sums = np.bincount(bins[known], ranks[known], minlength=BINS)
        columns[name] = {
            "counts": counts.tolist(),
            "ranks": [round(s / n, 3) if n else None for s, n in zip(sums.tolist(), ranked.tolist())],
        }
    return {"edges": edges.tolist(), "columns": columns}


def _ranks(rows: Sequence[Row], name: str) -> np.ndarray:
    """The rank of each row's value among the known ones, from 0 (smallest) to 1 (greatest); NaN for a missing one."""
    values = np.array([np.nan if (value := row.get(name)) is None else float(value) for row in rows])
    found = np.full(len(rows), np.nan)
    known = ~np.isnan(values)
    each, place, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    if len(each) > 1:
        # ties share their mean rank; scaled so that the least value has 0 and the greatest 1
        middle = np.cumsum(counts) - (counts + 1) / 2.0
        found[known] = ((middle - middle[0]) / (middle[-1] - middle[0]))[place]
    return found
