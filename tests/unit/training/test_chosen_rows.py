"""The contract's window as a run's inputs have it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.steps.plan_training import plan_training
from tests.unit.steps.test_held_changes import PROJECT, REAL, alarm, arrives, made, measured, report


def window(world: World, at: str = "1") -> dict[str, Any] | None:
    run = world.call(plan_training, PROJECT, "manual", at=at)["run_id"]
    world.ledger.locks.clear()
    return json.loads(world.objects.read(keys.run(PROJECT, run, "run.json")))["window"]


@pytest.mark.parametrize(("written", "kind", "reach"), [("all", "all", None), ("90d", "last", 7_776_000)])
def test_the_window_is_frozen_as_the_contract_says_it(written: str, kind: str, reach: int | None) -> None:
    world = made(window=written, half_life="30d", min_rows=50)
    arrives(world, "d1")
    assert window(world) == {
        "kind": kind,
        "text": written,
        "seconds": reach,
        "since": None,
        "min_rows": 50,
        "half_life": "30d",
        "half_life_seconds": 2_592_000,
        "windows": [],
    }


def test_several_windows_are_frozen_in_the_order_of_the_contract() -> None:
    world = made(window=["90d", "since_drift", "all"], half_life="30d", min_rows=50)
    arrives(world, "d1")
    frozen = window(world)
    assert frozen
    assert (frozen["kind"], frozen["text"], frozen["half_life_seconds"]) == (
        "compared",
        "90d, since_drift, all",
        2_592_000,
    )
    assert [(each["kind"], each["seconds"], each["min_rows"]) for each in frozen["windows"]] == [
        ("last", 7_776_000, 50),
        ("since_drift", None, 50),
        ("all", None, 50),
    ]


def test_since_drift_is_the_beginning_of_the_last_drift_that_was_retrained_for() -> None:
    world = made(window="since_drift", cooldown="1s")
    arrives(world, "d1")
    frozen = window(world)
    assert frozen
    assert frozen["since"] is None, "no drift is known"
    for number in range(2):
        world.clock.advance(7_200)
        report(world, REAL)
        assert alarm(world)["decision"] == "retrain"
        frozen = window(world, str(number + 2))
        assert frozen
        assert frozen["since"] == (world.clock.now() - timedelta(hours=1)).isoformat()
    world.clock.advance(3_600)
    measured(world, None)
    assert window(world, "4") == frozen, "later runs too learn from the rows since then"


def test_before_a_model_serves_there_is_no_window() -> None:
    world = made(window="1d")
    world.ledger.champions.clear()
    arrives(world, "d1")
    assert window(world) is None
