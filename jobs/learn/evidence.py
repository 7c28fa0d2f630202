"""What evaluation says beyond metrics, for people: explanation, robustness, fairness, and the report's drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import contributions
import explanation
import numpy as np
from contributions.strips import strips
from drawings import drawings, residual_summary
from fairness import fairness
from gate_evidence import bins_of

from sluice.model.metrics import Metric
from sluice.model.model import Model
from sluice.model.schema import Row, Schema, category
from sluice.model.slices import segments


def size_of(folder: Path) -> int:
    """Bytes of an unpacked model, without the code that serves it."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def evidence(
    candidate: Model,
    parts: contributions.Parts,
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
    threshold = candidate.threshold
    few, truth = explanation.sample(rows, y)
    ours = scores["candidate"]
    contributed, explained, chosen = contributions.measured(candidate, parts, few)
    found: dict[str, Any] = {
        "contributions": contributed,
        "importance": explanation.importance(
            candidate.score, few, truth, candidate.encoder.schema.features, name, known[name]
        ),
        "robustness": explanation.robustness(candidate.score, few, truth, candidate.encoder.schema, name, known[name]),
        "fairness": fairness(problem, y, ours, _places(schema, rows, slices, contract), threshold),
        "residuals": residual_summary(y, ours) if problem == "regression" else {},
    }
    classes = [category(label) for label in candidate.labels.classes]
    drawn = drawings(problem, classes, y, scores, contract.get("business"), threshold)
    if explained is not None:
        drawn["contributions"] = strips(explained, chosen, schema)
    return found, {**drawn, "trials": list(candidate.training.get("trials") or [])}


def _places(
    schema: Schema, rows: Sequence[Row], slices: Mapping[str, Mapping[str, Any]], contract: Mapping[str, Any]
) -> dict[str, dict[str, np.ndarray]]:
    """Column → segment → places of its rows, of the segments that were measured."""
    found: dict[str, dict[str, np.ndarray]] = {}
    bins = bins_of(contract)
    for column, measured in slices.items():
        names, places = segments(schema, rows, column, bins.get(column, 0))
        found[column] = {
            segment: np.flatnonzero(places == number) for number, segment in enumerate(names) if segment in measured
        }
    return found
