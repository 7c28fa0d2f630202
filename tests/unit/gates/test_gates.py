"""Gates: missing evidence never passes, and a better candidate never does worse."""

from __future__ import annotations

import math
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.contract import Gate
from sluice.gates import RULES, judge, rule_of
from sluice.records import gate_figures
from sluice.records.evaluation import Evaluation

GATES = {
    "min": Gate(metric="roc_auc", min=0.8),
    "max": Gate(metric="log_loss", max=0.5),
    "above_baseline_by": Gate(metric="roc_auc", above_baseline_by=0.01),
    "not_worse_than_champion_by": Gate(metric="roc_auc", not_worse_than_champion_by=0.002),
    "max_gap": Gate(metric="recall", slice="channel", max_gap=0.15),
}


FACTS = {"metric": "roc_auc", "lower_is_better": False, "problem": "binary", "rows": 100}


def evaluation(auc: float = 0.9, **more: Any) -> Evaluation:
    content = {
        **FACTS,
        "candidate": {"metrics": {"roc_auc": auc, "log_loss": 0.3}},
        "baseline": {"metrics": {"roc_auc": 0.7}},
        "champion": {"metrics": {"roc_auc": 0.89}},
        "paired": {"roc_auc": {"difference": 0.01, "low": -0.001, "high": 0.02, "confidence": 0.95}},
        "paired_baseline": {
            "roc_auc": {"difference": auc - 0.7, "low": auc - 0.72, "high": auc - 0.68, "confidence": 0.95}
        }
        if isinstance(auc, float) and math.isfinite(auc)
        else {},
        "gaps": [gap(0.02, 0.12)],
    }
    return Evaluation.of({**content, **more}, "here")


def gap(low: float | None, high: float | None, **more: Any) -> dict[str, Any]:
    """Of a recall of 0.6 and one of 0.7."""
    values = {"ads": 0.6, "mail": 0.7}
    segments = {name: {"rows": 50, "relevant": 20, "value": value, "error": 0.1} for name, value in values.items()}
    return {
        "slice": "channel", "metric": "recall", "bins": 4, "confidence": 0.95, "low": low, "high": high,
        "segments": segments, "too_small": {"values": 0, "rows": 0}, "missing": 0,
        "apart": ["ads", "mail"], "widest": ["ads", "mail"], "difference": 0.1, "margin": 0.2, **more,
    }  # fmt: skip


def unmeasured(**more: Any) -> Evaluation:
    return Evaluation.of({**FACTS, "candidate": {"metrics": {}}, **more}, "here")


@pytest.mark.parametrize(
    ("gate", "measured"),
    [
        (GATES["min"], ("value", 0.9, None, None, "value")),
        (GATES["above_baseline_by"], ("gain", 0.2, 0.18, 0.22, "low end")),
        (
            GATES["above_baseline_by"].model_copy(update={"decided_by": "estimate"}),
            ("gain", 0.2, 0.18, 0.22, "value"),
        ),
        (GATES["not_worse_than_champion_by"], ("difference to the champion", 0.01, -0.001, 0.02, "low end")),
        (GATES["max_gap"], ("gap", 0.1, 0.02, 0.12, "high end")),
    ],
)
def test_a_verdict_says_what_was_measured_and_which_figure_was_compared(gate: Gate, measured: tuple[Any, ...]) -> None:
    verdict = judge([gate], evaluation()).verdicts[0]
    assert verdict.measured is not None
    found = astuple(verdict.measured)
    assert (found[0], found[4]) == (measured[0], measured[4])
    assert [each if each is None else round(each, 6) for each in found[1:4]] == list(measured[1:4])
    assert verdict.statistic == verdict.measured.statistic


