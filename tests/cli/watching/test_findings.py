"""Records become lines for people and facts for programs."""

from __future__ import annotations

from typing import Any

from cli.watching import findings
from cli.watching.findings import bar
from sluice.records.evaluation import Evaluation


def look(step: int, percent: int, decision: str, log_e: float, failures: int = 3) -> dict[str, Any]:
    own, control = {"requests": 40, "failures": failures}, {"requests": 360, "failures": 0}
    inputs = {"percent": percent, "step_canary": own, "step_control": control, "tail_ms": 12.0}
    statistic = {"log_e": {"errors": log_e, "latency": None}, "log_limit": 4.0}
    said = {"step_index": step, "inputs": inputs, "statistic": statistic, "decision": decision}
    return {**said, "at": "2026-01-01T00:00:00+00:00", "reasons": ["3 of 40 fail"]}


def test_a_canary_shows_traffic_failures_and_how_far_the_evidence_is_from_the_abort_line():
    record = {"looks": [look(0, 10, "continue", 0.5), look(0, 10, "advance", 1.0), look(1, 50, "abort", 5.0)]}
    found = findings.canary(record)
    assert found.lines == (
        " 10 %: new model 3/40 failed, champion 0/360: advance",
        f"       evidence against it {bar(0.25)} 1 of 4 (ln E, errors)",
        " 50 %: new model 3/40 failed, champion 0/360: abort",
        f"       evidence against it {bar(1.0)} 5 of 4 (ln E, errors)",
        "- 3 of 40 fail",
    )
    assert found.facts["decision"] == "abort"
    assert found.facts["measurements"] == 3
    assert [step["evidence"] for step in found.facts["steps"]] == [1.0, 5.0]
    assert found.facts["steps"][1]["abort_at"] == 4.0


def test_a_bar_is_full_at_the_line_and_empty_below_nothing():
    assert (bar(1.0).count("█"), bar(7.0).count("█"), bar(-2.0).count("█"), bar(0.5).count("█")) == (20, 20, 0, 10)


def test_a_measurement_without_evidence_has_none():
    record = {"looks": [{**look(0, 10, "continue", 0.0), "statistic": {}}]}
    assert findings.canary(record).facts["steps"][0]["evidence"] is None
    assert len(findings.canary(record).lines) == 2
    assert findings.canary({"looks": []}).lines == ()


def test_gates_show_each_number_beside_its_limit():
    value = {"of": "value", "value": 0.9123, "low": 0.9, "high": 0.92, "compared": "value"}
    passed = {"metric": "roc_auc", "rule": "min", "outcome": "pass", "statistic": 0.9123, "threshold": 0.85}
    passed["measured"] = value
    gain = {"of": "gain", "value": 0.02, "low": -0.01, "high": 0.05, "compared": "low end"}
    missed = {
        **passed,
        "rule": "above_baseline_by",
        "outcome": "inconclusive",
        "statistic": -0.01,
        "threshold": 0.0,
        "measured": gain,
        "reason": "gain \x1b[2J",
    }
    record = {"decision": "rejected", "verdicts": [{**passed, "reason": "fine"}, missed]}
    found = findings.gates(record)
    assert found.lines == (
        "gates: rejected",
        "✓ roc_auc: value 0.9123 [0.9, 0.92]; value 0.9123 has to be at least 0.85",
        "? roc_auc better than the baseline: gain 0.02 [-0.01, 0.05]; low end -0.01 has to be at least 0 (gain "
        "\\x1b[2J)",
    )
    assert found.facts["verdicts"][1]["measured"]["compared"] == "low end"
    assert findings.gates({"decision": "inconclusive", "reasons": ["no evaluation"]}).lines[1] == "no evaluation"


def test_replay_data_and_verification():
    record = {"decision": "pass", "inputs": {"requests": 40, "chosen": 60}, "statistic": {}, "reasons": ["alike"]}
    assert findings.replay(record).lines == ("40 of 60 earlier requests compared: pass", "- alike")
    few = {**record, "result": "skipped: too few"}
    assert findings.replay(few).lines[0] == "40 of 60 earlier requests compared: skipped: too few"
    data = findings.data({"rows_read": 1000, "rows": {"train": 600, "test": 400}, "losses": []})
    assert data.lines == ("1,000 accepted rows: 600 train, 400 test",)
    assert findings.verification({"decision": "verified", "reasons": []}).lines == ("verification: verified",)


