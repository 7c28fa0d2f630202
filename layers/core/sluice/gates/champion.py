"""`not_worse_than_champion_by`: non-inferiority on the same rows, by the paired interval.

The gate passes when even the bad end of the interval of candidate − champion stays within the margin; a point
estimate alone would let noise decide. It fails if the candidate is surely worse, and measured worse than the margin
allows. Without any champion the first model passes. A champion that serves but was
not evaluated is missing evidence. An interval that straddles the margin is inconclusive, not a pass.

Small losses must not add up from release to release: the candidate has to pass beside the anchor as well, which is
the best champion so far (`sluice.release.anchors`), within the same margin and on the same rows. So whatever the
champion lost since then is part of what the candidate may lose.
"""

from __future__ import annotations

from sluice.contract import Gate
from sluice.contract.metric_limits import LOWER_IS_BETTER
from sluice.gates.verdict import Measurement, Outcome, Verdict, missing
from sluice.records.evaluation import Evaluation, PairedDifference

RULE = "not_worse_than_champion_by"
CHAMPION, ANCHOR = "the champion", "the best champion so far"
_WORST_FIRST: tuple[Outcome, ...] = ("fail", "inconclusive", "pass")


def not_worse_than_champion(gate: Gate, evaluation: Evaluation) -> Verdict:
    """`evaluation.champion_serves` says whether a champion exists; without it, evaluation's `champion` decides."""
    margin = float(gate.not_worse_than_champion_by or 0.0)
    serves = evaluation.champion_serves
    if serves is None:
        serves = evaluation.champion is not None
    if not serves:
        why = f"{gate.metric}: the first model has no champion"
        return Verdict(RULE, gate.metric, "pass", None, -margin, why)
    verdict = _beside(gate, evaluation, "champion", CHAMPION, margin)
    if evaluation.anchor is None and "anchor" not in evaluation.not_compared:
        return verdict
    return _both(verdict, _beside(gate, evaluation, "anchor", ANCHOR, margin))


def _beside(gate: Gate, evaluation: Evaluation, role: str, who: str, margin: float) -> Verdict:
    measured = evaluation.champion if role == "champion" else evaluation.anchor
    if measured is None:
        verdict = missing(RULE, gate.metric, -margin, f"the evaluation of {who}")
        return verdict.because(evaluation.not_compared.get("candidate") or evaluation.not_compared.get(role))
    paired = evaluation.paired if role == "champion" else evaluation.paired_anchor
    pair = (paired or {}).get(gate.metric) or PairedDifference()
    difference, low, high, confidence = pair.difference, pair.low, pair.high, pair.confidence
    inputs = pair.model_dump(mode="json", exclude_unset=True)
    if (rows := evaluation.compared.get(role)) is not None:
        inputs["compared"] = rows.plain()
    note = f" ({said})" if rows and (said := rows.note(who)) else ""
    if difference is None or low is None or high is None or confidence is None:
        verdict = missing(RULE, gate.metric, -margin, f"the paired interval against {who}", **inputs)
        return verdict.because(evaluation.undefined.get(gate.metric))
    if confidence < gate.confidence - 1e-9:
        what = f"an interval at confidence {gate.confidence:g} (there is one at {confidence:g})"
        return missing(RULE, gate.metric, -margin, what, **inputs)
    if gate.metric in LOWER_IS_BETTER:
        difference, low, high = -difference, -high, -low
    interval = f"{gate.metric} against {who}: difference {difference:+.4f} [{low:+.4f}, {high:+.4f}] at confidence "
    interval += f"{confidence:g}"
    outcome: Outcome = "pass"
    reason = f"{interval} stays above −{margin:g}{note}"
    if difference < -margin and high <= 0:
        # on few rows an equal candidate measures worse than that by chance; it is not surely worse then
        outcome, reason = "fail", f"{interval}: surely worse, and measured worse by more than {margin:g}{note}"
    elif low < -margin:
        reason = f"{interval} does not exclude that it is worse by more than {margin:g}: too few test rows{note}"
        outcome = "inconclusive"
    measurement = Measurement(f"difference to {who}", difference, low, high, "low end")
    return Verdict(RULE, gate.metric, outcome, low, -margin, reason, inputs, measurement)


def _both(champion: Verdict, anchor: Verdict) -> Verdict:
    """The worse of the two outcomes; reasons of both, unless only one stands in the way."""
    outcome = min((champion.outcome, anchor.outcome), key=_WORST_FIRST.index)
    told = [each.reason for each in (champion, anchor) if each.outcome == outcome or outcome == "pass"]
    known = [each for each in (champion, anchor) if each.statistic is not None]
    worse = min(known, key=lambda each: each.statistic or 0.0) if len(known) == 2 else None
    inputs = {**champion.inputs, "anchor": anchor.inputs}
    statistic, threshold, measured = (
        (worse.statistic, worse.threshold, worse.measured) if worse else (None, champion.threshold, None)
    )
    return Verdict(RULE, champion.metric, outcome, statistic, threshold, "; ".join(told), inputs, measured)
