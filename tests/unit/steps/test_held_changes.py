"""A fault is never trained on, what cannot be told apart is asked, and a person's word is recorded and obeyed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.errors import InputError, NotFoundError
from sluice.steps.answer_lasting_alarms import answer_lasting_alarms
from sluice.steps.plan_training import plan_training
from sluice.steps.request_retraining import request_retraining
from sluice.steps.respond_to_alarm import respond_to_alarm
from sluice.store.held_changes import held_changes
from sluice.training.accept_drift import accept_drift
from sluice.training.end_fault import end_fault
from testing.fakes import Crash, failing
from testing.release_world import CONTRACT, OLD, PROJECT
from tests.unit.steps.test_watch_steps import watched

HOUR = 3_600
FAULT = {"answer": "hold", "reason": "scale", "columns": ["pages"], "sentence": "pages is 1,000 times what it was"}
ASK = {"answer": "ask", "reason": "unexplained", "columns": ["pages"], "sentence": "pages has moved"}
REAL = {"answer": "retrain", "reason": "covariate shift", "columns": ["pages"], "sentence": "pages and more moved"}
UNSURE = {**FAULT, "reason": "jump in one column", "confirmed": False}
NOTHING = {"answer": "nothing", "reason": "none", "columns": [], "sentence": "all is within chance"}


def made(**retrain: Any) -> World:
    world = watched()
    world.ledger.locks.clear()
    content = {**CONTRACT, "retrain": {"cooldown": "24h", "max_per_week": 3, **retrain}}
    world.ledger.save_contract(PROJECT, content, "v2")
    return world


def report(world: World, triage: dict[str, Any] | None, run_id: str = OLD, **more: Any) -> str:
    """A measurement as the monitor writes it; `since` is an hour before it."""
    at = world.clock.now()
    verdict = triage and {"since": (at - timedelta(hours=1)).timestamp(), "evidence": {}, **triage}
    body = {"at": at.isoformat(), "run_id": run_id, "decision": "drifted", "reasons": ["PSI 0.4"], "triage": verdict}
    world.objects.write(keys.monitor(PROJECT, "latest.json"), json.dumps({**body, **more}).encode())
    return at.isoformat()


def measured(world: World, triage: dict[str, Any] | None, hours: float = 1, **more: Any) -> dict[str, str]:
    world.clock.advance(hours * HOUR)
    return world.call(answer_lasting_alarms, PROJECT, report(world, triage, **more))["answers"]


def alarm(world: World, kind: str = "drift") -> dict[str, Any]:
    at = world.clock.now().isoformat()
    return world.call(
        respond_to_alarm, {"alarmName": f"sluice/shop/{kind}", "state": {"value": "ALARM", "timestamp": at}}
    )


def trainings(world: World) -> int:
    return sum(kind == "Training Requested" for kind, _ in world.events.put_events)


def arrives(world: World, dataset: str, rows: int = 100) -> None:
    world.ledger.add_dataset(PROJECT, dataset, world.clock.now(), {"rows": rows, "key": f"raw/shop/{dataset}.csv"})


@pytest.mark.parametrize("kind", ["drift", "quality"])
@pytest.mark.parametrize("triage", [FAULT, ASK])
def test_what_is_held_never_trains_and_names_column_reason_and_time(triage: dict[str, Any], kind: str) -> None:
    world = made()
    report(world, triage)
    answer = alarm(world, kind)
    assert answer["decision"] == "hold"
    assert trainings(world) == 0
    told = world.alerts.published[0]
    assert told.kind == ("Data Fault" if triage is FAULT else "Change Held")
    for text in (triage["sentence"], "pages", "first seen at 2026-11-22 11:00:00 UTC"):
        assert text in told.message
    record = json.loads(world.objects.read(told.facts["record"]))
    assert record["change"]["reason"] == triage["reason"]
    assert "sluice accept-drift shop" in record["reasons"][-1]


def test_a_fault_is_told_once_whichever_path_finds_it_first() -> None:
    world = made()
    measured(world, FAULT)
    alarm(world)
    measured(world, FAULT)
    assert world.alerts.kinds.count("Data Fault") == 1


@pytest.mark.parametrize("after", range(1, 14))
def test_killed_anywhere_the_repetition_tells_of_the_fault(after: int) -> None:
    world = made()
    at = report(world, FAULT)
    try:
        failing(world, after).call(answer_lasting_alarms, PROJECT, at)
    except Crash:
        world.call(answer_lasting_alarms, PROJECT, at)
    assert "Data Fault" in world.alerts.kinds
    assert len(held_changes(PROJECT, ledger=world.ledger)) == 1


def test_real_drift_retrains_with_the_reasons_of_both() -> None:
    world = made()
    report(world, REAL)
    answer = alarm(world)
    assert answer["decision"] == "retrain"
    [(_, detail)] = world.events.put_events
    assert "PSI 0.4" in detail["reason"]
    assert REAL["sentence"] in detail["reason"]


def test_drift_that_triage_explains_by_chance_is_held() -> None:
    world = made()
    report(world, NOTHING)
    assert alarm(world)["decision"] == "hold"
    world = made()
    report(world, NOTHING)
    assert alarm(world, "quality")["decision"] == "retrain", "the loss is certain, whatever the inputs show"


def test_drift_without_an_alarm_is_answered_by_the_measurement() -> None:
    world = made()
    assert measured(world, REAL, decision="drifted") == {}, "its alarm will ring"
    assert measured(world, REAL, decision="stable") == {"drift": "retrain"}
    assert measured(world, REAL, decision="stable") == {"drift": "wait"}
    assert trainings(world) == 1


def test_a_verdict_about_an_earlier_model_says_nothing() -> None:
    world = made()
    report(world, FAULT, run_id="r0")
    assert alarm(world)["decision"] == "retrain"


def test_a_fault_is_over_with_the_first_measurement_without_it() -> None:
    world = made()
    measured(world, FAULT)
    assert measured(world, None) == {}, "an inconclusive measurement ends nothing"
    assert held_changes(PROJECT, ledger=world.ledger)[0].open
    measured(world, NOTHING)
    [change] = held_changes(PROJECT, ledger=world.ledger)
    assert change.over == world.clock.now()
    assert world.alerts.kinds == ["Data Fault", "Held Change Over"]
    measured(world, NOTHING)
    assert len(world.alerts.kinds) == 2


def test_a_fault_that_flaps_is_one_and_lasts_from_its_first_time() -> None:
    world = made()
    for _ in range(5):
        measured(world, FAULT)
        measured(world, NOTHING)
    [change] = held_changes(PROJECT, ledger=world.ledger)
    assert (change.since, change.over) == (change.found_at - timedelta(hours=1), world.clock.now())
    assert world.alerts.kinds.count("Data Fault") == 1


def test_the_schedule_waits_while_a_fault_lasts() -> None:
    world = made(schedule="1d")
    measured(world, FAULT)
    held = world.call(request_retraining, PROJECT)
    assert held["decision"] == "hold"
    assert "a data fault lasts (scale in pages" in held["reasons"][0]
    measured(world, NOTHING)
    assert world.call(request_retraining, PROJECT)["decision"] == "retrain"


def test_what_arrives_during_a_fault_is_not_learned_from_until_it_is_accepted() -> None:
    world = made()
    arrives(world, "before")
    measured(world, FAULT, hours=3)
    arrives(world, "during", 40)
    assert world.call(plan_training, PROJECT, "data", "during")["status"] == "left out"
    measured(world, NOTHING, hours=2)
    arrives(world, "after")
    over = world.alerts.published[-1]
    assert "40 rows of 1 dataset " in over.message
    assert "during" in over.message
    run = world.call(plan_training, PROJECT, "manual", at="1")["run_id"]
    frozen = json.loads(world.objects.read(keys.run(PROJECT, run, "run.json")))
    assert frozen["datasets"] == ["before", "after"]
    [left_out] = frozen["left_out"]
    assert (left_out["datasets"], left_out["rows"], left_out["columns"]) == (["during"], 40, ["pages"])
    world.ledger.locks.clear()
    answer = world.call(accept_drift, PROJECT, "ann", "new prices")
    assert (answer["decision"], answer["datasets"], answer["rows"]) == ("retrain", ["during"], 40)
    run = world.call(plan_training, PROJECT, "drift", at="2")["run_id"]
    frozen = json.loads(world.objects.read(keys.run(PROJECT, run, "run.json")))
    assert (frozen["datasets"], frozen["left_out"]) == (["before", "during", "after"], [])


def test_a_change_that_was_accepted_is_real_while_it_lasts() -> None:
    world = made()
    measured(world, ASK)
    answer = world.call(accept_drift, PROJECT, "ann", "new prices")
    assert answer["decision"] == "retrain"
    assert trainings(world) == 1
    [change] = held_changes(PROJECT, ledger=world.ledger)
    assert change.accepted == {
        "at": world.clock.now().isoformat(),
        "by": "ann",
        "reason": "new prices",
    }
    record = json.loads(world.objects.read(answer["record"]))
    assert (record["inputs"]["by"], record["inputs"]["reason"]) == ("ann", "new prices")
    assert world.alerts.kinds[-1] == "Drift Accepted"
    world.alarms.state["sluice/shop/drift"] = "ALARM"
    assert measured(world, ASK, hours=25) == {"drift": "retrain"}
    with pytest.raises(NotFoundError, match="nothing is held"):
        world.call(accept_drift, PROJECT, "ann")


def test_an_acceptance_passes_the_governor_and_stays() -> None:
    world = made(max_per_week=0)
    measured(world, ASK)
    answer = world.call(accept_drift, PROJECT, "ann")
    assert answer["decision"] == "hold"
    assert "retrain.max_per_week allows" in answer["reasons"][-1]
    assert held_changes(PROJECT, ledger=world.ledger)[0].accepted


def test_of_several_faults_that_are_over_one_is_chosen() -> None:
    world = made()
    for columns in (["pages"], ["price"]):
        measured(world, {**FAULT, "columns": columns})
        measured(world, NOTHING, hours=30)
    first, second = held_changes(PROJECT, ledger=world.ledger)
    with pytest.raises(InputError, match=first.change_id):
        world.call(accept_drift, PROJECT, "ann")
    world.call(accept_drift, PROJECT, "ann", "", [second.change_id[:6]])
    accepted = [change.columns for change in held_changes(PROJECT, ledger=world.ledger) if change.accepted]
    assert accepted == [("price",)]
    with pytest.raises(NotFoundError, match="no held change 'zzz'"):
        world.call(accept_drift, PROJECT, "ann", "", ["zzz"])


def test_a_fault_in_whose_time_nothing_arrived_says_so() -> None:
    world = made()
    measured(world, FAULT)
    measured(world, NOTHING, hours=30)
    told = world.alerts.published[-1].message
    assert "no dataset arrived from 2026-" in told
    assert "to learn from them" not in told


def test_of_several_faults_that_are_held_the_chosen_ones_are_accepted() -> None:
    world = made()
    for columns in (["pages"], ["price"], ["channel"]):
        measured(world, {**FAULT, "columns": columns})
        measured(world, NOTHING, hours=30)
    ids = [change.change_id for change in held_changes(PROJECT, ledger=world.ledger)]
    answer = world.call(accept_drift, PROJECT, "ann", "", [ids[2], ids[0][:8], ids[2]])
    assert [change["change_id"] for change in answer["changes"]] == [ids[2], ids[0]]
    assert [bool(change.accepted) for change in held_changes(PROJECT, ledger=world.ledger)] == [True, False, True]
    with pytest.raises(InputError, match="was accepted by ann before"):
        world.call(accept_drift, PROJECT, "ann", "", [ids[1], ids[0]])
    assert not held_changes(PROJECT, ledger=world.ledger)[1].accepted


def test_an_alarm_that_comes_late_changes_nothing() -> None:
    world = made()
    world.alarms.state["sluice/shop/drift"] = "OK"
    assert alarm(world)["reasons"] == ["drift is no longer in ALARM"]
    world.alarms.state.clear()
    event = {"alarmName": "sluice/shop/drift", "state": {"value": "ALARM", "timestamp": "2026-11-20T12:00:00+00:00"}}
    answer = world.call(respond_to_alarm, event)
    assert "older than the serving model" in answer["reasons"][0]
    assert trainings(world) == 0


def test_an_alarm_that_flaps_is_recorded_and_told_once_a_cooldown() -> None:
    world = made()
    alarm(world)
    for _ in range(4):
        world.clock.advance(HOUR)
        assert alarm(world)["decision"] == "hold"
    assert world.alerts.kinds == ["Retraining Started", "Response Held"]
    assert len(world.objects.list(keys.monitor(PROJECT, "responses/"))) == 5


def test_what_one_measurement_may_show_is_held_in_silence_until_the_next_one_finds_real_drift() -> None:
    """The start of a real drift: old and new requests are in one window, and one column seems to jump alone."""
    world = made()
    arrives(world, "before")
    measured(world, UNSURE)
    assert alarm(world)["decision"] == "wait"
    arrives(world, "during", 40)
    assert (world.alerts.kinds, trainings(world)) == ([], 0)
    world.alarms.state["sluice/shop/drift"] = "ALARM"
    assert measured(world, REAL) == {"drift": "retrain"}, "no cooldown begins with what was not reported"
    assert world.alerts.kinds == ["Retraining Started"]
    [change] = held_changes(PROJECT, ledger=world.ledger)
    assert (change.open, change.confirmed, change.left_out) == (False, False, False)
    run = world.call(plan_training, PROJECT, "drift", at="1")["run_id"]
    frozen = json.loads(world.objects.read(keys.run(PROJECT, run, "run.json")))
    assert (frozen["datasets"], frozen["left_out"]) == (["before", "during"], [])


@pytest.mark.parametrize("again", [UNSURE, FAULT, {**UNSURE, "reason": "scale"}])
def test_a_second_measurement_confirms_a_fault_and_then_people_are_alerted(again: dict[str, Any]) -> None:
    world = made(schedule="1d")
    at = report(world, UNSURE)
    for _ in range(2):
        world.call(answer_lasting_alarms, PROJECT, at)
    assert world.alerts.kinds == [], "the same measurement again is not a second one"
    held = world.call(request_retraining, PROJECT)
    assert (held["decision"], "may show a data fault (jump in one column in pages" in held["reasons"][0]) == (
        "hold",
        True,
    )
    world.alerts.published.clear()
    measured(world, again)
    assert alarm(world)["decision"] == "hold"
    assert world.alerts.kinds == ["Data Fault", "Response Held"]
    assert trainings(world) == 0


def test_a_fault_that_one_measurement_alone_has_shown_stays_out_unless_it_was_real() -> None:
    world = made()
    measured(world, UNSURE, hours=3)
    arrives(world, "during", 40)
    measured(world, NOTHING)
    assert world.alerts.kinds == []
    [change] = held_changes(PROJECT, ledger=world.ledger)
    assert (change.open, change.left_out) == (False, True)


def test_a_fault_that_ends_as_real_drift_is_asked_about_and_its_rows_stay_out_until_a_person_answers() -> None:
    world = made()
    arrives(world, "before")
    for columns in (["price"], ["pages"]):
        measured(world, {**FAULT, "columns": columns}, hours=3)
        arrives(world, f"during {columns[0]}", 40)
        measured(world, NOTHING if columns == ["price"] else REAL, hours=2)
        world.clock.advance(HOUR)
    _, over = [alert for alert in world.alerts.published if alert.kind == "Held Change Over"]
    assert over.subject == "shop: was scale in pages real drift?"
    first, second = held_changes(PROJECT, ledger=world.ledger)
    assert (first.doubted, second.doubted) == (False, True)
    assert f"If so: `sluice accept-drift shop --change {second.change_id}`" in over.message
    answer = alarm(world)
    assert answer["decision"] == "retrain"
    assert answer["reasons"][-1].startswith("40 rows of the time of scale in pages stay out of it; if that was real:")
    run = world.call(plan_training, PROJECT, "drift", at="1")["run_id"]
    frozen = json.loads(world.objects.read(keys.run(PROJECT, run, "run.json")))
    assert frozen["datasets"] == ["before"]
    world.ledger.locks.clear()
    world.clock.advance(25 * HOUR)
    accepted = world.call(accept_drift, PROJECT, "ann")
    assert (accepted["decision"], accepted["datasets"]) == ("retrain", ["during pages"]), "of the two, the doubted one"
    run = world.call(plan_training, PROJECT, "drift", at="2")["run_id"]
    frozen = json.loads(world.objects.read(keys.run(PROJECT, run, "run.json")))
    assert frozen["datasets"] == ["before", "during pages"]


def test_a_fault_that_may_have_been_real_is_put_away_by_the_word_that_it_was_broken() -> None:
    world = made()
    measured(world, FAULT)
    arrives(world, "during", 40)
    measured(world, REAL)
    [change] = held_changes(PROJECT, ledger=world.ledger)
    assert change.doubted
    world.clock.advance(HOUR)
    arrives(world, "after")
    with pytest.raises(NotFoundError, match="no fault to end"):
        world.call(end_fault, PROJECT, "ann")  # unnamed, it might be forgotten that it is among them
    told = len(world.alerts.published)
    answer = world.call(end_fault, PROJECT, "ann", "unit was wrong", [change.change_id])
    assert (answer["decision"], answer["datasets"], answer["rows"]) == ("over", ["during"], 40)
    [put_away] = held_changes(PROJECT, ledger=world.ledger)
    assert (put_away.doubted, put_away.left_out, put_away.over) == (False, True, change.over)
    assert len(world.alerts.published) == told, "people were already told that it is over"
    answer = alarm(world)
    assert (answer["decision"], "stay out of it" in str(answer["reasons"])) == ("retrain", False)
    with pytest.raises(InputError, match="is over: there is nothing to end"):
        world.call(end_fault, PROJECT, "ann", "", [change.change_id])
    assert world.call(accept_drift, PROJECT, "ann", "", [change.change_id])["datasets"] == ["during"], "after all"


def test_a_person_ends_a_fault_that_no_measurement_can_end_and_its_rows_stay_out() -> None:
    world = made(schedule="1d")
    arrives(world, "before")
    world.clock.advance(3 * HOUR)
    measured(world, {**FAULT, "last": (world.clock.now() + timedelta(minutes=59)).timestamp()})
    arrives(world, "during", 40)
    world.clock.advance(48 * HOUR)
    answer = world.call(end_fault, PROJECT, "ann", "unit corrected")
    assert (answer["decision"], answer["datasets"], answer["rows"]) == ("over", ["during"], 40)
    told = world.alerts.published[-1]
    assert told.kind == "Held Change Over"
    assert "ann says so (unit corrected)" in told.message
    assert "40 rows of 1 dataset " in told.message
    assert alarm(world)["decision"] == "hold", "the newest measurement is of the fault's time"
    assert world.alerts.kinds.count("Data Fault") == 1
    [change] = held_changes(PROJECT, ledger=world.ledger)
    assert (change.open, change.left_out, change.ended["by"]) == (False, True, "ann")
    assert world.call(request_retraining, PROJECT)["decision"] == "retrain"
    run = world.call(plan_training, PROJECT, "schedule", at="1")["run_id"]
    frozen = json.loads(world.objects.read(keys.run(PROJECT, run, "run.json")))
    assert frozen["left_out"][0]["datasets"] == ["during"]
    with pytest.raises(NotFoundError, match="no fault to end"):
        world.call(end_fault, PROJECT, "ann")
    with pytest.raises(InputError, match="is over: there is nothing to end"):
        world.call(end_fault, PROJECT, "ann", "", [change.change_id])


def test_an_old_request_does_not_hold_again_what_a_person_has_ended_and_a_later_one_does() -> None:
    world = made()
    measured(world, {**FAULT, "last": world.clock.now().timestamp()})
    world.call(end_fault, PROJECT, "ann")
    ended = world.clock.now()
    measured(world, {**FAULT, "last": (ended - timedelta(minutes=1)).timestamp()})
    assert len(held_changes(PROJECT, ledger=world.ledger)) == 1
    measured(world, {**FAULT, "last": (ended + timedelta(minutes=1)).timestamp()})
    first, second = held_changes(PROJECT, ledger=world.ledger)
    assert (first.open, second.open) == (False, True)
    assert world.alerts.kinds == ["Data Fault", "Held Change Over", "Data Fault"]


def test_a_fault_cannot_have_ended_before_a_request_that_has_it_nor_in_the_future() -> None:
    world = made()
    last = world.clock.now() + timedelta(minutes=50)
    measured(world, {**FAULT, "last": last.timestamp()})
    for until in (last - timedelta(minutes=1), world.clock.now() + timedelta(days=1)):
        with pytest.raises(InputError, match="cannot have ended at"):
            world.call(end_fault, PROJECT, "ann", "", (), until)
    arrives(world, "after")
    answer = world.call(end_fault, PROJECT, "ann", "", (), last + timedelta(minutes=1))
    assert answer["datasets"] == [], "what arrived after the end is learned from"


def test_rows_of_an_unexplained_change_stay_out_when_a_person_says_that_it_was_broken() -> None:
    world = made()
    measured(world, ASK)
    arrives(world, "during", 40)
    assert not held_changes(PROJECT, ledger=world.ledger)[0].left_out
    world.clock.advance(HOUR)
    assert world.call(end_fault, PROJECT, "ann")["rows"] == 40
    assert held_changes(PROJECT, ledger=world.ledger)[0].left_out


def test_of_several_held_changes_those_that_are_named_are_ended_and_no_other() -> None:
    world = made()
    for change_id in ("a1", "a2", "b1"):
        facts = {"answer": "hold", "reason": "scale", "columns": [change_id], "sentence": "", "champion": "r1"}
        begun = {"kind": "held-change", "change_id": change_id, "since": world.clock.now().isoformat(), **facts}
        world.ledger.add_response(PROJECT, world.clock.now(), begun)
    world.clock.advance(HOUR)
    with pytest.raises(InputError, match="beginning of several"):
        world.call(end_fault, PROJECT, "ann", "", ["b", "a"])
    assert [each.open for each in held_changes(PROJECT, ledger=world.ledger)] == [True, True, True]
    answer = world.call(end_fault, PROJECT, "ann", "", ["b", "a1", "b1"])
    assert [each["change_id"] for each in answer["changes"]] == ["b1", "a1"]
    assert [each.change_id for each in held_changes(PROJECT, ledger=world.ledger) if each.open] == ["a2"]
