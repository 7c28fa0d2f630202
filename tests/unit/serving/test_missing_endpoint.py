"""An endpoint that vanishes is reported once, with what to do; one that is put to sleep or released is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sluice.bootstrap import World
from sluice.serving.endpoint_lock import take_endpoint
from sluice.serving.wake_endpoint import wake_endpoint
from sluice.steps.monitor_model import monitor_model
from testing.fakes import Crash, failing
from testing.release_world import ENDPOINT, NEW, PROJECT
from tests.unit.steps.test_watch_steps import watched


def told(world: World) -> list[str]:
    return [alert.message for alert in world.alerts.published if alert.kind == "Endpoint Missing"]


def gone() -> World:
    world = watched()
    world.ledger.locks.clear()
    world.models.endpoints.pop(ENDPOINT)
    return world


def test_it_is_reported_once_until_it_is_back() -> None:
    world = gone()
    for _ in range(3):
        world.call(monitor_model, PROJECT)
    [message] = told(world)
    for text in (ENDPOINT, "does not exist", f"sluice wake {PROJECT}", "only1"):
        assert text in message
    assert world.call(wake_endpoint, PROJECT)["decision"] == "waking"
    world.call(monitor_model, PROJECT)
    assert world.ledger.champion(PROJECT).serving == "awake"
    world.models.endpoints.pop(ENDPOINT)
    world.call(monitor_model, PROJECT)
    assert len(told(world)) == 2


def test_it_is_back_by_hand() -> None:
    world = gone()
    world.call(monitor_model, PROJECT)
    assert world.ledger.champion(PROJECT).serving == "missing"
    world.models.put_endpoint(ENDPOINT, "only1")
    world.call(monitor_model, PROJECT)
    assert world.ledger.champion(PROJECT).serving == "awake"


def test_a_broken_one_is_reported_too() -> None:
    world = watched()
    state = world.models.endpoints[ENDPOINT]
    world.models.endpoints[ENDPOINT] = replace(state, status="Failed")
    world.call(monitor_model, PROJECT)
    assert "is Failed" in told(world)[0]
    assert "remove-endpoint" in told(world)[0]


def test_nobody_is_told_while_a_release_changes_it_or_it_sleeps() -> None:
    world = gone()
    world.call(take_endpoint, PROJECT, NEW)
    world.call(monitor_model, PROJECT)
    asleep = gone()
    champion = asleep.ledger.champion(PROJECT)
    asleep.ledger.champions[PROJECT] = replace(champion, serving="asleep")
    asleep.call(monitor_model, PROJECT)
    assert told(world) == told(asleep) == []


@pytest.mark.parametrize("after", range(1, 12))
def test_killed_anywhere_it_is_told(after: int) -> None:
    world = gone()
    try:
        failing(world, after).call(monitor_model, PROJECT)
    except Crash:
        world.call(monitor_model, PROJECT)
    assert 1 <= len(told(world)) <= 2
