"""What evaluation says beyond metrics, for people: explanation, robustness, fairness, and the report's drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import explanation
import numpy as np
from drawings import drawings, residual_summary
from fairness import fairness

from sluice.model.metrics import THRESHOLD, Metric
from sluice.model.model import Model
from sluice.model.schema import Row, Schema, category


def size_of(folder: Path) -> int:
    """Bytes of an unpacked model, without the code that serves it."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def evidence(
    candidate: Model,
    schema: Schema,
    rows: Sequence[Row],
    y: np.ndarray,
    scores: Mapping[str, np.ndarray],
    contract: Mapping[str, Any],
    known: Mapping[str, Metric],
    slices: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Members of evaluation.json, and the whole of plots.json. `slices`: whose columns and values are compared."""
    problem, name = candidate.labels.problem, str(contract["problem"]["metric"])
    threshold = float(getattr(candidate, "threshold", THRESHOLD))
    few, truth = explanation.sample(rows, y)
    ours = scores["candidate"]
    found: dict[str, Any] = {
        "importance": explanation.importance(
            candidate.score, few, truth, candidate.encoder.schema.features, name, known[name]
        ),
        "robustness": explanation.robustness(candidate.score, few, truth, candidate.encoder.schema, name, known[name]),
        "fairness": fairness(problem, y, ours, _places(rows, slices), threshold),
        "residuals": residual_summary(y, ours) if problem == "regression" else {},
    }
    classes = [category(label) for label in candidate.labels.classes]
    drawn = drawings(problem, classes, y, scores, contract.get("business"), threshold)
    return found, {**drawn, "trials": list(candidate.training.get("trials") or [])}


def _places(rows: Sequence[Row], slices: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, np.ndarray]]:
    """Column → value → places of its rows, of the values that were measured."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for column, values in slices.items():
        keys = np.array([category(value) if (value := row.get(column)) is not None else "" for row in rows])
        places = {value: np.flatnonzero(keys == value) for value in values}
        found[column] = {value: each for value, each in places.items() if len(each)}
    return found
