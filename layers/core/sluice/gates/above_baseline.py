"""`above_baseline_by`: the candidate beats the baseline on the same rows by at least the margin.

For metrics where lower is better the gain is baseline − candidate.
"""

from __future__ import annotations

from sluice.contract import Gate
from sluice.contract.metric_limits import LOWER_IS_BETTER
from sluice.gates.verdict import Verdict, missing
from sluice.records.evaluation import Evaluation

RULE = "above_baseline_by"


def above_baseline(gate: Gate, evaluation: Evaluation) -> Verdict:
    margin = float(gate.above_baseline_by or 0.0)
    candidate = evaluation.metric_of("candidate", gate.metric)
    baseline = evaluation.metric_of("baseline", gate.metric)
    if candidate is None or baseline is None:
        who = "the candidate's" if candidate is None else "the baseline's"
        return missing(RULE, gate.metric, margin, f"{who} value", candidate=candidate, baseline=baseline)
    gain = baseline - candidate if gate.metric in LOWER_IS_BETTER else candidate - baseline
    passed = gain >= margin
    reason = (
        f"{gate.metric} {candidate:.4f} against the baseline's {baseline:.4f}: a gain of {gain:+.4f} "
        f"{'reaches' if passed else 'is less than'} {margin:g}"
    )
    inputs = {"candidate": candidate, "baseline": baseline}
    return Verdict(RULE, gate.metric, "pass" if passed else "fail", gain, margin, reason, inputs)
