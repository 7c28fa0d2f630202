"""A limit on the candidate's metric, decided by its value on the test rows or by the interval of that value.

By default the value decides, as in TFX's Evaluator, SageMaker Pipelines and MLflow: a limit of 0.85 is then reached by
a model that is truly at 0.85 in half of the cases. With `decided_by: interval` the gate passes if the whole interval
keeps the limit, fails if none of it does, and is inconclusive in between. Either way the reason names the interval.
"""

from __future__ import annotations

from typing import Literal

from sluice.contract import Gate
from sluice.gates.verdict import Measurement, Outcome, Verdict, digits, missing, reaches
from sluice.records.evaluation import Evaluation


def kept(gate: Gate, evaluation: Evaluation, rule: Literal["min", "max"], threshold: float) -> Verdict:
    value = evaluation.metric_of("candidate", gate.metric)
    if value is None:
        return missing(rule, gate.metric, threshold, "the candidate's value")
    inputs: dict[str, object] = {"candidate": value, "decided_by": gate.decided_by or "estimate"}
    if gate.decided_by == "interval":
        low, high, confidence = evaluation.gate_intervals.get(gate.metric, (None, None, None))
        if low is None or high is None or confidence is None or confidence < gate.confidence - 1e-9:
            what = f"the interval of the candidate's value at confidence {gate.confidence:g}"
            return missing(rule, gate.metric, threshold, what, **inputs)
        inputs |= {"low": low, "high": high, "confidence": confidence}
        return _by_interval(gate, rule, threshold, value, (low, high, confidence), inputs)
    ends = evaluation.intervals.ends("candidate", gate.metric) if evaluation.intervals else None
    said = f" (interval {ends[0]:.4f} to {ends[1]:.4f})" if ends else ""
    passed = reaches(value, threshold) if rule == "min" else reaches(-value, -threshold)
    words = {"min": ("at least", "below"), "max": ("at most", "above")}[rule]
    limit = f"the {'minimum' if rule == 'min' else 'maximum'} {threshold:g}"
    reason = f"{gate.metric} {digits(value, threshold)}{said} is {words[0] if passed else words[1]} {limit}"
    low, high = ends or (None, None)
    measured = Measurement("value", value, low, high, "value")
    return Verdict(rule, gate.metric, "pass" if passed else "fail", value, threshold, reason, inputs, measured)


def _by_interval(
    gate: Gate,
    rule: Literal["min", "max"],
    threshold: float,
    value: float,
    interval: tuple[float, float, float],
    inputs: dict[str, object],
) -> Verdict:
    low, high, confidence = interval
    worst, best, limit_of = (low, high, threshold) if rule == "min" else (-high, -low, -threshold)
    outcome: Outcome = "pass" if reaches(worst, limit_of) else "inconclusive" if reaches(best, limit_of) else "fail"
    said = {
        "pass": "keeps",
        "fail": "does not reach" if rule == "min" else "exceeds",
        "inconclusive": "straddles, so that more test rows are needed:",
    }[outcome]
    limit = f"the {'minimum' if rule == 'min' else 'maximum'} {threshold:g}"
    reason = f"{gate.metric} {value:.4f} [{low:.4f}, {high:.4f}] at confidence {confidence:g} {said} {limit}"
    measured = Measurement("value", value, low, high, "low end" if rule == "min" else "high end")
    return Verdict(rule, gate.metric, outcome, measured.statistic, threshold, reason, inputs, measured)
