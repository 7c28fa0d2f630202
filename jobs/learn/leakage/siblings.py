"""Leaks that take more than one column, or more than one row, to see, as suspicions: neighbours' targets, absences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leakage import absence, pairs
from leakage.words import ACCEPT, DROP, Suspect, suspect
from sluice.model.dominance.sampled import Sampled
from sluice.model.labels import Labels
from sluice.model.schema import Row, Schema, Value

_NUMBERS = ("integer", "number", "timestamp")
Columns = Mapping[str, Sequence[Value]]


def by_absence(columns: Columns, sample: Sampled) -> list[Suspect]:
    found = []
    for each in absence.search(columns, sample):
        evidence = f"whether there is a value explains {each.skill:.0%} of the target, without the value itself"
        if len(each.columns) > 1:
            evidence += "; the columns agree on that in every row"
        advice = f"it seems to be filled in after the outcome: {DROP}; {ACCEPT}"
        found.append(suspect("absence", each.columns, evidence, advice, skill_alone=each.skill))
    return found


def by_neighbour(
    contract: Mapping[str, Any],
    schema: Schema,
    rows: Sequence[Row],
    labels: Labels,
    y: np.ndarray,
    counted: Sequence[str],
) -> tuple[list[Suspect], list[str]]:
    """`counted`: columns that count up. The row before is a note: its target may be known."""
    data = contract.get("data") or {}
    keys = [name for name in data.get("key") or () if schema.types.get(name) in _NUMBERS]
    times = [name for name in (data.get("time"), *schema.types) if schema.types.get(name or "") == "timestamp"]
    orders = list(dict.fromkeys([*filter(None, times), *keys, *counted]))
    able = [name for name in schema.features if schema.types[name] not in ("text", "timestamp")]
    found, notes = [], []
    for each in pairs.shifted(rows, y, able, orders, labels.classes):
        if not each.later:
            notes.append(
                f"{each.column!r} is the target of the row before in the order of {each.by!r} ({each.share:.0%} of the "
                "rows): keep it only if that target is known when a prediction is asked for"
            )
            continue
        evidence = f"it is the target of the next row in the order of {each.by!r}, in {each.share:.0%} of the rows"
        advice = f"nobody knows it yet when a prediction is asked for: {DROP}; {ACCEPT}"
        found.append(suspect("shifted", [each.column], evidence, advice, share=each.share))
    return found, notes
