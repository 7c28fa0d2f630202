"""`min`: the candidate's metric is at least the threshold; see `sluice.gates.limit`."""

from __future__ import annotations

from sluice.contract import Gate
from sluice.gates.limit import kept
from sluice.gates.verdict import Verdict
from sluice.records.evaluation import Evaluation


def minimum(gate: Gate, evaluation: Evaluation) -> Verdict:
    return kept(gate, evaluation, "min", float(gate.min or 0.0))
