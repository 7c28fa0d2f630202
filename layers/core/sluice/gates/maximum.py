"""`max`: the candidate's metric is at most the threshold; see `sluice.gates.limit`."""

from __future__ import annotations

from sluice.contract import Gate
from sluice.gates.limit import kept
from sluice.gates.verdict import Verdict
from sluice.records.evaluation import Evaluation


def maximum(gate: Gate, evaluation: Evaluation) -> Verdict:
    return kept(gate, evaluation, "max", float(gate.max or 0.0))
