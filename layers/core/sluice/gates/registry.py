"""All gate rules, by the key that a contract uses for them. A new rule is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sluice.contract import Gate
from sluice.gates import above_baseline, champion, slice_gap
from sluice.gates.maximum import maximum
from sluice.gates.minimum import minimum
from sluice.gates.verdict import Verdict
from sluice.records.evaluation import Evaluation


class Rule(NamedTuple):
    """`name`: what its verdicts call the rule; `sluice.records.gate_figures` has the words for it."""

    name: str
    judge: Callable[[Gate, Evaluation], Verdict]


RULES: dict[str, Rule] = {
    "min": Rule("min", minimum),
    "max": Rule("max", maximum),
    "above_baseline_by": Rule(above_baseline.RULE, above_baseline.above_baseline),
    "not_worse_than_champion_by": Rule(champion.RULE, champion.not_worse_than_champion),
    "max_gap": Rule(slice_gap.RULE, slice_gap.slice_gap),
}


@dataclass(frozen=True)
class Judgement:
    decision: Literal["approved", "rejected", "inconclusive"]
    verdicts: tuple[Verdict, ...]

    @property
    def reasons(self) -> list[str]:
        """The sentences that explain the decision: of what failed or is missing, else of every gate."""
        bad = [v.reason for v in self.verdicts if v.outcome != "pass"]
        return bad or [v.reason for v in self.verdicts] or ["the contract has no gate"]


def rule_of(gate: Gate) -> Rule:
    """The one rule that the gate sets."""
    return next(rule for key, rule in RULES.items() if getattr(gate, key) is not None)


def _explained(gate: Gate, verdict: Verdict, evaluation: Evaluation) -> Verdict:
    """The verdict with the evaluation's own reason where evidence is missing, instead of "is missing" alone."""
    if verdict.outcome != "inconclusive" or verdict.statistic is not None or verdict.rule == champion.RULE:
        return verdict
    return verdict.because(evaluation.not_compared.get("candidate") or evaluation.undefined.get(gate.metric))


def judge(gates: Sequence[Gate], evaluation: Evaluation) -> Judgement:
    """One failed gate rejects; without a failure, one inconclusive gate makes the whole inconclusive."""
    verdicts = tuple(_explained(gate, rule_of(gate).judge(gate, evaluation), evaluation) for gate in gates)
    unmeasured = evaluation.not_compared.get("candidate")
    if unmeasured and all(verdict.outcome == "pass" for verdict in verdicts):
        # also without any gate: a candidate that could not be measured is not released
        reason = f"the candidate could not be measured, because {unmeasured}"
        verdicts += (Verdict("measured", "every metric", "inconclusive", None, 0.0, reason),)
    outcomes = {verdict.outcome for verdict in verdicts}
    if "fail" in outcomes:
        return Judgement("rejected", verdicts)
    return Judgement("inconclusive" if "inconclusive" in outcomes else "approved", verdicts)
