"""Quality by groups: the columns that a gate slices by, as in the evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sluice.monitoring.measurement import Measurement
from sluice.names import digest
from sluice.ports import Json
from sluice.records.baseline import Baseline, NumberColumn
from sluice.watch.answers import segment_columns
from sluice.watch.label_register import LabelledRow
from sluice.watch.quality_sketch import QualitySketch

MIN_ROWS = 30
MAX_SEGMENTS = 20
"""The segments of a column that are measured: those with most labels."""


def by_segment(
    measurement: Measurement,
    rows: Sequence[LabelledRow],
    sketch: Callable[[Sequence[LabelledRow]], QualitySketch],
    figures: Callable[[QualitySketch], Json],
) -> Json:
    """Column → segment → `{"labels", "value", "low", "high"}` of segments with MIN_ROWS labels.

    Numbers are cut near the quartiles of the rows that the model learned from. A category that the contract does not
    list has a hash as its name, since reports hold no values. `left_out` counts the labels of smaller segments, of rows
    without a value, and of numbers whose quartiles are not known.
    """
    found: Json = {}
    for place, name in enumerate(segment_columns(measurement.contract)):
        edges, column = _edges(measurement.baseline, name), measurement.contract.data.columns[name]
        listed = {*(column.known or ()), "true", "false"} if column.type == "boolean" else set(column.known or ())
        groups: dict[str, list[LabelledRow]] = {}
        left_out = 0
        for row in rows:
            values = row.row.segments
            segment = _segment(values[place] if place < len(values) else None, edges)
            if segment is None:
                left_out += 1
                continue
            if isinstance(values[place], str) and segment not in listed:
                segment = f"value {digest(segment)[:8]}"
            groups.setdefault(segment, []).append(row)
        large = sorted((each for each in groups.items() if len(each[1]) >= MIN_ROWS), key=lambda each: -len(each[1]))
        kept = dict(sorted(large[:MAX_SEGMENTS]))
        left_out += sum(len(each) for segment, each in groups.items() if segment not in kept)
        segments = {segment: {"labels": len(each), **figures(sketch(each))} for segment, each in kept.items()}
        found[name] = {"segments": segments, "left_out": left_out}
    return found


def _edges(baseline: Any, name: str) -> list[float]:
    """Inner edges of the baseline's bins, those where a quarter, half and three quarters of its rows are below."""
    column = baseline.columns.get(name) if isinstance(baseline, Baseline) else None
    if not isinstance(column, NumberColumn):
        return []
    found: list[float] = []
    below = 0.0
    total = sum(column.shares) or 1.0
    for edge, share in zip(column.edges[1:-1], column.shares, strict=False):
        below += share / total
        if below >= 0.25 * (len(found) + 1) and below < 1:
            found.append(edge)
            while len(found) < 3 and below >= 0.25 * (len(found) + 1):
                found.append(edge)
    return sorted(set(found))


def _segment(value: str | float | None, edges: Sequence[float]) -> str | None:
    """A category itself; the range of a number; None without either."""
    if value is None or isinstance(value, str):
        return value
    if not edges:
        return None
    place = sum(edge <= value for edge in edges)
    if place == 0:
        return f"below {edges[0]:g}"
    return f"{edges[-1]:g} and more" if place == len(edges) else f"{edges[place - 1]:g} to {edges[place]:g}"
