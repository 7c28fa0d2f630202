"""`retrain.on_rows`: arrivals wait until there are enough new rows; then they pass the governor and start one run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sluice.bootstrap import World
from sluice.steps.answer_lasting_alarms import answer_lasting_alarms
from sluice.steps.plan_training import plan_training
from testing.fakes import Crash, failing
from testing.release_world import CONTRACT, PROJECT, build
from tests.unit.steps.test_held_changes import FAULT, HOUR, arrives, measured, report


def made(**retrain: Any) -> World:
    """`r1` serves and has learned from d1, of 1,000 rows."""
    world = build()
    world.ledger.locks.clear()
    world.ledger.run_records[PROJECT].clear()
    arrives(world, "d1", 1_000)
    world.ledger.start_run(PROJECT, "r1", world.clock.now(), {"datasets": ["d1"], "status": "finished"})
    content = {**CONTRACT, "retrain": {"cooldown": "24h", "max_per_week": 3, "on_rows": 500, **retrain}}
    world.ledger.save_contract(PROJECT, content, "v2")
    return world


def dropped(world: World, dataset: str, rows: int) -> dict[str, Any]:
    world.clock.advance(60)
    arrives(world, dataset, rows)
    return world.call(plan_training, PROJECT, "data", dataset)


def ask(world: World, hours: float = 1) -> str | None:
    world.clock.advance(hours * HOUR)
    return world.call(answer_lasting_alarms, PROJECT, world.clock.now().isoformat())["answers"].get("volume")


def test_rows_add_up_and_start_one_run() -> None:
    world = made()
    waiting = dropped(world, "d2", 300)
    assert waiting["status"] == "waits for rows"
    assert waiting["reasons"] == ["300 accepted rows are new since r1; retrain.on_rows starts a run at 500"]
    started = dropped(world, "d3", 200)
    assert started["status"] == "started"
    record = world.ledger.run(PROJECT, started["run_id"])
    assert (record["trigger"], record["datasets"]) == ("volume", ["d1", "d2", "d3"])
    assert "500 accepted rows are new since r1" in record["reason"]
    assert world.call(plan_training, PROJECT, "data", "d3")["status"] == "waits for rows", "the event again"
    assert len(world.executions.started) == 1


@pytest.mark.parametrize(("share", "rows", "status"), [(0.1, 99, "waits for rows"), (0.1, 100, "started")])
def test_a_share_is_of_the_rows_of_the_last_run(share: float, rows: int, status: str) -> None:
    assert dropped(made(on_rows=share), "d2", rows)["status"] == status


def test_before_a_model_serves_each_file_starts_a_run() -> None:
    world = made()
    world.ledger.champions.clear()
    assert dropped(world, "d2", 1)["status"] == "started"


def test_people_and_alarms_do_not_wait_for_rows() -> None:
    world = made()
    assert world.call(plan_training, PROJECT, "manual", at="1")["status"] == "started"


def test_the_governor_holds_and_the_measurement_asks_again() -> None:
    world = made()
    first = dropped(world, "d2", 500)
    world.ledger.update_run(PROJECT, first["run_id"], {"status": "finished", "outcome": "rejected"})
    world.ledger.release_lock(PROJECT, first["run_id"])
    held = dropped(world, "d3", 500)
    assert held["status"] == "held"
    assert "cooldown until" in held["reasons"][1]
    assert [ask(world) for _ in range(3)] == ["hold", "wait", "wait"], "it is said once a cooldown"
    assert ask(world, 22) == "retrain"
    [(_, detail)] = [event for event in world.events.put_events if event[0] == "Training Requested"]
    assert detail["trigger"] == "volume"
    run = world.call(plan_training, PROJECT, "volume", reason=detail["reason"], at=detail["at"])
    assert run["status"] == "started"
    assert ask(world) is None
    assert world.alerts.kinds.count("Response Held") == world.alerts.kinds.count("Retraining Started") == 1


def test_a_run_that_failed_has_learned_nothing() -> None:
    world = made(cooldown="1s")
    first = dropped(world, "d2", 500)
    world.ledger.update_run(PROJECT, first["run_id"], {"status": "failed", "outcome": "failed"})
    world.ledger.release_lock(PROJECT, first["run_id"])
    assert dropped(world, "d3", 1)["status"] == "started"


def test_rows_of_a_fault_do_not_count_and_none_is_started_while_it_lasts() -> None:
    world = made()
    dropped(world, "d2", 400)
    measured(world, FAULT, hours=3)
    assert dropped(world, "d3", 400)["status"] == "waits for rows"


@pytest.mark.parametrize("after", range(1, 16))
def test_killed_anywhere_the_repetition_starts_one_run(after: int) -> None:
    world = made()
    world.clock.advance(60)
    arrives(world, "d2", 500)
    try:
        failing(world, after).call(plan_training, PROJECT, "data", "d2")
    except Crash:
        world.call(plan_training, PROJECT, "data", "d2")
        world.call(plan_training, PROJECT, "data", "d2")
    assert len(world.executions.started) == 1
    counted = world.ledger.responses(PROJECT, world.clock.now() - timedelta(days=1))
    assert [each["trigger"] for each in counted if each["kind"] == "retrain"] == ["volume"]


def test_a_measurement_of_a_project_without_volume_says_nothing_of_it() -> None:
    world = made(on_rows=None)
    assert "volume" not in world.call(answer_lasting_alarms, PROJECT, report(world, None))["answers"]
