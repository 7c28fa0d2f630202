"""`features.preparation: auto`: the family itself says which preparation of the columns it learns from best.

On a sample of the training rows, each proposal is fitted on two thirds and measured by the contract's metric on the
third, for each third, with the family's default hyperparameters. A proposal is taken only where it is better than the
standard on every third: chance alone does that for one useless proposal in eight, a better mean for one in two. What
was tried is reported with its gain. The rows of validation and test have no part in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import preparing

from families import Family, Task
from families.progress import SILENT
from sluice.model.metrics import LOWER_IS_BETTER, metrics_of
from sluice.model.schema import Row, Schema

MAX_ROWS = 6_000
MIN_ROWS = 150
_THIRDS = 3
STANDARD = "standard"
Features = dict[str, Any]


class Choice(NamedTuple):
    """`features` with what was chosen, and what the evaluation reports of it."""

    features: Features
    report: dict[str, Any]


def choose(
    family: Family,
    schema: Schema,
    features: Mapping[str, Any],
    rows: Sequence[Row],
    y: np.ndarray,
    task: Task,
    business: Mapping[str, Any] | None,
    group: Sequence[str] = (),
) -> Choice:
    """Raises ModelError on options that fit no column."""
    plain: Features = {name: value for name, value in features.items() if name != "preparation"}
    proposals = proposed(family, schema, plain)
    taken = np.random.default_rng(task.seed).permutation(len(rows))[:MAX_ROWS]
    if not proposals or len(rows) < MIN_ROWS:
        why = "too few rows" if proposals else "no others to choose from"
        return Choice(
            plain, {"chosen": STANDARD, "metric": task.metric, "rows": len(taken), "tried": {}, "why_not": why}
        )
    sample, known = [rows[i] for i in taken.tolist()], y[taken]
    third = preparing.folds_of(sample, _THIRDS, task.seed, group)
    task = replace(task, progress=SILENT)

    def scores(asked: Features) -> list[float]:
        return [_score(family, schema, asked, sample, known, third == k, task, business, group) for k in range(_THIRDS)]

    standard = scores(plain)
    sign = -1.0 if task.metric in LOWER_IS_BETTER else 1.0
    tried: dict[str, Any] = {}
    best, best_gain = STANDARD, 0.0
    for name, asked in proposals.items():
        gains = [sign * (ours - before) for ours, before in zip(scores(asked), standard)]
        mean = float(np.mean(gains))
        tried[name] = {"gain": _finite(mean), "better": sum(gain > 0 for gain in gains)}
        if all(gain > 0 for gain in gains) and mean > best_gain:
            best, best_gain = name, mean
    report = {
        "chosen": best,
        "metric": task.metric,
        "rows": len(taken),
        "standard": _finite(float(np.mean(standard))),
        "tried": tried,
    }
    return Choice(proposals.get(best, plain), report)


def _finite(value: float) -> float | None:
    """None where a third does not define the metric."""
    return value if math.isfinite(value) else None


def proposed(family: Family, schema: Schema, features: Mapping[str, Any]) -> dict[str, Features]:
    """Name → `features`. What the contract has chosen itself stays."""
    kinds = {schema.types[name] for name in schema.features if name != schema.seasonal}
    found: dict[str, Features] = {}
    numbers = {key: value for key, value in (features.get("numbers") or {}).items() if value is not None}
    if kinds & {"number", "integer"} and not numbers:
        if family.encoding == "one-hot":
            long_tails = {"outliers": "quantile", "transform": "yeo_johnson", "missing_indicator": True}
            found["yeo_johnson"] = {**features, "numbers": long_tails}
            found["outliers"] = {**features, "numbers": {"outliers": "iqr", "missing_indicator": True}}
        if not features.get("interactions"):
            found["interactions"] = {**features, "interactions": True}
    categories = features.get("categories") or {}
    if "category" in kinds and (categories.get("encoding") or "auto") == "auto":
        others = ("target", "ordinal") if family.encoding == "one-hot" else ("target", "one_hot")
        for encoding in others:
            found[encoding] = {**features, "categories": {**categories, "encoding": encoding}}
    if "timestamp" in kinds and (features.get("dates") or "auto") == "auto":
        found["parts"] = {**features, "dates": "parts"}
        if family.encoding != "one-hot":
            found["cycles"] = {**features, "dates": "cycles"}
    return found


def _score(
    family: Family,
    schema: Schema,
    features: Features,
    rows: Sequence[Row],
    y: np.ndarray,
    held: np.ndarray,
    task: Task,
    business: Mapping[str, Any] | None,
    group: Sequence[str],
) -> float:
    known, out = np.flatnonzero(~held).tolist(), np.flatnonzero(held).tolist()
    encoder, sample = preparing.prepared(family, schema, features, [rows[i] for i in known], y[known], task, group)
    watch = preparing.sample_of(family, encoder, [rows[i] for i in out], y[out])
    # rounds stop by the rows that measure, which favours every proposal alike
    fitted = family.fit(family.hyperparameters({}), task, sample, watch)
    found = metrics_of(task.problem, business)[task.metric](watch.y, family.answer(fitted, task, watch))
    return math.nan if found is None else float(found)
