"""`max`: the candidate's metric is at most the threshold; see `sluice.gates.limit`."""

from __future__ import annotations

from dataclasses import replace

from sluice.contract import Gate
from sluice.contract.metric_limits import SUSPECTED_LEAKS
from sluice.gates.limit import kept
from sluice.gates.verdict import Verdict
from sluice.model.shortening import listed
from sluice.records.evaluation import Evaluation

_SHOWN = 3


def maximum(gate: Gate, evaluation: Evaluation) -> Verdict:
    verdict = kept(gate, evaluation, "max", float(gate.max or 0.0))
    if gate.metric == SUSPECTED_LEAKS and verdict.statistic is not None:
        return replace(verdict, reason=_leaks(gate, evaluation, verdict.outcome == "fail"))
    return verdict


def _leaks(gate: Gate, evaluation: Evaluation, failed: bool) -> str:
    """Names the columns; what a person does about them stands in the alert and at the run (`judge_candidate`)."""
    suspects = evaluation.leakage.suspects if evaluation.leakage else []
    count = (
        "no suspected leak" if not suspects else f"{len(suspects)} suspected leak{'' if len(suspects) == 1 else 's'}"
    )
    limit = f"at most {gate.max:g} {'are' if failed else 'is'} allowed" if gate.max else "none is allowed"
    if not failed:
        return f"{count}, and {limit}"
    return f"{count}, and {limit}: {listed([each.found for each in suspects], _SHOWN, between='; ')}"
