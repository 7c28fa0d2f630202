"""`min`: the candidate's metric is at least the threshold."""

from __future__ import annotations

from sluice.contract import Gate
from sluice.gates.verdict import Verdict, missing
from sluice.records.evaluation import Evaluation


def minimum(gate: Gate, evaluation: Evaluation) -> Verdict:
    threshold = float(gate.min or 0.0)
    value = evaluation.metric_of("candidate", gate.metric)
    if value is None:
        return missing("min", gate.metric, threshold, "the candidate's value")
    passed = value >= threshold
    reason = f"{gate.metric} {value:.4f} is {'at least' if passed else 'below'} the minimum {threshold:g}"
    return Verdict("min", gate.metric, "pass" if passed else "fail", value, threshold, reason, {"candidate": value})
