"""The read model of monitoring: the measurements of a serving model, and its alarms."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from console.reading import alarms, monitor, projects
from console.source import Source
from sluice import keys
from testing.release_world import PROJECT
from tests.console import recorded
from tests.console.stub import StubStack
from tests.console.trees import texts
from tests.unit.steps.test_label_quality import asked, labelled, report, world_of


def test_monitoring_is_a_history_and_the_newest_in_full(source: Source):
    found = monitor.read(source, "shop")
    assert found["measurements"] > 10
    assert {each["title"] for each in found["plots"]} >= {"Drift (PSI)", "Rows in the window"}
    assert "Greatest drift (PSI)" in texts(found["page"])
    asked_for = {each["run_id"] for each in found["responses"] if each["decision"] == "retrain"}
    # a retraining that was asked for by an alarm leads to its run, the one in progress too
    assert asked_for == {each["run_id"] for each in recorded.project()["ledger"]["runs"] if each["trigger"] == "drift"}
    assert {each["alarm"] for each in found["responses"]} <= {"drift", "triage"}


@pytest.mark.parametrize(
    ("decision", "rows", "few"), [("inconclusive", 2, True), ("inconclusive", 200, False), ("stable", 200, False)]
)
def test_too_few_requests_are_told_apart_from_other_inconclusive_measurements(decision: str, rows: int, few: bool):
    stack = recorded.stack()
    report = {"decision": decision, "rows": rows, "thresholds": {"drift": {"min_rows": 200}}, "at": "2026-12-01"}
    stack.world.objects.write(keys.monitor("shop", "latest.json"), json.dumps(report).encode())
    assert monitor.few_rows(report) == few
    shop = next(each for each in projects.read(Source(stack))["projects"] if each["project"] == "shop")
    assert shop["measured"]["few_rows"] == few
    assert not monitor.few_rows({"decision": "inconclusive", "rows": 0})  # a report that names no limit


def test_a_report_of_tomorrow_is_drawn_as_far_as_it_is_known():
    periods = [
        {"until": f"2026-11-2{9 - day}T00:00:00+00:00", "mature": day > 0, "maturity": 0.5 + 0.2 * min(day, 2)}
        | ({"value": 0.8, "low": 0.7, "high": 0.9} if day else {})
        for day in range(5)
    ]
    reports = [
        {
            "at": f"2026-11-29T1{hour}:00:00+00:00",
            "rows": 10 * hour,
            "quality": {"metric": "f1", "value": 0.8, "low": 0.7, "high": 0.9, "periods": periods},
            "labels": {"maturity": {"curve": [{"age_seconds": 3600 * n, "share": n / 4} for n in range(5)]}},
            "drift": None,
            "new member": {"x": [1]},
            "thresholds": {"quality": {"min": 0.75}},
        }
        for hour in range(4)
    ]
    titles = [each["title"] for each in monitor.plots(reports)]
    assert titles == [
        *("Quality (f1)", "Rows in the window", "Quality by period", "Maturity by period", "How soon labels come")
    ]
    assert monitor.by_period({"periods": [{"until": "?"}, {}]}) == []
    assert monitor.label_curve({"maturity": {"curve": [{"age_seconds": None}, 5]}}) is None
    assert monitor.plots([{"at": "?"}, {"at": None}]) == []
    assert monitor.plots(reports[:1]) == []


def test_alarms_have_a_rule_and_those_in_alarm_come_first():
    stack = recorded.stack()
    stack.clients.alarms[-1]["AlarmName"] = "sluice/shop/aa"
    stack.clients.alarms[-1]["StateValue"] = "ALARM"
    found = alarms.read(Source(stack), "shop")
    assert found["alarms"][0]["short"] == "aa"
    drift = next(each for each in found["alarms"] if each["short"] == "drift")
    assert drift["rule"].startswith("DriftScore Maximum > 0.25 in 1 of 1 periods")
    # without the suffix of CloudFormation, whose names those that may read no stack still see
    assert "RunFailedAlarm" in {each["short"] for each in found["stack"]}
    stack.clients.denied = {"list_stack_resources"}
    assert all(each["short"].count("-") == 1 for each in alarms.read(Source(stack), "shop")["stack"])


def test_only_changes_of_an_alarm_s_state_are_its_history():
    stack = recorded.stack()
    name = alarms.read(Source(stack), "shop")["alarms"][0]["name"]
    words = ("OK to ALARM", "INSUFFICIENT_DATA to INSUFFICIENT_DATA")
    stack.clients.alarm_history[name] = [{"HistorySummary": f"Alarm updated from {each}"} for each in words]
    found = alarms.read(Source(stack), "shop")["history"]
    assert [each["what"] for each in found] == ["Alarm updated from OK to ALARM"]


def test_a_measurement_of_the_monitor_itself_is_drawn_with_quality_maturity_and_label_delays():
    """Not the recording: what the monitor writes today, so that a member with another name is noticed here."""
    world = world_of()
    begun = world.clock.now()
    for day in range(5):
        at = begun + timedelta(days=day)
        asked(world, f"d{day}", 40, at)
        world.clock.advance((at - world.clock.now()).total_seconds() + 600)
        if day < 4:
            labelled(world, f"d{day}", 40, "true")
        report(world)
    found = monitor.read(Source(StubStack(world)), PROJECT)
    titles = [each["title"] for each in found["plots"]]
    assert {"Quality (recall)", "Quality by period", "Maturity by period", "How soon labels come"} <= set(titles)
    assert found["newest"]["quality"]["metric"] == "recall"
    assert found["newest"]["labels"]["maturity"]["mature_age_seconds"] is not None
    assert "Quality by the time of the request" in texts(found["page"])
