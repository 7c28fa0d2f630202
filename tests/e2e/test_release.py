"""Releases with customers on the line: a canary that passes, a rollback in probation, a canary that an alarm stops."""

from __future__ import annotations

from typing import Any

import pytest

from examples.generate_sessions import Knobs, as_csv
from sluice import keys, names
from testing.line import Line, contract, wait_for

PROJECT = "shop"


def three_models(line: Line) -> dict[str, Any]:
    """The second model replaces the first and is rolled back in its probation; the third is stopped while it bakes."""
    line.put_contract(PROJECT, contract(PROJECT))
    line.drop(PROJECT, "day1.csv", as_csv(Knobs(rows=800, seed=41, noise=0.3)))
    first = line.run(PROJECT, 1, outcome="promoted")
    traffic = line.traffic(PROJECT)
    traffic.start()
    try:
        line.drop(PROJECT, "day2.csv", as_csv(Knobs(rows=1200, seed=42)))
        second = line.run(PROJECT, 2, outcome="promoted")
        line.alert(PROJECT, "Model Promoted", 2)
        promoted = {"champion": line.ledger.champion(PROJECT), "endpoint": line.endpoint(PROJECT)}

        line.ring(PROJECT, "champion-errors")
        line.alert(PROJECT, "Model Rolled Back")
        restored = {"champion": line.ledger.champion(PROJECT), "endpoint": line.endpoint(PROJECT)}

        # a bake that is long enough to be interrupted
        line.put_contract(PROJECT, contract(PROJECT, release={"bake": "10m"}))
        line.drop(PROJECT, "day3.csv", as_csv(Knobs(rows=600, seed=43)))
        third = line.run(PROJECT, 3, until="canary")
        endpoint_in_bake = line.endpoint(PROJECT)
        line.ring(PROJECT, third["run_id"], "canary-errors")
        aborted = line.run(PROJECT, 3)
        line.alert(PROJECT, "Model Rolled Back", 2)
    finally:
        traffic.stop()
    return {
        "runs": [first, second, aborted],
        "promoted": promoted,
        "restored": restored,
        "in_bake": endpoint_in_bake,
        "answers": traffic.counts(),
    }


@pytest.mark.story.with_args(three_models)
def test_a_challenger_is_stepped_through_the_canary_and_promoted(line: Line, story: dict[str, Any]) -> None:
    first, second, _ = story["runs"]
    assert (first["outcome"], second["outcome"]) == ("promoted", "promoted")
    champion = story["promoted"]["champion"]
    assert champion.run_id == second["run_id"]
    assert champion.previous["run_id"] == first["run_id"]
    endpoint = story["promoted"]["endpoint"]
    assert endpoint["EndpointConfigName"] == champion.endpoint_config
    assert [v["VariantName"] for v in endpoint["ProductionVariants"]] == [names.variant(second["run_id"])]
    record = line.read_json(keys.decision(PROJECT, second["run_id"], "canary"))
    assert record["decision"] == "promote"
    assert [step["percent"] for step in record["steps"].values()] == [25, 100]
    decisions = [look["decision"] for look in record["looks"]]
    assert decisions.count("advance") == 1
    assert decisions[-1] == "promote"


@pytest.mark.story.with_args(three_models)
def test_customers_are_answered_by_both_models_and_without_an_error(line: Line, story: dict[str, Any]) -> None:
    answers = story["answers"]
    assert set(answers) == {names.variant(run["run_id"]) for run in story["runs"]}
    assert {outcome for counts in answers.values() for outcome in counts} == {"answered"}


@pytest.mark.story.with_args(three_models)
def test_an_alarm_in_probation_brings_the_previous_model_back(line: Line, story: dict[str, Any]) -> None:
    first, second, _ = story["runs"]
    champion, endpoint = story["restored"]["champion"], story["restored"]["endpoint"]
    assert champion.run_id == first["run_id"]
    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["EndpointConfigName"] == champion.endpoint_config
    assert [v["VariantName"] for v in endpoint["ProductionVariants"]] == [names.variant(first["run_id"])]
    assert line.package_status(second) == "Rejected"
    kept = line.ledger.run(PROJECT, second["run_id"])
    assert kept is not None
    assert kept["rolled_back"]["verified"] is True
    assert "champion-errors" in kept["rolled_back"]["reason"]
    assert len(line.alerts(PROJECT, "Rollback Started")) == 1
    told = line.alerts(PROJECT, "Model Rolled Back")[0]
    assert f"{first['run_id']} serves again, verified by a live request" in told.message


@pytest.mark.story.with_args(three_models)
def test_an_alarm_during_the_bake_stops_the_release(line: Line, story: dict[str, Any]) -> None:
    first, _, third = story["runs"]
    assert third["outcome"] == "rolled_back"
    assert third["rollback_verified"] is True
    assert len(story["in_bake"]["ProductionVariants"]) == 2
    assert "alarm canary" in " ".join(third["reasons"])
    states = line.release_states(PROJECT, third)
    assert states[-1] == "Model Rolled Back"
    # at once, not at the end of a bake of five slices
    assert 1 <= states.count("Bake") < 5
    champion, endpoint = line.ledger.champion(PROJECT), line.endpoint(PROJECT)
    assert champion is not None
    assert endpoint is not None
    assert champion.run_id == first["run_id"]
    assert endpoint["EndpointConfigName"] == champion.endpoint_config
    assert line.package_status(third) == "Rejected"
    assert "alarm canary" in line.alerts(PROJECT, "Canary Abort Requested")[0].message
    told = line.alerts(PROJECT, "Model Rolled Back")[1]
    assert "alarm canary" in told.message
    alarms = line.aws("cloudwatch").describe_alarms(
        AlarmNamePrefix=f"{line.stack.stack}/{PROJECT}/{third['run_id']}", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    assert alarms["MetricAlarms"] == alarms["CompositeAlarms"] == [], "a release that is over leaves no alarm behind"


@pytest.mark.story.with_args(three_models)
def test_a_release_tells_each_thing_once(line: Line, story: dict[str, Any]) -> None:
    kinds = line.kinds(PROJECT)
    told = {kind: kinds.count(kind) for kind in set(kinds) - {"Dataset Accepted", "Contract Registered"}}
    assert told == {
        "Model Promoted": 2,
        "Rollback Started": 1,
        "Model Rolled Back": 2,
        "Canary Abort Requested": 1,
    }
    assert len(line.runs(PROJECT)) == 3
    wait_for(lambda: line.ledger.lock(PROJECT) is None, "the lock to be free")
