"""What distinguishes a segment from all rows: for the evaluation's record, the report and `sluice why`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sluice.model.anomaly_metrics import mean_ranks
from sluice.model.schema import Row, Schema, category

TRAITS = 5
_LEAST = 0.2
"""Standard deviations, or twice a difference of shares, below which a column says nothing about a segment."""


def segment_profiles(
    schema: Schema, rows: Sequence[Row], labels: np.ndarray, classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Each segment's name, rows, share, and up to TRAITS traits, the clearest first; segments by size.

    A trait is a number's median in the segment and in all rows, or a value's share in both; `effect` is the difference
    of mean ranks in standard deviations, or twice the difference of shares.
    """
    ranks = {name: _ranks(name, rows) for name in schema.features if schema.types[name] in ("number", "integer")}
    found = []
    for place, name in enumerate(classes):
        inside = np.flatnonzero(labels == place)
        traits = _traits(schema, rows, ranks, inside) if 0 < len(inside) < len(rows) else []
        found.append({"name": name, "rows": len(inside), "share": len(inside) / len(rows), "traits": traits})
    return sorted(found, key=lambda each: -each["rows"])


def _traits(
    schema: Schema, rows: Sequence[Row], ranks: Mapping[str, np.ndarray], inside: np.ndarray
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in schema.features:
        if name in ranks:
            own, every = _median(name, rows, inside.tolist()), _median(name, rows, range(len(rows)))
            if own is not None:
                effect = float(np.nanmean(ranks[name][inside]))
                found.append({"column": name, "value": None, "segment": own, "all": every, "effect": effect})
        elif schema.types[name] in ("category", "boolean"):
            found += _clearest_value(name, rows, inside)
    clear = [each for each in found if abs(each["effect"]) >= _LEAST]
    return sorted(clear, key=lambda each: -abs(each["effect"]))[:TRAITS]


def _ranks(name: str, rows: Sequence[Row]) -> np.ndarray:
    """The ranks of the rows' values, with mean 0 and variance 1, so that heavy tails do not count; NaN if missing."""
    values = np.array([np.nan if (value := row.get(name)) is None else float(value) for row in rows])
    there = ~np.isnan(values)
    ranks = np.full(len(values), np.nan)
    ranks[there] = mean_ranks(values[there])
    return (ranks - np.nanmean(ranks)) / (np.nanstd(ranks) or 1.0) if there.any() else ranks


def _median(name: str, rows: Sequence[Row], places: Sequence[int]) -> float | None:
    values = [float(value) for i in places if (value := rows[i].get(name)) is not None]
    return float(np.median(values)) if values else None


def _clearest_value(name: str, rows: Sequence[Row], inside: np.ndarray) -> list[dict[str, Any]]:
    def shares(places: Sequence[int]) -> dict[str, float]:
        counts = Counter(category(value) for i in places if (value := rows[i].get(name)) is not None)
        return {value: count / len(places) for value, count in counts.items()}

    own, every = shares(inside.tolist()), shares(range(len(rows)))
    if not every:
        return []
    value = max(sorted(every), key=lambda each: abs(own.get(each, 0.0) - every[each]))
    both = {"segment": own.get(value, 0.0), "all": every[value]}
    return [{"column": name, "value": value, **both, "effect": 2.0 * (both["segment"] - both["all"])}]
