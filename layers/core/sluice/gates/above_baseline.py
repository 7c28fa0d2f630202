"""`above_baseline_by`: the candidate beats the baseline on the same rows by at least the margin.

The gate passes when even the bad end of the paired interval reaches the margin, and fails when even the good end does
not; with `decided_by: estimate` the measured gain decides. With a margin of 0 the gain has to be above 0: a candidate
that answers like the baseline is not better. For metrics where lower is better the
gain is baseline − candidate.
"""

from __future__ import annotations

from sluice.contract import Gate
from sluice.contract.metric_limits import LOWER_IS_BETTER
from sluice.gates.verdict import Measurement, Outcome, Verdict, missing, reaches
from sluice.records.evaluation import Evaluation, PairedDifference

RULE = "above_baseline_by"


def _enough(gain: float, margin: float) -> bool:
    return reaches(gain, margin) and (margin != 0 or gain > 0)


def above_baseline(gate: Gate, evaluation: Evaluation) -> Verdict:
    margin = float(gate.above_baseline_by or 0.0)
    candidate = evaluation.metric_of("candidate", gate.metric)
    baseline = evaluation.metric_of("baseline", gate.metric)
    if candidate is None or baseline is None:
        who = "the candidate's" if candidate is None else "the baseline's"
        return missing(RULE, gate.metric, margin, f"{who} value", candidate=candidate, baseline=baseline)
    pair = (evaluation.paired_baseline or {}).get(gate.metric) or PairedDifference()
    inputs = {"candidate": candidate, "baseline": baseline, **pair.model_dump(mode="json", exclude_unset=True)}
    gain, low, high, confidence = pair.difference, pair.low, pair.high, pair.confidence
    if gain is None or low is None or high is None or confidence is None:
        return missing(RULE, gate.metric, margin, "the paired interval against the baseline", **inputs)
    if confidence < gate.confidence - 1e-9:
        what = f"an interval at confidence {gate.confidence:g} (there is one at {confidence:g})"
        return missing(RULE, gate.metric, margin, what, **inputs)
    if gate.metric in LOWER_IS_BETTER:
        gain, low, high = -gain, -high, -low
    outcome: Outcome = "pass" if _enough(low, margin) else "inconclusive" if _enough(high, margin) else "fail"
    if gate.decided_by == "estimate":
        outcome = "pass" if _enough(gain, margin) else "fail"
    said = {
        "pass": f"reaches {margin:g}" if margin else "is above 0",
        "fail": f"is less than {margin:g}" if margin else "is not above 0",
        "inconclusive": f"{f'may be less than {margin:g}' if margin else 'may not be above 0'}: too few test rows",
    }[outcome]
    reason = (
        f"{gate.metric} {candidate:.4f} against the baseline's {baseline:.4f}: a gain of {gain:+.4f} "
        f"[{low:+.4f}, {high:+.4f}] at confidence {confidence:g} {said}"
    )
    measured = Measurement("gain", gain, low, high, "value" if gate.decided_by == "estimate" else "low end")
    return Verdict(RULE, gate.metric, outcome, measured.statistic, margin, reason, inputs, measured)
