"""What a drill of the rollback begins with, what it refuses, and that it holds nobody up for good."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from sluice import keys, names
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.errors import ConflictError, EndpointBusyError, ReleaseError, SluiceError, UnknownProjectError
from sluice.ports import ENDPOINT as LOCK
from sluice.ports import Answer
from sluice.release import endpoint_alarms, plan
from sluice.serving.endpoint_lock import take_endpoint
from sluice.serving.start_drill import end_drill, start_drill
from sluice.steps.complete_release import complete_release
from sluice.steps.plan_release import plan_release
from sluice.steps.plan_rollback import plan_rollback
from sluice.steps.verify_endpoint import verify_endpoint
from sluice.store.run_records import run_contract
from testing.fakes import Crash, failing
from testing.release_world import ENDPOINT, NEW, OLD, PROJECT, URI, build


def serving(**release: Any) -> World:
    world = build(**release)
    world.ledger.release_lock(PROJECT, NEW)
    return world


def drills(world: World) -> list[dict[str, Any]]:
    return [record for record in world.ledger.runs(PROJECT) if record.get("trigger") == "drill"]


def holder(world: World) -> str | None:
    return (world.ledger.lock(PROJECT, of=LOCK) or {}).get("run_id")


def test_it_writes_what_the_machine_needs_and_starts_it() -> None:
    world = serving()
    world.ledger.update_run(PROJECT, OLD, {"contract_version": "v7"})
    started = world.call(start_drill, PROJECT, "ada")
    drill_id = started["drill_id"]
    assert re.fullmatch("d[0-9a-f]{12}", drill_id)
    assert len(drill_id) == len(names.run_id(PROJECT, "v1", ["d1"]))
    record = world.ledger.run(PROJECT, drill_id)
    assert record is not None
    expected = {"trigger": "drill", "status": "running", "datasets": [], "contract_version": "v7", "champion": OLD}
    assert record.items() >= expected.items()
    assert record["reason"] == "rollback drill on r1 (asked by ada)"
    assert record["execution_arn"] == started["execution_arn"]
    payloads: dict[str, Any] = world.executions.started  # type: ignore[attr-defined]
    assert payloads == {
        started["execution_arn"]: {
            "project": PROJECT,
            "run_id": drill_id,
            "package_arn": "arn:old",
            "artifact_uri": f"s3://data/models/{PROJECT}/{OLD}/model.tar.gz",
            "drill": True,
        }
    }
    assert "stateMachine:sluice-release".replace("stateMachine", "execution") in started["execution_arn"]
    assert holder(world) == drill_id
    assert world.ledger.lock(PROJECT) is None, "trainings go on"
    planned = world.call(plan_release, **next(iter(payloads.values())))
    told = {"champion_config": "only1", "champion_variant": "v-r1", "endpoint": ENDPOINT, "variant": f"v-{drill_id}"}
    assert planned.items() >= told.items()
    assert started.items() >= told.items()
    assert planned["weights"] == [{"percent": 10, "champion_weight": 0.9, "variant_weight": 0.1}]


@pytest.mark.parametrize("strategy", ["canary", "blue_green", "shadow", "bandit"])
def test_it_has_the_champions_contract_with_a_bake_of_its_own(strategy: str) -> None:
    steps = {} if strategy in ("shadow", "bandit") else {"steps": [10, 100]}
    world = build(strategy=strategy, bake="50m", max_bake="3d", **({"steps": None} | steps))
    world.ledger.release_lock(PROJECT, NEW)
    registered = world.ledger.contract(PROJECT)
    assert registered is not None
    # an edit after the champion was released is not the champion's
    edited = {**registered[0], "description": "edited since"}
    world.ledger.save_contract(PROJECT, edited, "v2")
    drill_id = world.call(start_drill, PROJECT)["drill_id"]
    contract = world.call(run_contract, PROJECT, drill_id)
    own = Contract.model_validate(registered[0])
    assert contract.release.longest_bake_seconds == 600
    assert plan.timing(contract.release)["slice_seconds"] == 120
    same = {"bake", "max_bake"}
    assert contract.model_dump(exclude={"release"}) == own.model_dump(exclude={"release"})
    assert contract.release.model_dump(exclude=same) == own.release.model_dump(exclude=same)


def asleep(world: World) -> None:
    world.models.delete_endpoint(ENDPOINT)
    champion = world.ledger.champion(PROJECT)
    assert champion is not None
    world.ledger.set_champion(PROJECT, replace(champion, serving="asleep"), OLD)


def beside(world: World) -> None:
    state = world.models.endpoints[ENDPOINT]  # type: ignore[attr-defined]
    other = replace(state.variants[0], name="v-r2", weight=0.0)
    world.models.endpoints[ENDPOINT] = replace(state, variants=(*state.variants, other))  # type: ignore[attr-defined]


def status(name: str) -> Callable[[Any], None]:
    return lambda world: world.models.put_endpoint(ENDPOINT, "only1", name)


@pytest.mark.parametrize(
    ("change", "error", "why"),
    [
        (lambda world: world.ledger.champions.clear(), ReleaseError, "no model that was released"),
        (asleep, ReleaseError, "sleeps: `sluice wake shop` first"),
        (lambda world: world.models.endpoints.clear(), ReleaseError, "does not exist: `sluice wake shop` first"),
        (status("Updating"), ReleaseError, "is Updating"),
        (status("Failed"), ReleaseError, "is Failed"),
        (beside, ReleaseError, r"serves only1 \(v-r1, v-r2\)"),
        (
            lambda world: world.ledger.acquire_lock(PROJECT, NEW, world.clock.now(), of=LOCK),
            ConflictError,
            "by the release of run r2 since 2026-11-22T12:00:00",
        ),
        (
            lambda world: world.ledger.acquire_lock(PROJECT, "endpoint-sleep-1", world.clock.now(), of=LOCK),
            ConflictError,
            "by endpoint-sleep-1 since",
        ),
    ],
)
def test_it_refuses_and_leaves_nothing(change: Callable[[Any], None], error: type[SluiceError], why: str) -> None:
    world = serving()
    change(world)
    before = holder(world)
    with pytest.raises(error, match=why):
        world.call(start_drill, PROJECT)
    assert world.executions.started == {}  # type: ignore[attr-defined]
    assert drills(world) == []
    assert holder(world) == before


def test_an_unknown_project_is_refused() -> None:
    with pytest.raises(UnknownProjectError, match="shpo"):
        serving().call(start_drill, "shpo")


def test_two_drills_are_not_on_at_once() -> None:
    world = serving()
    first = world.call(start_drill, PROJECT)["drill_id"]
    world.clock.advance(1)  # type: ignore[attr-defined]
    with pytest.raises(ConflictError, match=f"by drill {first}"):
        world.call(start_drill, PROJECT)
    assert holder(world) == first


def test_a_release_that_ends_between_look_and_lock_is_seen() -> None:
    world = serving()
    acquire = world.ledger.acquire_lock

    def meanwhile(*args: Any, **more: Any) -> bool:
        world.models.put_endpoint(ENDPOINT, "only1", "Updating")  # type: ignore[attr-defined]
        return acquire(*args, **more)

    world.ledger.acquire_lock = meanwhile  # type: ignore[method-assign]
    with pytest.raises(ReleaseError, match="is Updating"):
        world.call(start_drill, PROJECT)
    assert holder(world) is None


def test_a_machine_that_does_not_start_leaves_the_endpoint_free() -> None:
    world = serving()

    def refuse(*_: Any) -> str:
        raise SluiceError("no machine")

    world.executions.start = refuse  # type: ignore[method-assign]
    with pytest.raises(SluiceError, match="no machine"):
        world.call(start_drill, PROJECT)
    assert holder(world) is None
    (record,) = drills(world)
    assert (record["outcome"], record["finished"]) == ("drill_failed", True)
    assert record["reasons"] == ["it was not started: no machine"]


def test_killed_between_any_two_calls_the_endpoint_is_free_after_hours() -> None:
    for after in range(1, 60):
        world = serving()
        died = True
        with suppress(Crash):
            failing(world, after).call(start_drill, PROJECT)
            died = False
        world.clock.advance(hours=3, seconds=1)  # type: ignore[attr-defined]
        assert world.call(take_endpoint, PROJECT, NEW) is None, after
        if not died:
            return
    pytest.fail("more calls than are tried here")


def test_a_drill_that_is_on_keeps_releases_away_until_it_is_finished() -> None:
    world = serving()
    drill_id = world.call(start_drill, PROJECT)["drill_id"]
    payload: dict[str, Any] = next(iter(world.executions.started.values()))  # type: ignore[attr-defined]
    planned = world.call(plan_release, **payload)
    with pytest.raises(EndpointBusyError, match=drill_id):
        world.call(plan_release, PROJECT, NEW, "arn:new", URI)
    # a rollback does not wait for the bake: it asks the drill to abort
    with pytest.raises(EndpointBusyError, match=drill_id):
        world.call(plan_rollback, PROJECT, "alarm", "rollback-1")
    asked = (world.ledger.run(PROJECT, drill_id) or {})["abort_requested"]
    assert "the champion is rolled back" in asked["reason"]
    world.models.answer = lambda _: Answer(200, b"{}", "v-r1")  # type: ignore[attr-defined]
    verification = world.call(verify_endpoint, PROJECT, drill_id, ENDPOINT, "only1", "v-r1", "rollback")
    world.call(complete_release, PROJECT, drill_id, "rolled_back", "arn:old", URI, planned, verification)
    record = world.ledger.run(PROJECT, drill_id)
    assert record is not None
    assert (record["outcome"], record["status"], record["finished"]) == ("drill_passed", "finished", True)
    assert record["ended_at"]
    assert world.call(take_endpoint, PROJECT, NEW) is None, "whether or not somebody watched"


def test_the_end_of_an_execution_that_failed_is_written_once() -> None:
    world = serving()
    drill_id = world.call(start_drill, PROJECT)["drill_id"]
    payload: dict[str, Any] = next(iter(world.executions.started.values()))  # type: ignore[attr-defined]
    world.call(plan_release, **payload)
    known = endpoint_alarms.canary_names("sluice", PROJECT, drill_id)
    assert len(world.alarms.states(known)) == 2
    world.call(end_drill, PROJECT, drill_id, "its execution is FAILED: E")
    world.call(end_drill, PROJECT, drill_id, "again")
    record = world.ledger.run(PROJECT, drill_id)
    assert record is not None
    assert (record["outcome"], record["reasons"]) == ("drill_failed", ["its execution is FAILED: E"])
    assert holder(world) is None
    assert world.alarms.states(known) == {}


def test_the_end_of_a_drill_that_passed_stays_as_it_was_written() -> None:
    world = serving()
    drill_id = world.call(start_drill, PROJECT)["drill_id"]
    facts = {"outcome": "drill_passed", "release_outcome": "drill_passed", "reasons": ["alarm"], "finished": True}
    world.ledger.update_run(PROJECT, drill_id, facts)
    world.call(end_drill, PROJECT, drill_id, "its execution is SUCCEEDED")
    assert (world.ledger.run(PROJECT, drill_id) or {}).items() >= facts.items()
    assert holder(world) is None


def test_its_inputs_are_those_of_any_run() -> None:
    world = serving()
    drill_id = world.call(start_drill, PROJECT)["drill_id"]
    inputs = json.loads(world.objects.read(keys.run(PROJECT, drill_id, "run.json")))
    assert {"project", "run_id", "trigger", "reason", "contract", "contract_version", "datasets"} <= inputs.keys()
    assert (inputs["run_id"], inputs["champion"]) == (drill_id, OLD)
