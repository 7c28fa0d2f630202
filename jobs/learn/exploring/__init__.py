"""What the training rows look like, before any model: topics of texts, and clusters and outlying rows by density.

It is for people to read; nothing is decided by it. The baseline's job does it once a run, and evaluation reports it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from channels import crash
from exploring.density import clusters
from exploring.topics import topics_of
from sluice.model.labels import Labels
from sluice.model.schema import Row, Schema, category

TEXTS = 3
"""Text columns with topics, the first ones."""
SECONDS = 30.0
"""No text column is begun after this."""


def found_in(
    schema: Schema, rows: Sequence[Row], labels: Labels | None, y: np.ndarray | None, seed: int
) -> dict[str, Any]:
    """See `sluice.records.exploration`. `labels` and `y` are None for problems without labels.

    It advises, so its own failure is a note and does not end the training.
    """
    try:
        return _explored(schema, rows, labels, y, seed)
    except Exception as error:
        print(f"exploration: {crash(error)}", flush=True)
        return {"notes": [f"The rows were not explored: {crash(error)}"]}


def _explored(
    schema: Schema, rows: Sequence[Row], labels: Labels | None, y: np.ndarray | None, seed: int
) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS
    outcome = None if labels is None or y is None else outcome_of(labels, y)
    texts = [name for name in schema.features if schema.types[name] == "text"]
    notes: list[str] = []
    topics = []
    for place, name in enumerate(texts):
        if place >= TEXTS or time.monotonic() > deadline:
            notes.append(f"No topics were looked for in {', '.join(map(repr, texts[place:]))}")
            break
        values = [None if (value := row.get(name)) is None else str(value) for row in rows]
        found = topics_of(name, values, outcome, seed, deadline)
        if isinstance(found, str):
            notes.append(found)
        else:
            topics.append(found)
    density = clusters(schema, rows, outcome, seed)
    if isinstance(density, str):
        notes.append(density)
        return {"topics": topics, "notes": notes}
    return {"topics": topics, "density": density, "notes": notes}


def outcome_of(labels: Labels, y: np.ndarray) -> Mapping[str, np.ndarray]:
    """What is compared between groups of rows: name → (rows,) shares or values; of several classes the six of most."""
    if not labels.classes:
        return {labels.target: y.astype(np.float64)}
    if len(labels.classes) == 2:
        return {f"{labels.target} = {category(labels.classes[1])}": (y == 1).astype(np.float64)}
    counts = np.bincount(y, minlength=len(labels.classes))
    shown = np.argsort(-counts, kind="stable")[:6].tolist()
    return {f"{labels.target} = {category(labels.classes[k])}": (y == k).astype(np.float64) for k in shown}
