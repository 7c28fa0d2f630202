"""The governor: no second try for a cause on the same evidence; what comes twice or flaps adds nothing."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice import keys
from sluice.bootstrap import World
from sluice.steps.answer_lasting_alarms import answer_lasting_alarms
from sluice.steps.request_retraining import request_retraining
from sluice.steps.respond_to_alarm import respond_to_alarm
from sluice.store.held_changes import FIRST, held_changes
from sluice.training.accept_drift import accept_drift
from sluice.training.governor import Request, growth
from testing.release_world import OLD
from tests.unit.steps.test_held_changes import (
    ASK,
    FAULT,
    HOUR,
    NOTHING,
    PROJECT,
    REAL,
    alarm,
    arrives,
    made,
    measured,
    report,
    trainings,
)


def drift(score: float, column: str = "pages") -> dict[str, Any]:
    return {"drift": {"score": score, "column": column}}


def ended(world: World, run_id: str, outcome: str, **facts: Any) -> None:
    world.clock.advance(60)
    world.ledger.start_run(PROJECT, run_id, world.clock.now(), {"trigger": "drift", "status": "running"})
    world.ledger.update_run(PROJECT, run_id, {"status": "finished", "outcome": outcome, **facts})


def tried(outcome: str = "rejected", column: str = "pages", **facts: Any) -> World:
    """A retraining for drift of 0.4 in `column`, on 1,000 rows, has ended; its cooldown is over."""
    world = made(min_rows=50)
    arrives(world, "d1", 1_000)
    report(world, {**REAL, "columns": [column]}, **drift(0.4, column))
    assert alarm(world)["decision"] == "retrain"
    ended(world, "r7", outcome, **facts)
    world.clock.advance(25 * HOUR)
    return world


@pytest.mark.parametrize(
    ("outcome", "facts", "decision"),
    [
        ("rejected", {}, "hold"),
        ("not_approved", {}, "hold"),
        ("rolled_back", {}, "hold"),
        ("promoted", {"rolled_back": {"reason": "quality", "verified": True}}, "hold"),
        ("promoted", {}, "hold"),
        ("failed", {}, "retrain"),
    ],
)
def test_a_try_is_not_repeated_on_the_same_evidence(outcome: str, facts: dict[str, Any], decision: str) -> None:
    world = tried(outcome, **facts)
    report(world, REAL, **drift(0.41))
    answer = alarm(world)
    assert answer["decision"] == decision
    if decision == "hold":
        [why] = answer["reasons"]
        assert "the last retraining for the same cause, r7, was" in why
        by = "a tenth or 50" if (outcome, facts) == ("promoted", {}) else "a tenth"
        assert f"accepted rows by {by} (1,000 then, 1,000 now)" in why
        assert "the drift by half (0.4 then, 0.41 now)" in why


@pytest.mark.parametrize(
    ("rows", "score", "told"),
    [
        (99, 0.59, None),
        (100, 0.4, "there are 1,100 accepted rows; the last try had 1,000"),
        (0, 0.61, "it is 0.61 now; at the last try it was 0.4"),
    ],
)
def test_it_is_repeated_when_the_evidence_has_grown_and_says_by_how_much(
    rows: int, score: float, told: str | None
) -> None:
    world = tried()
    if rows:
        arrives(world, "d2", rows)
    report(world, REAL, **drift(score))
    answer = alarm(world)
    assert answer["decision"] == ("retrain" if told else "hold")
    if told:
        assert any(told in why for why in answer["reasons"])


@pytest.mark.parametrize(("outcome", "decision"), [("promoted", "retrain"), ("rejected", "hold")])
def test_after_a_promotion_some_new_rows_are_enough(outcome: str, decision: str) -> None:
    world = tried(outcome)
    arrives(world, "d2", 50)
    report(world, REAL, **drift(0.4))
    assert alarm(world)["decision"] == decision


def test_another_cause_and_another_contract_are_tried() -> None:
    world = tried(column="price")
    report(world, REAL, **drift(0.4))
    assert alarm(world)["decision"] == "retrain"
    world = tried()
    contract, _ = world.ledger.contract(PROJECT)
    world.ledger.save_contract(PROJECT, contract, "v3")
    report(world, REAL, **drift(0.4))
    assert any("the contract has changed" in why for why in alarm(world)["reasons"])


def test_evidence_of_an_older_deployment_holds_nothing_back() -> None:
    assert growth({}, Request("drift", "e", rows=5)) == "what the last try knew is not recorded"


def learned(world: World, run_id: str = "r8", datasets: tuple[str, ...] = ("d1",), **facts: Any) -> None:
    """A run that arriving data started."""
    known = {"trigger": "data", "datasets": list(datasets), "contract_version": "v2", "status": "finished"}
    world.ledger.start_run(PROJECT, run_id, world.clock.now(), {**known, "outcome": "promoted", **facts})


def drifting(**retrain: Any) -> World:
    """d1 has arrived, and triage finds real drift."""
    world = made(**retrain)
    arrives(world, "d1", 1_000)
    report(world, REAL, **drift(0.4))
    return world


@pytest.mark.parametrize(
    ("facts", "decision"),
    [
        ({}, "hold"),
        ({"outcome": "rejected"}, "hold"),
        ({"outcome": None, "status": "running"}, "hold"),
        ({"outcome": "failed"}, "retrain"),
        ({"outcome": None, "status": "not started"}, "retrain"),
        ({"contract_version": "v1"}, "retrain"),
        ({"champion": OLD}, "retrain"),
    ],
)
def test_an_alarm_needs_rows_that_no_run_has_learned(facts: dict[str, Any], decision: str) -> None:
    world = drifting()
    learned(world, **facts)
    answer = alarm(world)
    assert answer["decision"] == decision
    if decision == "hold":
        [why] = answer["reasons"]
        outcome = facts.get("outcome", "promoted") or "in progress"
        assert why.startswith(f"r8 ({outcome}) has learned from the same 1,000 accepted rows under this contract")
        assert "new rows arrive in raw/shop/" in why
        assert json.loads(world.objects.read(answer["record"]))["reasons"] == [why]


def test_new_rows_and_rows_taken_away_are_other_rows() -> None:
    world = drifting()
    learned(world)
    arrives(world, "d2", 1)
    assert alarm(world)["decision"] == "retrain"
    world = drifting()
    learned(world, datasets=("d1", "withdrawn later"))
    assert alarm(world)["decision"] == "retrain"


def test_rows_that_a_fault_keeps_out_are_named_beside_the_reason() -> None:
    world = drifting()
    learned(world)
    measured(world, FAULT, hours=3)
    arrives(world, "d2", 40)
    measured(world, NOTHING)
    world.clock.advance(25 * HOUR)
    report(world, REAL, **drift(0.4))
    [why] = alarm(world)["reasons"]
    assert "40 rows are left out because of data faults, and `sluice accept-drift shop`" in why
    assert world.call(accept_drift, PROJECT, "ann")["decision"] == "retrain"


def test_growth_of_the_rows_that_another_run_has_learned_is_no_evidence_but_growth_of_the_drift_is() -> None:
    world = tried(datasets=["d1"], contract_version="v2")
    report(world, REAL, **drift(0.61))
    assert alarm(world)["decision"] == "retrain", "the rejected try had less drift"
    world = tried("promoted", datasets=["d1"], contract_version="v2")
    report(world, REAL, **drift(0.61))
    assert alarm(world)["reasons"][0].startswith("r7 (promoted) has learned from the same 1,000 accepted rows")
    world.clock.advance(HOUR)
    arrives(world, "d2", 500)
    learned(world, datasets=("d1", "d2"))
    report(world, REAL, **drift(0.61))
    answer = alarm(world)
    assert answer["decision"] == "hold"
    assert answer["reasons"][0].startswith("r8 (promoted) has learned from the same 1,500 accepted rows")


def test_the_same_rows_since_another_drift_are_another_window() -> None:
    world = drifting(window="since_drift", cooldown="1h")
    learned(world)
    first = alarm(world)
    assert first["decision"] == "retrain"
    ended(world, "r9", "promoted", datasets=["d1"], contract_version="v2")
    world.clock.advance(2 * HOUR)
    since = (datetime.fromisoformat(world.ledger.responses(PROJECT, FIRST)[0]["since"])).timestamp()
    other = {"columns": ["price"]}  # of another cause than the last try's
    report(world, {**REAL, **other, "since": since}, **drift(0.4, "price"))
    assert alarm(world)["decision"] == "hold", "the drift that the last window began with"
    report(world, {**REAL, **other}, **drift(0.4, "price"))
    world.clock.advance(1)
    assert alarm(world)["decision"] == "retrain"


def test_an_event_that_comes_again_is_answered_as_before_though_its_own_run_learns_meanwhile() -> None:
    world = drifting()
    event = {
        "alarmName": "sluice/shop/drift",
        "state": {"value": "ALARM", "timestamp": world.clock.now().isoformat()},
    }
    assert world.call(respond_to_alarm, event)["decision"] == "retrain"
    learned(world, trigger="drift", outcome=None, status="running")
    for key in [each.key for each in world.objects.list(keys.monitor(PROJECT, "responses/"))]:
        del world.objects.versions[key]  # killed before the record was written
    assert world.call(respond_to_alarm, event)["decision"] == "retrain"
    assert len({repr(each) for each in world.events.put_events}) == 1


EVENT = st.sampled_from(["fault", "ask", "real", "nothing", "too few", "alarm", "ok", "schedule", "day"])


def happens(world: World, event: str) -> tuple[Any, ...] | None:
    """One event; returns the call to repeat it."""
    verdicts = {"fault": FAULT, "ask": ASK, "real": REAL, "nothing": NOTHING, "too few": None}
    world.clock.advance(HOUR)
    at = world.clock.now().isoformat()
    if event in verdicts:
        report(world, verdicts[event], decision="drifted")
        call: tuple[Any, ...] = (answer_lasting_alarms, PROJECT, at)
    elif event == "alarm":
        world.alarms.state["sluice/shop/drift"] = "ALARM"
        detail = {"alarmName": "sluice/shop/drift", "state": {"value": "ALARM", "timestamp": at}}
        call = (respond_to_alarm, detail)
    elif event == "schedule":
        call = (request_retraining, PROJECT, at)
    else:
        world.alarms.state["sluice/shop/drift"] = "OK"
        world.clock.advance(0 if event == "ok" else 23 * HOUR)
        return None
    before = trainings(world)
    world.call(*call)
    if any(change.fault and change.open for change in held_changes(PROJECT, ledger=world.ledger)):
        assert trainings(world) == before, "nothing is trained while a fault lasts"
    return call


def state(world: World) -> Any:
    asked = sorted({repr(each) for each in world.events.put_events if each[0] == "Training Requested"})
    counted = world.ledger.responses(PROJECT, world.clock.now() - timedelta(days=99))
    return (
        asked,
        counted,
        sorted(world.alerts.kinds),
        [each.plain() for each in held_changes(PROJECT, ledger=world.ledger)],
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(EVENT, min_size=4, max_size=16), st.data())
def test_what_comes_twice_or_again_much_later_changes_nothing(events: list[str], data: st.DataObject) -> None:
    once, again = (made(schedule="1d", max_per_week=2) for _ in "ab")
    calls: list[tuple[Any, ...]] = []
    for event in events:
        happens(once, event)
        if call := happens(again, event):
            calls.append(call)
        for _ in range(data.draw(st.integers(0, 2))):
            if calls:
                # measurements are answered by the newest report: an old event says nothing new
                again.call(*calls[data.draw(st.integers(0, len(calls) - 1))])
    assert state(once) == state(again)
    times = [datetime.fromisoformat(each["at"]) for each in state(once)[1] if each["kind"] == "retrain"]
    for at in times:
        assert sum(at <= other < at + timedelta(days=7) for other in times) <= 2
    by_alarm = [
        datetime.fromisoformat(each["at"])
        for each in state(once)[1]
        if each["kind"] == "retrain" and each["trigger"] == "drift"
    ]
    assert all(later - earlier >= timedelta(hours=24) for earlier, later in pairwise(by_alarm))


def test_an_alarm_that_flaps_for_a_week_retrains_as_one_that_lasts() -> None:
    flapping, lasting = made(), made()
    for world in (flapping, lasting):
        report(world, None)
        alarm(world)
    for hour in range(24 * 6):
        for world in (flapping, lasting):
            world.alarms.state["sluice/shop/drift"] = "ALARM"
            measured(world, None)
        flapping.alarms.state["sluice/shop/drift"] = "OK"
        flapping.alarms.state["sluice/shop/drift"] = "ALARM"
        if hour % 5 == 0:
            alarm(flapping)
    assert trainings(flapping) == trainings(lasting) == 3
