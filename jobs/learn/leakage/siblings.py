"""Leaks that take more than one column to see, as suspicions: formulas, substitutes, neighbours' targets, absences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leakage import absence, formulas, pairs
from leakage.sampled import Sampled, numbers
from leakage.words import ACCEPT, DROP, Suspect, suspect
from sluice.model.labels import Labels
from sluice.model.schema import Row, Schema, Value

_NUMBERS = ("integer", "number", "timestamp")
Columns = Mapping[str, Sequence[Value]]


def by_formula(
    columns: Columns, types: Mapping[str, str], skills: Mapping[str, float], labels: Labels, y: np.ndarray
) -> tuple[list[Suspect], list[str]]:
    """Of numbers and of two classes; and a note on what was not tried."""
    if len(labels.classes) > 2:
        return [], []
    ranked = sorted((name for name in columns if types[name] in _NUMBERS), key=lambda name: -skills.get(name, 0.0))
    found, note = formulas.search({name: numbers(columns[name]) for name in ranked}, y, len(labels.classes))
    suspects = []
    for each in found:
        if labels.classes:
            evidence = f"{each.formula} separates the two classes (ROC AUC {each.value:.4f}), and no column does alone"
        elif each.value is None:
            evidence = f"the target is {each.formula}, but for a factor"
        else:
            evidence = f"{each.formula} orders the rows as the target does (rank correlation {each.value:+.5f})"
        advice = f"take at least one of them out ({DROP}); {ACCEPT}, each of them"
        figures = {} if each.value is None else {"agreement": each.value}
        suspects.append(suspect("formula", each.columns, evidence, advice, **figures))
    return suspects, [note] if note else []


def one_to_one(columns: Columns, y: np.ndarray) -> list[Suspect]:
    return [
        suspect(
            "copy",
            [name],
            "each of its values stands for one value of the target, and the other way round",
            f"it is the target in other words: {DROP}; {ACCEPT}",
        )
        for name, values in columns.items()
        if pairs.one_to_one(values, y)
    ]


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
