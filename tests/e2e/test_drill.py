"""A drill with customers on the line: alarm, composite, EventBridge, function and token bring the champion back."""

from __future__ import annotations

import contextlib
import io
from typing import Any
from unittest.mock import patch

import pytest

from cli.commands import drill
from examples.generate_sessions import Knobs, as_csv
from sluice import keys, names
from sluice.ports import ENDPOINT
from sluice.serving import start_drill
from testing.line import Line, contract, wait_for

pytestmark = pytest.mark.long
PROJECT = "rehearsing"


def commanded(line: Line, *arguments: str) -> tuple[int, str]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = line.command(*arguments)
    return code, printed.getvalue()


def a_rehearsal(line: Line) -> dict[str, Any]:
    """Refused without a model; then ended once by an alarm and once by the judge."""
    line.put_contract(PROJECT, contract(PROJECT))
    refused = commanded(line, "drill", "rollback", PROJECT)
    line.drop(PROJECT, "day1.csv", as_csv(Knobs(rows=1200, seed=42)))
    first = line.run(PROJECT, 1, outcome="promoted")
    before = line.endpoint(PROJECT)
    traffic = line.traffic(PROJECT)
    traffic.start()
    try:
        # functions take their time at any speed: the alarm's way must not lose against the judge's next look
        with patch.object(start_drill, "BAKE", "2h"):
            by_alarm = commanded(line, "drill", "rollback", PROJECT)
        after, free = line.endpoint(PROJECT), line.ledger.lock(PROJECT, of=ENDPOINT) is None
        by_judge = commanded(line, "drill", "rollback", PROJECT, "--no-alarm")
    finally:
        traffic.stop()
    line.alert(PROJECT, "Rollback Drill", 2)
    listed, why = commanded(line, "runs", PROJECT), commanded(line, "why", line.runs(PROJECT)[1]["run_id"])
    return {
        "refused": refused,
        "champion": first,
        "before": before,
        "by_alarm": by_alarm,
        "after": after,
        "free": free,
        "by_judge": by_judge,
        "answers": traffic.counts(),
        "listed": listed,
        "why": why,
    }


@pytest.mark.story.with_args(a_rehearsal)
def test_without_a_model_there_is_nothing_to_drill_on(story: dict[str, Any]) -> None:
    code, printed = story["refused"]
    assert code == 1
    assert "no model that was released" in printed


@pytest.mark.story.with_args(a_rehearsal)
def test_an_alarm_brings_the_champion_back_by_the_whole_way(line: Line, story: dict[str, Any]) -> None:
    code, printed = story["by_alarm"]
    assert code == 0, printed
    run = line.runs(PROJECT)[1]
    assert (run["trigger"], run["outcome"], run["finished"]) == ("drill", "drill_passed", True)
    # the alarm that was set is named if it still rings; its metric takes it back within seconds
    assert run["abort_requested"]["reason"] in ("alarm canary", "alarm canary-errors")
    states = line.states(run)
    # the token ended the wait: no look of the judge came between
    assert states[states.index("Bake") :][:2] == ["Bake", "Cut First?"]
    for seen in (drill.SHARE, drill.ALARM, drill.TOLD, drill.WEIGHT, drill.CONFIG, drill.VERIFIED):
        assert f"  {seen}\n" in printed
    record = line.read_json(keys.decision(PROJECT, run["run_id"], "verification-rollback"))
    assert record["decision"] == "verified"


@pytest.mark.story.with_args(a_rehearsal)
def test_the_endpoint_is_as_it_was_and_free(line: Line, story: dict[str, Any]) -> None:
    before, after = story["before"], story["after"]
    for name in ("EndpointConfigName", "EndpointStatus"):
        assert after[name] == before[name]
    (variant,) = after["ProductionVariants"]
    assert (variant["VariantName"], variant["CurrentWeight"]) == (names.variant(story["champion"]["run_id"]), 1.0)
    assert story["free"]
    champion = line.ledger.champion(PROJECT)
    assert champion is not None
    assert champion.run_id == story["champion"]["run_id"]
    assert line.package_status(story["champion"]) == "Approved"
    for run in line.runs(PROJECT)[1:]:
        prefix = f"{line.stack.stack}/{PROJECT}/{run['run_id']}"
        left = line.aws("cloudwatch").describe_alarms(
            AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        assert left["MetricAlarms"] + left["CompositeAlarms"] == []


@pytest.mark.story.with_args(a_rehearsal)
def test_users_are_answered_throughout_by_both_copies(line: Line, story: dict[str, Any]) -> None:
    answers = story["answers"]
    ours = {names.variant(run["run_id"]) for run in line.runs(PROJECT)}
    assert set(answers) <= ours
    assert names.variant(line.runs(PROJECT)[2]["run_id"]) in answers, "thirty requests a second, a tenth, for seconds"
    assert {outcome for counts in answers.values() for outcome in counts} == {"answered"}


@pytest.mark.story.with_args(a_rehearsal)
def test_without_an_alarm_the_judge_ends_it(line: Line, story: dict[str, Any]) -> None:
    code, printed = story["by_judge"]
    assert code == 0, printed
    run = line.runs(PROJECT)[2]
    assert run["outcome"] == "drill_passed"
    assert "abort_requested" not in run
    states = line.states(run)
    assert states[states.index("Canary Healthy?") + 1] in ("Bake", "Await Before Rollback")
    assert "Promote Model" not in states
    record = line.read_json(keys.decision(PROJECT, run["run_id"], "canary"))
    assert record["decision"] == "abort"


@pytest.mark.story.with_args(a_rehearsal)
def test_people_are_told_and_can_read_it_up(line: Line, story: dict[str, Any]) -> None:
    told = line.alerts(PROJECT, "Rollback Drill")
    assert len(told) == 2
    assert all("passed" in alert.subject for alert in told)
    assert len(line.alerts(PROJECT, "Canary Abort Requested")) == 1
    assert not line.alerts(PROJECT, "Model Rolled Back")
    assert story["listed"][1].count("drill passed") == 2
    assert "alarm canary" in story["why"][1]
    wait_for(lambda: line.ledger.lock(PROJECT) is None, "the lock to be free")