def test_every_rule_is_tested() -> None:
    assert set(GATES) == set(RULES)


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_every_rule_has_its_name_in_verdicts_and_words_in_the_figures(gate: Gate) -> None:
    verdict = judge([gate], evaluation()).verdicts[0]
    assert verdict.rule == rule_of(gate).name
    shown = {"metric": gate.metric, "rule": verdict.rule, "threshold": verdict.threshold, "statistic": 0.1}
    # without words of its own, a rule would be shown by its key, and its limit as a dash
    assert verdict.rule not in gate_figures.gate_name(shown)
    assert gate_figures.limit(shown) != "–"


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_good_evidence_passes_and_none_is_inconclusive(gate: Gate) -> None:
    assert judge([gate], evaluation()).decision == "approved"
    assert judge([gate], unmeasured(champion_serves=True)).decision == "inconclusive"


def test_a_gate_counts_the_suspected_leaks_and_without_an_examination_it_is_inconclusive() -> None:
    gate = Gate(metric="suspected_leaks", max=0)
    suspect = {"kind": "copy", "columns": ["status"], "evidence": "it answers all", "advice": "drop it"}
    rejected = judge([gate], evaluation(leakage={"suspects": [suspect]}))
    assert rejected.decision == "rejected"
    assert rejected.reasons == ["1 suspected leak, and none is allowed: 'status': it answers all"]
    assert judge([gate], evaluation(leakage={"accepted": [suspect]})).decision == "approved"
    assert judge([gate], evaluation()).decision == "inconclusive"


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_better_metric_never_turns_a_pass_into_a_failure(a: float, b: float) -> None:
    low, high = sorted((a, b))
    for name in ("min", "above_baseline_by"):
        if judge([GATES[name]], evaluation(low)).decision == "approved":
            assert judge([GATES[name]], evaluation(high)).decision == "approved"


@pytest.mark.parametrize(
    ("difference", "low", "high", "decision"),
    [
        (0.0, -0.01, 0.01, "inconclusive"),
        (-0.01, -0.02, 0.0, "rejected"),
        (-0.01, -0.04, 0.02, "inconclusive"),
        (0.0, -0.002, 0.002, "approved"),
    ],
)
def test_the_champion_gate_reads_the_interval(difference: float, low: float, high: float, decision: str) -> None:
    paired = {"roc_auc": {"difference": difference, "low": low, "high": high, "confidence": 0.95}}
    assert judge([GATES["not_worse_than_champion_by"]], evaluation(paired=paired)).decision == decision


@pytest.mark.parametrize(("low", "decision"), [(-0.001, "approved"), (-0.006, "inconclusive"), (-0.02, "rejected")])
def test_the_anchor_has_to_be_reached_as_well(low: float, decision: str) -> None:
    """The champion alone would let each release lose a little."""
    pair = {"difference": low + 0.005, "low": low, "high": low + 0.01, "confidence": 0.95}
    both = evaluation(anchor={"metrics": {}, "run_id": "r0"}, paired_anchor={"roc_auc": pair})
    judgement = judge([GATES["not_worse_than_champion_by"]], both)
    assert judgement.decision == decision
    assert "the best champion so far" in judgement.reasons[0]
    assert ("against the champion" in judgement.reasons[0]) == (decision == "approved")


def test_an_anchor_that_cannot_be_compared_is_missing_evidence() -> None:
    alone = evaluation(not_compared={"anchor": "the best champion so far reads 'x'"})
    judgement = judge([GATES["not_worse_than_champion_by"]], alone)
    assert judgement.decision == "inconclusive"
    assert judgement.reasons == [
        "roc_auc: the evaluation of the best champion so far is missing, because the best champion so far reads 'x'"
    ]


@pytest.mark.parametrize(
    ("compared", "words"),
    [
        ({"rows": 60, "test_rows": 100, "known": True}, "40 of 100 test rows are left out, because the champion was"),
        ({"rows": 100, "test_rows": 100, "known": False}, "which rows the champion was trained on is not on record"),
    ],
)
def test_rows_that_the_champion_knows_are_counted_in_the_reason(compared: dict[str, Any], words: str) -> None:
    verdict = judge([GATES["not_worse_than_champion_by"]], evaluation(compared={"champion": compared})).verdicts[0]
    assert words in verdict.reason
    assert verdict.inputs["compared"] == compared


def test_the_first_model_has_no_champion_to_beat() -> None:
    first = evaluation(champion=None, paired=None, champion_serves=False)
    assert judge([GATES["not_worse_than_champion_by"]], first).decision == "approved"


