"""`slice` with `max_gap`: the metric differs between any two segments of a column by at most the gap.

Evaluation gives every difference an interval, and all of them hold together (`sluice.model.gaps`). If some difference
is surely above the limit, the gate fails; if all are surely within it, it passes; in between there are too few rows to
tell. Segments with too few rows for a value of their own are left out and counted.
"""

from __future__ import annotations

from dataclasses import replace

from sluice.contract import Gate
from sluice.gates.verdict import Measurement, Outcome, Verdict, missing
from sluice.records.evaluation import Evaluation, Gap

RULE = "slice_gap"


def slice_gap(gate: Gate, evaluation: Evaluation) -> Verdict:
    limit = float(gate.max_gap or 0.0)
    gap = next((each for each in evaluation.gaps if _is_of(each, gate)), None)
    if gap is None:
        return missing(RULE, gate.metric, limit, f"the comparison of the segments of {gate.slice}", slice=gate.slice)
    inputs = gap.plain()
    if gap.low is None or gap.high is None:
        what = f"a second segment of {gate.slice} with enough rows"
        verdict = missing(RULE, gate.metric, limit, what)
        return replace(verdict, reason=verdict.reason + _left_out(gap), inputs=inputs)
    told = f"{gate.metric} by {gate.slice}: {_ends(gap)}"
    sure = f"at confidence {gap.confidence:g}"
    outcome: Outcome = "inconclusive"
    if gap.low > limit:
        outcome = "fail"
        reason = f"{told}: {' and '.join(gap.apart)} differ by at least {gap.low:.4f} {sure}, above {limit:g}"
    elif gap.high <= limit:
        outcome, reason = "pass", f"{told}: no two differ by more than {gap.high:.4f} {sure}, within {limit:g}"
    else:
        reason = (
            f"{told}: {' and '.join(gap.widest)} differ by {gap.difference or 0.0:.4f} and may differ by "
            f"{gap.high:.4f} {sure}: too few test rows to say whether the gap is within {limit:g}{_needed(gap, limit)}"
        )
    measured = Measurement("gap", gap.difference or 0.0, gap.low, gap.high, "high end")
    return Verdict(RULE, gate.metric, outcome, gap.high, limit, reason + _left_out(gap), inputs, measured)


def _is_of(gap: Gap, gate: Gate) -> bool:
    same = (gap.slice, gap.metric, gap.bins) == (gate.slice, gate.metric, gate.bins)
    return same and gap.confidence >= gate.confidence - 1e-9


def _ends(gap: Gap) -> str:
    values = {name: segment.value for name, segment in gap.segments.items()}
    best, worst = max(values, key=values.__getitem__), min(values, key=values.__getitem__)
    return f"{best} {values[best]:.4f}, {worst} {values[worst]:.4f}"


def _needed(gap: Gap, limit: float) -> str:
    """The margin shrinks with the root of the rows."""
    if gap.margin is None or gap.difference is None or gap.difference >= limit:
        return ""
    times = (gap.margin / (limit - gap.difference)) ** 2
    return f"; about {times:.1f} times as many would do" if times < 1_000 else ""


def _left_out(gap: Gap) -> str:
    small, absent = gap.too_small, gap.missing
    told = (
        [f"{small.values:,} more of its segments have too few rows to compare: {small.rows:,}"] if small.values else []
    )
    told += [f"{absent:,} test rows have no {gap.slice}"] if absent else []
    return f" ({'; '.join(told)})" if told else ""