def test_what_changed_in_the_data_is_said_and_not_only_counted():
    equal = "125 of 1,000 rows are equal to another row and are kept; if they are copies, set data.duplicates: remove"
    long = f"{'very ' * 30}long"
    prepared = {"rows_read": 1000, "rows": {"train": 1000}, "losses": [{"text": equal}]}
    head, *others = findings.data(prepared).lines
    assert head == "1,000 accepted rows: 1,000 train; 125 of 1,000 rows are equal to another row and are kept"
    assert others == [f"- {equal}"], "all of it is for --verbose"
    head, *others = findings.data({**prepared, "losses": [{"text": long}, {"text": equal}], "losses_more": 2}).lines
    assert head.endswith("very … and 3 more (`sluice why`)")
    assert len(head) < 190
    assert others == [f"- {long}", f"- {equal}", "- 2 more in the manifest"]


def test_suspected_leaks_stand_beside_the_metric_that_they_may_have_made():
    suspect = {"kind": "copy", "columns": ["status"], "evidence": "it answers all", "advice": "drop it"}
    measured = {"metrics": {"roc_auc": 0.99}, "artifact_sha256": "a" * 64}
    facts = {"metric": "roc_auc", "lower_is_better": False, "problem": "binary", "rows": 100, "candidate": measured}
    found = findings.evaluation(Evaluation(**facts, leakage={"suspects": [suspect] * 5}))
    assert found.lines[1:] == (
        *["! suspected leak: 'status': it answers all. What to do: drop it"] * 3,
        "! 2 more suspected leaks: `sluice why`",
    )
    assert len(found.facts["suspected_leaks"]) == 5
    assert findings.evaluation(Evaluation(**facts)).facts["suspected_leaks"] == []


def test_why_the_search_ended_early_stands_below_the_metric():
    measured = {"metrics": {"rmse": 3.0}, "artifact_sha256": "a" * 64, "family": "ridge"}
    facts = {"metric": "rmse", "lower_is_better": True, "problem": "regression", "rows": 100, "candidate": measured}
    searched = {"trials": 59, "scored": 57, "portfolio": 19, "judged": 19, "budget_seconds": 120.0}
    ended = {"seconds": 28.4, "ended": "40 trials in a row were not better"}
    assert findings.evaluation(Evaluation(**facts, search={**searched, **ended})).lines[1:] == (
        "auto: the search ended after 28 of 120 s: 40 trials in a row were not better",
    )
    assert len(findings.evaluation(Evaluation(**facts, search=searched)).lines) == 1  # an older record does not say


def test_few_trials_stand_beside_the_metric_and_say_what_would_help():
    measured = {"metrics": {"rmse": 3.0}, "artifact_sha256": "a" * 64, "family": "logistic_regression"}
    facts = {"metric": "rmse", "lower_is_better": True, "problem": "regression", "rows": 100, "candidate": measured}
    searched = {"trials": 3, "scored": 2, "portfolio": 19, "judged": 3, "budget_seconds": 120.0}
    head, told = findings.evaluation(Evaluation(**facts, search=searched)).lines
    assert head.startswith("on 100 held-out rows (ridge regression): candidate rmse 3")
    assert "time for 3 of the 19" in told
    assert "max_minutes" in told


def test_a_verdict_without_a_number_says_why_and_an_older_one_has_no_interval():
    first = {"metric": "auc", "rule": "not_worse_than_champion_by", "outcome": "pass", "statistic": None}
    verdicts = [
        {**first, "threshold": 0.01, "reason": "auc: the first model has no champion"},
        {**first, "rule": "min", "statistic": 0.5, "threshold": 0.8, "outcome": "fail", "reason": "it is below"},
    ]
    assert findings.gates({"decision": "rejected", "verdicts": verdicts}).lines[1:] == (
        "✓ auc: the first model has no champion",
        "✗ auc: 0.5 has to be at least 0.8 (it is below)",
    )
