"""A lasting alarm is answered again when its cooldown is over, and people hear of it once a cooldown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sluice.bootstrap import World
from sluice.steps.answer_lasting_alarms import answer_lasting_alarms
from sluice.steps.monitor_model import monitor_model
from sluice.steps.respond_to_alarm import respond_to_alarm
from testing.fakes import Crash, failing
from testing.release_world import CONTRACT, PROJECT
from tests.unit.steps.test_watch_steps import capture, watched

HOUR = 3_600


def event(world: World, kind: str) -> dict[str, Any]:
    at = world.clock.now().isoformat()
    return {"alarmName": f"sluice/shop/{kind}", "state": {"value": "ALARM", "timestamp": at}}


def drifting(**retrain: Any) -> World:
    world = watched()
    world.ledger.locks.clear()
    plain = {**CONTRACT, "retrain": {"cooldown": "24h", "max_per_week": 3, **retrain}}
    world.ledger.save_contract(PROJECT, plain, "v2")
    capture(world, [9] * 40)
    world.call(monitor_model, PROJECT)
    world.alarms.state["sluice/shop/drift"] = "ALARM"
    world.events.put_events.clear()
    world.alerts.published.clear()
    return world


def later(world: World, hours: float) -> dict[str, str]:
    world.clock.advance(hours * HOUR)
    return world.call(answer_lasting_alarms, PROJECT, world.clock.now().isoformat())["answers"]


def trainings(world: World) -> int:
    return sum(kind == "Training Requested" for kind, _ in world.events.put_events)


def test_drift_that_goes_on_is_answered_after_each_cooldown_within_the_week() -> None:
    world = drifting()
    world.call(respond_to_alarm, event(world, "drift"))
    hourly = [later(world, 1)["drift"] for _ in range(24 * 6)]
    retrained = [hour for hour, decision in enumerate(hourly, 1) if decision == "retrain"]
    assert retrained == [24, 48]
    told = [hour for hour, decision in enumerate(hourly, 1) if decision == "hold"]
    assert told == [72, 96, 120, 144], "once a cooldown it is said that it is still on"
    assert trainings(world) == 3
    held = [alert for alert in world.alerts.published if alert.kind == "Response Held"]
    assert len(held) == 4
    for text in ("still in ALARM", "retrainings in the last 7 days: 3"):
        assert text in held[0].message
    assert later(world, 25)["drift"] == "retrain", "the first one is more than seven days ago"


def test_an_alarm_that_is_over_is_not_answered() -> None:
    world = drifting()
    world.call(respond_to_alarm, event(world, "drift"))
    world.alarms.state["sluice/shop/drift"] = "OK"
    assert later(world, 48) == {}
    assert trainings(world) == 1


def test_a_hold_is_said_again_once_a_cooldown() -> None:
    world = drifting(on=["quality"])
    assert world.call(respond_to_alarm, event(world, "drift"))["decision"] == "hold"
    answers = [later(world, 1)["drift"] for _ in range(50)]
    assert [hour for hour, decision in enumerate(answers, 1) if decision == "hold"] == [24, 48]
    assert "retrain.on does not name drift" in world.alerts.published[-1].message


def test_the_same_measurement_twice_is_one_answer() -> None:
    world = drifting()
    world.call(respond_to_alarm, event(world, "drift"))
    world.clock.advance(25 * HOUR)
    at = world.clock.now().isoformat()
    first, second = (world.call(answer_lasting_alarms, PROJECT, at)["answers"] for _ in "ab")
    assert (first, second) == ({"drift": "retrain"}, {"drift": "wait"})
    assert trainings(world) == 2


@pytest.mark.parametrize("after", range(1, 12))
def test_killed_anywhere_the_repetition_makes_one_retraining(after: int) -> None:
    world = drifting()
    world.call(respond_to_alarm, event(world, "drift"))
    world.clock.advance(25 * HOUR)
    at = world.clock.now().isoformat()
    try:
        failing(world, after).call(answer_lasting_alarms, PROJECT, at)
    except Crash:
        world.call(answer_lasting_alarms, PROJECT, at)
    # one run: the planner knows the request by its time
    assert len({repr(each) for each in world.events.put_events}) == 2
    counted = world.ledger.responses(PROJECT, world.clock.now() - timedelta(days=7))
    assert len(counted) == 2


def test_flapping_changes_nothing() -> None:
    world = drifting()
    for _ in range(5):
        world.call(respond_to_alarm, event(world, "drift"))
        assert later(world, 1)["drift"] == "wait"
    assert trainings(world) == 1


def test_a_flap_within_the_cooldown_does_not_put_the_next_answer_off() -> None:
    world = drifting()
    world.call(respond_to_alarm, event(world, "drift"))
    later(world, 23)
    assert world.call(respond_to_alarm, event(world, "drift"))["decision"] == "hold"
    assert later(world, 1)["drift"] == "retrain"


def test_a_run_that_is_on_is_waited_for() -> None:
    world = drifting()
    world.call(respond_to_alarm, event(world, "drift"))
    world.ledger.acquire_lock(PROJECT, "r9", world.clock.now())
    assert later(world, 25)["drift"] == "hold"
    assert "r9 is in progress" in world.alerts.published[-1].message
    assert trainings(world) == 1


def test_a_probation_is_left_to_the_rollback() -> None:
    world = drifting()
    champion = world.ledger.champions[PROJECT]
    until = world.clock.now() + timedelta(days=9)
    world.ledger.champions[PROJECT] = replace(champion, previous={"run_id": "r0"}, probation_until=until)
    world.alarms.state["sluice/shop/quality"] = "ALARM"
    assert later(world, 30)["quality"] == "wait"


def test_a_model_that_fails_on_is_said_again() -> None:
    world = drifting()
    world.alarms.state = {"sluice/shop/champion-errors": "ALARM"}
    assert [later(world, 12) for _ in range(4)] == [
        {"champion-errors": each} for each in ("hold", "wait", "hold", "wait")
    ]
    assert trainings(world) == 0


def test_each_measurement_asks() -> None:
    world = watched()
    world.call(monitor_model, PROJECT)
    [(kind, detail)] = world.events.put_events
    assert (kind, detail["project"], detail["at"]) == ("Model Measured", PROJECT, world.clock.now().isoformat())