def test_the_limit_beside_the_champion_has_its_sign_and_is_absent_without_a_champion() -> None:
    """A newcomer's first report said that the gate has to be at least 0.02, and the second said -0.02."""

    def shown(found: Evaluation, margin: float = 0.02) -> str:
        gate = Gate(metric="roc_auc", not_worse_than_champion_by=margin)
        return gate_figures.limit(judge([gate], found).verdicts[0].to_json())

    assert shown(evaluation()) == "at least -0.02"
    assert shown(evaluation(paired=None)) == "at least -0.02", "missing evidence"
    assert shown(evaluation(champion=None, champion_serves=True)) == "at least -0.02", "it was not evaluated"
    assert shown(evaluation(champion=None, paired=None, champion_serves=False)) == "–"
    assert shown(evaluation(), 0.0) == "at least 0", "not -0"
    unmeasured_candidate = judge([], evaluation(not_compared={"candidate": "it has no rows"})).verdicts[0]
    assert gate_figures.limit(unmeasured_candidate.to_json()) == "–"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.9", True, None])
def test_what_is_not_a_finite_number_is_no_evidence(value: Any) -> None:
    assert judge([GATES["min"]], evaluation(value)).decision == "inconclusive"


def test_an_evaluation_that_cannot_compare_says_why() -> None:
    why = "the champion knows other classes of 'y'"
    alone = evaluation(champion=None, paired=None, champion_serves=True, not_compared={"champion": why})
    judgement = judge(list(GATES.values()), alone)
    assert judgement.decision == "inconclusive"
    assert judgement.reasons == [f"roc_auc: the evaluation of the champion is missing, because {why}"]


def test_a_metric_without_a_value_says_why() -> None:
    why = "all 40 test rows have one class only"
    told = judge([GATES["min"]], unmeasured(undefined={"roc_auc": why}))
    assert told.decision == "inconclusive"
    assert why in told.reasons[0]


def test_a_candidate_that_could_not_be_measured_is_never_approved() -> None:
    told = judge([], unmeasured(not_compared={"candidate": "3 of 40 test rows have …"}))
    assert told.decision == "inconclusive"
    assert "3 of 40 test rows" in told.reasons[0]
    assert judge([], evaluation()).decision == "approved"


@pytest.mark.parametrize(
    ("low", "high", "decision", "words"),
    [
        (0.0, 0.15, "approved", "no two differ by more than 0.1500 at confidence 0.95, within 0.15"),
        (0.15, 0.4, "inconclusive", "may differ by 0.4000 at confidence 0.95: too few test rows"),
        (0.16, 0.4, "rejected", "ads and mail differ by at least 0.1600 at confidence 0.95, above 0.15"),
        (None, None, "inconclusive", "a second segment of channel with enough rows is missing"),
    ],
)
def test_the_slice_gate_reads_the_bounds_of_the_gap(
    low: float | None, high: float | None, decision: str, words: str
) -> None:
    judgement = judge([GATES["max_gap"]], evaluation(gaps=[gap(low, high)]))
    assert judgement.decision == decision
    assert words in judgement.reasons[0]


def test_an_inconclusive_slice_gate_says_how_many_rows_are_needed() -> None:
    """The margin of 0.2 has to shrink to 0.15 - 0.1."""
    assert "about 16.0 times as many would do" in judge([GATES["max_gap"]], evaluation(gaps=[gap(0, 0.3)])).reasons[0]


def test_a_gap_at_a_lower_confidence_is_no_evidence() -> None:
    judgement = judge([GATES["max_gap"]], evaluation(gaps=[gap(0.0, 0.1, confidence=0.9)]))
    assert judgement.decision == "inconclusive"


def test_what_is_left_out_of_a_slice_gate_is_counted() -> None:
    left = evaluation(gaps=[gap(0.0, 0.1, too_small={"values": 3, "rows": 41}, missing=7)])
    reason = judge([GATES["max_gap"]], left).verdicts[0].reason
    assert "3 more of its segments have too few rows to compare: 41; 7 test rows have no channel" in reason


