"""`slice` with `max_gap`: the metric's best and worst segment are at most the gap apart.

Segments with fewer than 30 rows are left out (a metric of a handful of rows is noise) and those
without a positive; they are named in the inputs.
"""

from __future__ import annotations

from sluice.contract import Gate
from sluice.gates.verdict import Verdict, missing
from sluice.records.evaluation import Evaluation

RULE = "slice_gap"
MIN_ROWS = 30


def slice_gap(gate: Gate, evaluation: Evaluation) -> Verdict:
    limit = float(gate.max_gap or 0.0)
    slices = evaluation.slices.get(gate.slice or "", {})
    values: dict[str, float] = {}
    small: list[str] = []
    for name, facts in slices.items():
        # without a positive row there is nothing to recall; evaluate.py leaves such metrics out
        if (facts.get("rows") or 0) < MIN_ROWS or facts.get("positives") == 0:
            small.append(name)
            continue
        value = facts.get(gate.metric)
        if value is None:
            return missing(RULE, gate.metric, limit, f"the value in {gate.slice}={name}")
        values[name] = value
    rare = evaluation.slices_left_out.get(gate.slice or "")
    left_out = rare.plain() if rare else {}
    inputs = {"slice": gate.slice, "values": values, "too_small": sorted(small), "left_out": left_out}
    if len(values) < 2:
        return missing(RULE, gate.metric, limit, f"a second segment of {gate.slice} with {MIN_ROWS} rows", **inputs)
    best, worst = max(values, key=values.__getitem__), min(values, key=values.__getitem__)
    gap = values[best] - values[worst]
    passed = gap <= limit
    reason = (
        f"{gate.metric} by {gate.slice}: {best} {values[best]:.4f}, {worst} {values[worst]:.4f}: "
        f"the gap {gap:.4f} is {'within' if passed else 'above'} {limit:g}"
    )
    unseen = len(small) + (rare.values if rare else 0)
    if unseen:
        reason += f" ({unseen} more of its values have too few rows to compare)"
    return Verdict(RULE, gate.metric, "pass" if passed else "fail", gap, limit, reason, inputs)
