"""What gates need beyond the metrics: the gaps between segments, and intervals of values where these decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sluice.model.bootstrap import interval
from sluice.model.gaps import BINS, gaps
from sluice.model.metrics import THRESHOLD, Metric
from sluice.model.schema import Row, Schema
from sluice.model.slices import by_slice, left_out


def bins_of(contract: Mapping[str, Any]) -> dict[str, int]:
    """Column that a gate slices → into how many ranges, if it holds numbers or times."""
    gates = contract.get("gates") or ()
    return {str(gate["slice"]): int(gate.get("bins") or BINS) for gate in gates if gate.get("slice")}


def gate_evidence(
    contract: Mapping[str, Any],
    schema: Schema,
    rows: Sequence[Row],
    y: np.ndarray,
    scores: np.ndarray,
    known: Mapping[str, Metric],
    threshold: float = THRESHOLD,
) -> dict[str, Any]:
    """The members `slices`, `slices_left_out`, `gaps` and `gate_intervals` of evaluation.json."""
    gated = bins_of(contract)
    return {
        "slices": by_slice(schema, contract["problem"]["type"], rows, y, scores, gated, threshold),
        "slices_left_out": left_out(schema, rows, gated),
        **of_gates(contract, schema, rows, y, scores, known, threshold),
    }


def of_gates(
    contract: Mapping[str, Any],
    schema: Schema,
    rows: Sequence[Row],
    y: np.ndarray,
    scores: np.ndarray,
    known: Mapping[str, Metric],
    threshold: float = THRESHOLD,
) -> dict[str, Any]:
    """`gaps` and `gate_intervals`, for gates on metrics that are in `known`."""
    gates = [gate for gate in contract.get("gates") or () if gate.get("metric") in known]
    ends: dict[str, list[float]] = {}
    for gate in gates:
        name, confidence = gate["metric"], float(gate.get("confidence") or 0.95)
        if gate.get("decided_by") != "interval" or ends.get(name, [0, 0, 0])[2] >= confidence:
            continue
        if (found := interval(known[name], y, scores, confidence)) is not None:
            ends[name] = [*found, confidence]
    return {"gaps": gaps(gates, schema, rows, y, scores, known, threshold), "gate_intervals": ends}
