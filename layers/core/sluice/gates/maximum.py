"""`max`: the candidate's metric is at most the threshold."""

from __future__ import annotations

from sluice.contract import Gate
from sluice.gates.verdict import Verdict, missing
from sluice.records.evaluation import Evaluation


def maximum(gate: Gate, evaluation: Evaluation) -> Verdict:
    threshold = float(gate.max or 0.0)
    value = evaluation.metric_of("candidate", gate.metric)
    if value is None:
        return missing("max", gate.metric, threshold, "the candidate's value")
    passed = value <= threshold
    reason = f"{gate.metric} {value:.4f} is {'at most' if passed else 'above'} the maximum {threshold:g}"
    return Verdict("max", gate.metric, "pass" if passed else "fail", value, threshold, reason, {"candidate": value})
