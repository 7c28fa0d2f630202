"""Idle endpoints: asleep only on evidence, never beside a release; awake again by one command."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.errors import ArtifactError, ConflictError, EndpointBusyError, NotFoundError
from sluice.serving.sleep_endpoint import sleep_endpoint
from sluice.serving.wake_endpoint import wake_endpoint
from sluice.steps.finish_run import finish_run
from sluice.steps.monitor_model import monitor_model
from sluice.steps.plan_release import plan_release
from sluice.steps.plan_rollback import plan_rollback
from sluice.steps.plan_training import plan_training
from sluice.watch import idleness
from testing.fakes import Crash, failing, interrupted
from testing.release_world import ENDPOINT, NEW, OLD, PROJECT, URI, build

HOURS = 3_600.0


def quiet(idle_after: str | None = "6h", seen: float = 9 * HOURS) -> tuple[World, Contract]:
    """A champion out of probation, no run, no request, and machines that reported for `seen` seconds."""
    world = build(idle_after=idle_after)
    world.ledger.release_lock(PROJECT, NEW)
    world.clock.advance(2 * 86_400)
    world.metrics.seconds_seen = seen
    registered = world.ledger.contract(PROJECT)
    assert registered is not None
    return world, Contract.model_validate(registered[0])


def ask(world: World, hours_ago: float) -> None:
    world.metrics.add(ENDPOINT, "v-r1", "Invocations", world.clock.now() - timedelta(hours=hours_ago), 1.0)


def test_an_idle_endpoint_goes_and_the_champion_stays() -> None:
    world, contract = quiet()
    answer = world.call(sleep_endpoint, PROJECT, contract)
    assert answer["decision"] == "asleep"
    champion = world.ledger.champion(PROJECT)
    assert champion is not None
    assert (champion.run_id, champion.serving) == (OLD, "asleep")
    assert world.models.endpoint(ENDPOINT) is None
    assert world.alerts.kinds == ["Endpoint Asleep"]
    assert world.objects.exists(answer["record"])
    assert world.ledger.lock(PROJECT) is None
    assert world.call(sleep_endpoint, PROJECT, contract)["decision"] == "asleep"
    assert world.alerts.kinds == ["Endpoint Asleep"], "told once"
    assert world.call(monitor_model, PROJECT)["decision"] == "asleep"


def test_the_silence_before_it_was_woken_does_not_count() -> None:
    world, contract = quiet()
    state = world.models.endpoints[ENDPOINT]
    world.models.endpoints[ENDPOINT] = replace(state, created=world.clock.now() - timedelta(hours=5))
    assert world.call(sleep_endpoint, PROJECT, contract)["decision"] == "awake"
    world.clock.advance(1.1 * HOURS)
    assert world.call(sleep_endpoint, PROJECT, contract)["decision"] == "asleep"


def canary(world: World) -> None:
    state = world.models.endpoints[ENDPOINT]
    other = replace(state.variants[0], name="v-r2")
    world.models.endpoints[ENDPOINT] = replace(state, variants=(*state.variants, other))


def probation(world: World) -> None:
    champion = world.ledger.champions[PROJECT]
    world.ledger.champions[PROJECT] = replace(champion, probation_until=world.clock.now() + timedelta(minutes=1))


def status(name: str) -> Any:
    def change(world: World) -> None:
        world.models.endpoints[ENDPOINT] = replace(world.models.endpoints[ENDPOINT], status=name)

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda world: ask(world, 1), "1 requests"),
        (lambda world: ask(world, 6.2), "1 requests"),
        (lambda world: setattr(world.metrics, "seconds_seen", 5.9 * HOURS), "its machines reported for"),
        (lambda world: setattr(world.metrics, "seconds_seen", 0.0), "its machines reported for 0 s"),
        (lambda world: world.ledger.acquire_lock(PROJECT, NEW, world.clock.now()), f"is held by {NEW}"),
        (probation, "in probation"),
        (canary, "does not serve v-r1 alone"),
        (status("Updating"), "is Updating"),
        (status("Failed"), "check it"),
        (lambda world: world.models.endpoints.clear(), "there is no endpoint"),
        (lambda world: world.ledger.champions.clear(), "no model serves"),
    ],
)
def test_any_doubt_leaves_it_awake(change: Any, why: str) -> None:
    world, contract = quiet()
    change(world)
    before = dict(world.models.endpoints)
    answer = world.call(sleep_endpoint, PROJECT, contract)
    assert answer["decision"] == "awake"
    assert why in " ".join(answer["reasons"])
    assert world.models.endpoints == before
    assert world.alerts.kinds == []


def test_a_contract_without_the_key_never_sleeps_and_asks_nothing() -> None:
    world, contract = quiet(idle_after=None)
    world.metrics.variant_sum = world.models.endpoint = None
    assert world.call(sleep_endpoint, PROJECT, contract)["decision"] == "awake"


def test_a_request_before_the_window_does_not_count() -> None:
    world, contract = quiet()
    ask(world, 6 * (1 + idleness.SLACK) + 0.1)
    assert world.call(sleep_endpoint, PROJECT, contract)["decision"] == "asleep"


def test_killed_between_any_two_calls_the_next_look_finishes() -> None:
    for after in range(1, 60):
        world, contract = quiet()
        try:
            failing(world, after).call(sleep_endpoint, PROJECT, contract)
            died = False
        except Crash:
            died = True
        world.clock.advance(3_600)
        world.call(sleep_endpoint, PROJECT, contract)
        champion = world.ledger.champion(PROJECT)
        assert champion is not None
        assert (champion.serving, world.models.endpoint(ENDPOINT)) == ("asleep", None), after
        assert world.ledger.lock(PROJECT) is None, after
        assert 1 <= world.alerts.kinds.count("Endpoint Asleep") <= 2, after
        if not died:
            return
    pytest.fail("more calls than are tried here")


def test_what_arrives_while_the_endpoint_goes_is_asked_for_afterwards() -> None:
    world, contract = quiet()
    delete = world.models.delete_endpoint

    def meanwhile(name: str) -> None:
        world.ledger.add_dataset(PROJECT, "d9", world.clock.now(), {"rows": 1})
        assert world.call(plan_training, PROJECT, "data", "d9")["status"] == "coalesced"
        delete(name)

    world.models.delete_endpoint = meanwhile
    world.call(sleep_endpoint, PROJECT, contract)
    (event,) = world.events.put_events
    assert event[0] == "Training Requested"
    assert (event[1]["trigger"], event[1]["datasets"]) == ("arrivals", ["d9"])


def test_a_release_to_a_sleeping_project_makes_the_endpoint() -> None:
    world, contract = quiet()
    world.call(sleep_endpoint, PROJECT, contract)
    facts = {"run_id": NEW, "archive_sha256": _sealed(world)}
    package = world.registry.register("g", URI, "image", facts, approved=True)
    assert world.call(plan_release, PROJECT, NEW, package, URI)["mode"] == "create"
    world.call(finish_run, PROJECT, NEW, "failed")
    assert world.call(plan_rollback, PROJECT, "why not", "back")["decision"] == "impossible"


def _sealed(world: World) -> str:
    from sluice.serving.sealed_models import verified

    return world.call(verified, PROJECT, NEW, URI).archive_sha256


def test_it_wakes_with_its_own_configuration() -> None:
    world, contract = quiet()
    world.call(sleep_endpoint, PROJECT, contract)
    answer = world.call(wake_endpoint, PROJECT)
    assert (answer["decision"], answer["config"]) == ("waking", "only1")
    state, champion = world.models.endpoint(ENDPOINT), world.ledger.champion(PROJECT)
    assert state is not None
    assert champion is not None
    assert (state.config, champion.serving) == ("only1", "awake")
    assert world.alerts.kinds == ["Endpoint Asleep", "Endpoint Awake"]
    assert world.call(wake_endpoint, PROJECT)["decision"] == "awake"
    world.metrics.seconds_seen = 600.0
    assert world.call(sleep_endpoint, PROJECT, contract)["decision"] == "awake", "it must have been there all the time"


def test_a_slow_measurement_does_not_take_an_endpoint_that_was_woken_meanwhile() -> None:
    """Its evidence is of the endpoint before, which another measurement put to sleep."""
    woken_meanwhile = 0
    for before in range(1, 60):
        world, contract = quiet()
        woken: list[str] = []

        def put_to_sleep_and_woken(
            world: World = world, contract: Contract = contract, woken: list[str] = woken
        ) -> None:
            world.clock.advance(0.001)  # two measurements hold no lock of one name
            if world.call(sleep_endpoint, PROJECT, contract)["decision"] == "asleep":
                with suppress(ConflictError):
                    woken.append(world.call(wake_endpoint, PROJECT)["decision"])
                    world.metrics.seconds_seen = 0.0

        answer = interrupted(world, before, put_to_sleep_and_woken).call(sleep_endpoint, PROJECT, contract)
        champion = world.ledger.champion(PROJECT)
        assert champion is not None
        if woken:
            woken_meanwhile += 1
            assert (answer["decision"], champion.serving) == ("awake", "awake"), before
            assert world.models.endpoint(ENDPOINT) is not None, before
    assert woken_meanwhile > 3


def test_an_endpoint_that_a_person_removed_wakes_as_well() -> None:
    world, _ = quiet()
    world.models.endpoints.clear()
    assert world.call(wake_endpoint, PROJECT)["decision"] == "waking"


def test_a_wake_that_died_can_be_repeated() -> None:
    for after in range(1, 60):
        world, contract = quiet()
        world.call(sleep_endpoint, PROJECT, contract)
        with suppress(Crash):
            failing(world, after).call(wake_endpoint, PROJECT)
        world.clock.advance(3_600)
        world.call(wake_endpoint, PROJECT)
        champion = world.ledger.champion(PROJECT)
        assert champion is not None
        assert champion.serving == "awake"
        assert world.models.endpoint(ENDPOINT) is not None, after
        assert world.ledger.lock(PROJECT) is None


def test_waking_refuses_what_it_must_not_do() -> None:
    world, contract = quiet()
    world.call(sleep_endpoint, PROJECT, contract)
    world.ledger.acquire_lock(PROJECT, NEW, world.clock.now())
    with pytest.raises(ConflictError, match=NEW):
        world.call(wake_endpoint, PROJECT)
    world.ledger.release_lock(PROJECT, NEW)
    world.models.put_endpoint(ENDPOINT, "only1", "Deleting")
    with pytest.raises(EndpointBusyError, match="in a minute"):
        world.call(wake_endpoint, PROJECT)
    world.models.endpoints.clear()
    world.objects.write(f"models/{PROJECT}/{OLD}/model.tar.gz", b"another")
    with pytest.raises(ArtifactError):
        world.call(wake_endpoint, PROJECT)
    assert world.ledger.lock(PROJECT) is None
    world.ledger.champions.clear()
    with pytest.raises(NotFoundError, match="nothing to wake"):
        world.call(wake_endpoint, PROJECT)