@pytest.mark.parametrize(
    ("low", "high", "decision"), [(0.81, 0.95, "approved"), (0.79, 0.95, "inconclusive"), (0.7, 0.79, "rejected")]
)
def test_an_interval_decides_about_a_limit_where_the_contract_says_so(low: float, high: float, decision: str) -> None:
    gate = Gate(metric="roc_auc", min=0.8, decided_by="interval")
    assert judge([gate], evaluation(gate_intervals={"roc_auc": [low, high, 0.95]})).decision == decision
    assert judge([gate], evaluation(gate_intervals={"roc_auc": [low, high, 0.9]})).decision == "inconclusive"
    assert judge([gate], evaluation()).decision == "inconclusive"
    assert judge([GATES["min"]], evaluation(gate_intervals={"roc_auc": [low, high, 0.95]})).decision == "approved"
    upper = Gate(metric="log_loss", max=0.2, decided_by="interval")
    mirrored = {"approved": "rejected", "rejected": "approved"}.get(decision, decision)
    shifted = [low - 0.6, high - 0.6, 0.95]
    assert judge([upper], evaluation(gate_intervals={"log_loss": shifted})).decision == mirrored


@pytest.mark.parametrize(
    ("low", "high", "decision"), [(0.01, 0.3, "approved"), (0.009, 0.3, "inconclusive"), (-0.02, 0.009, "rejected")]
)
def test_the_baseline_gate_reads_the_interval(low: float, high: float, decision: str) -> None:
    pair = {"difference": (low + high) / 2, "low": low, "high": high, "confidence": 0.95}
    found = evaluation(paired_baseline={"roc_auc": pair})
    assert judge([GATES["above_baseline_by"]], found).decision == decision
    measured = GATES["above_baseline_by"].model_copy(update={"decided_by": "estimate"})
    assert judge([measured], found).decision == ("rejected" if low < 0 else "approved")


def beside_baseline(low: float, high: float, gain: float | None = None) -> Evaluation:
    pair = {"difference": (low + high) / 2 if gain is None else gain, "low": low, "high": high, "confidence": 0.95}
    return evaluation(baseline={"metrics": {"roc_auc": 0.8}}, paired_baseline={"roc_auc": pair})


def test_a_candidate_that_answers_like_the_baseline_is_not_better() -> None:
    gate = Gate(metric="roc_auc", above_baseline_by=0.0)
    verdict = judge([gate], beside_baseline(0.0, 0.0)).verdicts[0]
    assert (verdict.outcome, "is not above 0" in verdict.reason) == ("fail", True)
    assert judge([gate], beside_baseline(0.0, 0.01)).verdicts[0].outcome == "inconclusive"
    assert judge([gate], beside_baseline(1e-9, 0.01)).verdicts[0].outcome == "pass"
    estimate = Gate(metric="roc_auc", above_baseline_by=0.0, decided_by="estimate")
    assert judge([estimate], beside_baseline(-0.01, 0.01)).verdicts[0].outcome == "fail"


def test_a_limit_is_kept_up_to_the_digits_that_arithmetic_loses() -> None:
    assert 0.9 - 0.8 < 0.1
    gate = Gate(metric="roc_auc", above_baseline_by=0.1)
    assert judge([gate], beside_baseline(0.9 - 0.8, 0.9 - 0.8)).verdicts[0].outcome == "pass"
    assert judge([Gate(metric="roc_auc", min=0.3)], evaluation(0.1 + 0.2)).decision == "approved"
    assert judge([Gate(metric="log_loss", max=0.3)], evaluation()).decision == "approved"
    edge = evaluation(candidate={"metrics": {"log_loss": 0.1 + 0.2}})
    assert judge([Gate(metric="log_loss", max=0.3)], edge).decision == "approved"


def test_a_value_just_below_its_limit_is_shown_with_the_digits_that_say_so() -> None:
    reason = judge([Gate(metric="roc_auc", min=0.85)], evaluation(0.849996)).reasons[0]
    assert "0.849996" in reason
    assert "0.8500 " not in reason
