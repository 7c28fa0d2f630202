"""`not_worse_than_champion_by`: non-inferiority on the same rows, by the paired interval.

The gate passes when even the bad end of the interval of candidate − champion stays within the margin; a point
estimate alone would let noise decide. Without any champion the first model passes. A champion that serves but was
not evaluated is missing evidence. An interval that straddles the margin is inconclusive, not a pass.
"""

from __future__ import annotations

from sluice.contract import Gate
from sluice.contract.metric_limits import LOWER_IS_BETTER
from sluice.gates.verdict import Verdict, missing
from sluice.records.evaluation import Evaluation, PairedDifference

RULE = "not_worse_than_champion_by"


def not_worse_than_champion(gate: Gate, evaluation: Evaluation) -> Verdict:
    """`evaluation.champion_serves` says whether a champion exists; without it, evaluation's `champion` decides."""
    margin = float(gate.not_worse_than_champion_by or 0.0)
    serves = evaluation.champion_serves
    if serves is None:
        serves = evaluation.champion is not None
    if not serves:
        return Verdict(RULE, gate.metric, "pass", None, margin, f"{gate.metric}: first model, there is no champion")
    if evaluation.champion is None:
        return missing(RULE, gate.metric, margin, "the champion's evaluation")
    pair = (evaluation.paired or {}).get(gate.metric) or PairedDifference()
    difference, low, high, confidence = pair.difference, pair.low, pair.high, pair.confidence
    inputs = pair.model_dump(mode="json", exclude_unset=True)
    if difference is None or low is None or high is None or confidence is None:
        return missing(RULE, gate.metric, margin, "the paired interval against the champion", **inputs)
    if confidence < gate.confidence - 1e-9:
        what = f"an interval at confidence {gate.confidence:g} (there is one at {confidence:g})"
        return missing(RULE, gate.metric, margin, what, **inputs)
    if gate.metric in LOWER_IS_BETTER:
        difference, low, high = -difference, -high, -low
    interval = f"difference {difference:+.4f} [{low:+.4f}, {high:+.4f}] at confidence {confidence:g}"
    if low >= -margin:
        return Verdict(
            RULE, gate.metric, "pass", low, -margin, f"{gate.metric}: {interval} stays above −{margin:g}", inputs
        )
    if difference < -margin:
        reason = f"{gate.metric}: {interval}: worse than the champion by more than {margin:g}"
        return Verdict(RULE, gate.metric, "fail", low, -margin, reason, inputs)
    reason = f"{gate.metric}: {interval} does not exclude that it is worse by more than {margin:g}: too few test rows"
    return Verdict(RULE, gate.metric, "inconclusive", low, -margin, reason, inputs)
