"""The default output of `sluice watch`: a line for each stage's result, each thing once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from cli.watching import findings, screens
from cli.watching.digest import digest, limit, results
from cli.watching.states import Evidence, State
from cli.watching.view import View
from testing.watched_run import AT, FIRST_RUN, LEAK, RUN, first_run, views


def shown(moments: Iterator[View], capsys: pytest.CaptureFixture[str]) -> str:
    screen = screens.Results()
    for view in moments:
        screen.show(view)
    return capsys.readouterr().out


def test_a_first_run_is_told_in_a_line_for_each_stage(capsys):
    assert shown(views(), capsys) == FIRST_RUN


def test_no_gate_is_proposed_where_one_holds_later_models_to_a_limit():
    view = first_run()
    assert any("optional: add" in line.text for line in results(view))
    judged = next(state for state in view.states if state.name == "Judge Candidate")
    passed = {"metric": "roc_auc", "rule": "min", "outcome": "pass", "statistic": 0.8561, "threshold": 0.8}
    judged.evidence.facts["verdicts"].append(passed)
    assert not any("optional: add" in line.text for line in results(view))
    assert limit({"metric": "r2", "models": {"candidate": {"low": None, "high": None}}}) == ""
    assert limit({"metric": "r2", "models": {"candidate": {"low": -0.113, "high": 0.2}}}) == "{metric: r2, min: -0.12}"


def test_a_slow_stage_says_how_far_it_is_once_a_minute(capsys):
    search = {"ended": 3, "begun": 5, "metric": "roc_auc", "best": 0.9, "left": 200}
    running = Evidence(("auto",), {"jobs": {"planned": 1}, "search": search})
    tune = State("BuildModel", "Tune Candidates", AT, evidence=running)
    build = State("Lifecycle", "Build Model", AT, children=[tune])
    moments = (View("shop", {"run_id": RUN}, [build], AT + timedelta(seconds=second)) for second in range(0, 130, 5))
    told = shown(moments, capsys).splitlines()[1:]
    assert told == [
        "  … training a baseline and searching for the best model",
        "  … about 3 min left, 3 of 5 trials ended, best roc_auc 0.9 (1m05s so far)",
        "  … about 3 min left, 3 of 5 trials ended, best roc_auc 0.9 (2m05s so far)",
    ]


def test_on_a_terminal_the_newest_line_moves_with_each_poll(monkeypatch):
    drawn = StringIO()
    console = Console(file=drawn, force_terminal=True, width=70, height=12)
    build = State("Lifecycle", "Build Model", AT)
    with screens.Terminal(console, verbose=False) as screen:
        for second in range(3):
            screen.show(View("shop", {"run_id": RUN}, [build], AT + timedelta(seconds=second)))
    frames = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn.getvalue())
    assert [f"searching for the best model ({second}s)" in frames for second in range(3)] == [True] * 3


@pytest.mark.parametrize("gated", [True, False])
def test_a_suspected_leak_is_told_once_by_the_gate_or_as_a_warning(gated, capsys):
    gates = [("suspected_leaks", f"1 suspected leak, and none is allowed: {LEAK}")] if gated else []
    printed = shown(views(leaks=[LEAK], failing=gates), capsys)
    assert printed.count(LEAK) == 1
    assert (f"! suspected leak: {LEAK}" in printed) is not gated
    if gated:
        assert "✗ gate      failed: suspected_leaks: 1 suspected leak, and none is allowed" in printed
        assert printed.splitlines()[-1] == f"rejected after 1m15s. Now: `sluice why {RUN}` has every decision"


def test_more_leaks_than_three_are_counted():
    lines = [line.text for line in digest(first_run(leaks=[f"leak {number}" for number in range(5)])).settled]
    assert [line for line in lines if "leak" in line and "!" in line][-1] == "  ! 2 more suspected leaks: `sluice why`"


def test_a_gate_that_is_not_certain_says_so(capsys):
    printed = shown(views(failing=[("roc_auc", "roc_auc 0.7 may be below 0.8")], outcome="inconclusive"), capsys)
    assert "✗ gate      not certain, so not passed: roc_auc 0.7 may be below 0.8" in printed
    assert printed.count("may be below 0.8") == 1


def test_a_failure_is_told_once_though_each_stage_above_it_repeats_it(capsys):
    job = State("BuildModel", "Tune Candidates", AT, ended=AT, failure="ValueError: the column has one value")
    build = State("Lifecycle", "Build Model", AT, children=[job])
    error = {"state": "Build Model", "error": "States.TaskFailed", "cause": "the first: the column has one value"}
    ended = {"run_id": RUN, "started_at": AT.isoformat(), "ended_at": AT.isoformat(), "outcome": "failed"}
    later = State("Lifecycle", "Build Model", AT, ended=AT, failure=f"States.TaskFailed: {error['cause']}")
    later.children = [job]
    moments = [View("shop", {"run_id": RUN}, [build], AT), View("shop", {**ended, "error": error}, [later], AT)]
    printed = shown(iter(moments), capsys)
    assert printed.splitlines()[1:] == [
        "  ✗ Tune Candidates: ValueError: the column has one value",
        f"failed after 0s. Now: `sluice why {RUN}` has every decision",
    ]


def test_what_failed_without_a_state_is_the_reason_at_the_end():
    record = {"run_id": RUN, "outcome": "failed", "error": {"state": "Open Run", "error": "E", "cause": "no rows"}}
    assert (
        digest(View("shop", record, [], AT)).settled[-1].text.startswith("failed after 0s: Open Run: E: no rows. Now")
    )


def test_each_share_of_the_traffic_is_a_line_when_it_has_been_judged():
    def measured(percent: int, decision: str, reason: str, failures: int) -> dict[str, Any]:
        sides = {
            "step_canary": {"requests": 40, "failures": failures},
            "step_control": {"requests": 360, "failures": 0},
        }
        inputs = {"percent": percent, **sides}
        return {"step_index": percent, "inputs": inputs, "statistic": {}, "decision": decision, "reasons": [reason]}

    looks = [measured(10, "continue", "30 of 600 s of the bake at 10 % are over", 0)]
    judging = State("ReleaseModel", "Judge Canary", AT, evidence=findings.canary({"looks": looks}))
    release = State("Lifecycle", "Release Model", AT, children=[judging])
    found = digest(View("shop", {"run_id": RUN}, [release], AT))
    assert (found.settled, found.now, found.progress) == ((), "watching the new model", looks[0]["reasons"][0])
    shown = results(View("shop", {"run_id": RUN}, [release], AT))[-1].text
    assert shown.startswith(f"  ● watching the new model: {looks[0]['reasons'][0]}")
    looks += [measured(10, "advance", "no evidence against it", 0), measured(50, "abort", "it fails more often", 9)]
    judging.evidence = findings.canary({"looks": looks})
    record = {"run_id": RUN, "outcome": "rolled_back", "canary": {"reasons": ["it fails more often"]}}
    assert [line.text for line in digest(View("shop", record, [release], AT)).settled] == [
        "  ✓ release   at 10 %: new model 0 of 40 requests failed, champion 0 of 360 requests failed: advance "
        "(no evidence against it)",
        "  ✗ release   at 50 %: new model 9 of 40 requests failed, champion 0 of 360 requests failed: abort",
        f"rolled back after 0s: it fails more often. Now: `sluice why {RUN}` has every decision",
    ]


def test_a_rollback_and_what_could_not_be_read_are_said():
    back = State("ReleaseModel", "Await Rollback", AT)
    refused = State("BuildModel", "Evaluate Candidate", AT, ended=AT, evidence=Evidence((), {"not_shown": "denied\nx"}))
    release = State("Lifecycle", "Release Model", AT, children=[back])
    view = View(
        "shop", {"run_id": RUN}, [State("Lifecycle", "Build Model", AT, ended=AT, children=[refused]), release], AT
    )
    found = digest(view)
    assert found.now == "rolling back to the earlier model"
    back.ended = AT
    assert digest(view).now == "", "between two steps"
    release.children.append(State("ReleaseModel", "Complete Rollback", AT))
    assert digest(view).now == "rolling back to the earlier model", "until the release has ended"
    assert [line.text for line in found.settled] == ["  ! Evaluate Candidate is not shown: denied"]


@pytest.mark.parametrize("name", ["Prepare Data", "Release Model", "Finish Run", "Record Failure"])
def test_what_goes_on_is_said_in_the_same_way_from_the_first_state_to_the_last(name):
    view = View("shop", {"run_id": RUN}, [State("Lifecycle", name, AT)], AT)
    assert re.match("[a-z]+ing ", digest(view).now)


def test_a_low_terminal_shows_the_heading_and_the_newest_lines():
    whole = results(first_run())
    low = results(first_run(), 4)
    assert low == [whole[0], *whole[-3:]]
