"""The mandatory check: the exported numpy model answers as the library does that has trained it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from preparing import sample_of

from families import Family, Task
from sluice.model.errors import ModelError
from sluice.model.model import Model
from sluice.model.schema import Value

MAX_ROWS = 2000


class ParityError(ModelError):
    """The artefact does not answer as the estimator that was trained; it must not be used."""


def difficult(rows: Sequence[dict[str, Value]], schema_types: dict[str, str], seed: int) -> list[dict[str, Value]]:
    """Up to 200 of the rows with values knocked out, with categories never seen, and with all values missing."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    picked = list(rows[:100])
    missing = [{name: None if chance.random() < 0.3 else value for name, value in row.items()} for row in picked]
    unseen = [
        {
            name: f"never seen {chance.random()}" if schema_types.get(name) == "category" else value
            for name, value in row.items()
        }
        for row in picked
    ]
    return [*missing, *unseen, {}]


def check(model: Model, family: Family, fitted: Any, task: Task, rows: Sequence[dict[str, Value]]) -> float:
    """Greatest absolute difference (relative for regression). Raises ParityError above the family's tolerance.

    `model` must be the one read back from the artefact, with `fitted` as its only member.
    """
    sample = list(rows[:MAX_ROWS])
    sample += difficult(sample, model.encoder.schema.types, task.seed)
    learned = sample_of(family, model.encoder, sample, np.empty(0))
    expected = family.answer(fitted, task, learned)
    return check_answers(model, expected, sample, family.tolerance, family.name)


def check_answers(
    model: Model, expected: np.ndarray, sample: Sequence[dict[str, Value]], tolerance: float, name: str
) -> float:
    """The same for a model with any number of members: `expected` is what their libraries answer to `sample`."""
    regression = model.labels.problem == "regression"
    whole = model.score(sample)
    # One row takes another path through the trees than many do.
    singles = [model.score([row]) for row in sample[-20:]]
    _check_direct(model, sample, whole)
    difference = np.abs(whole - expected)
    apart = np.abs(np.concatenate(singles) - expected[-20:])
    if regression:
        difference = difference / np.maximum(1.0, np.abs(expected))
        apart = apart / np.maximum(1.0, np.abs(expected[-20:]))
    worst = float(max(difference.max(), apart.max()))
    if not worst <= tolerance:
        raise ParityError(
            f"parity check failed: the exported {name} differs from its library by {worst:.3g} "
            f"(allowed {tolerance:g}) on {len(sample)} rows; the artefact was not written for use"
        )
    return worst


def _check_direct(model: Model, sample: Sequence[dict[str, Value]], whole: np.ndarray) -> None:
    """Plain JSON is read straight to the scorer's tables, where there are any: to the same bits. Raises ParityError."""
    if model.reader is None:
        return
    read = [model.reader.read(part) for part in (sample, *([row] for row in sample[-20:]))]
    answered = [answer for rows in read if rows is not None for answer in model.direct(rows).records()]
    expected = whole if model.labels.problem == "regression" else whole[:, 1]
    key = "prediction" if model.labels.problem == "regression" else "probability"
    if [answer[key] for answer in answered] != [*expected.tolist(), *expected[-20:].tolist()]:
        raise ParityError(
            f"parity check failed: read straight from JSON, the exported model differs from itself on {len(sample)} "
            "rows; the artefact was not written for use"
        )
