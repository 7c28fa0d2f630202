"""The way back of a release brings the champion back as it was: with its machines, asked in its own words."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from proofs.stateful.cloud import PREDICTION, Cloud
from sluice import keys
from sluice.ports import Answer
from sluice.serving.start_drill import start_drill
from testing.fakes import Invocation
from testing.release_world import ENDPOINT, OLD, PROJECT

ASKED: dict[str, Any] = {"bake": "1m", "max_bake": "2m", "min_requests": 5}


def scaled(cloud: Cloud, machines: int) -> None:
    """Somebody gave the champion more machines since its promotion."""
    state = cloud.models.endpoints[ENDPOINT]
    (variant,) = state.variants
    cloud.models.endpoints[ENDPOINT] = replace(state, variants=(replace(variant, instances=machines),))


def served(cloud: Cloud) -> tuple[str, list[tuple[str, float, int]]]:
    state = cloud.models.seen(ENDPOINT)
    assert state is not None
    return state.config, [(each.name, each.weight, each.instances) for each in state.variants]


@pytest.mark.parametrize("strategy", ["canary", "blue_green"])
def test_a_scaled_champion_keeps_its_machines_on_the_way_back(strategy: str) -> None:
    # a swapped fleet is asked at 100 %, after its alarms were quiet
    cloud = Cloud(strategy=strategy, replay=0, **ASKED)
    scaled(cloud, 4)
    run_id = cloud.new_run("good")
    cloud.start_run(run_id)
    while not any("Open Bake" in each.trail for each in cloud.active):
        moved = [each.advance() for each in cloud.active if each.ready()]
        if not moved:
            cloud.wait()
    cloud.health[run_id] = "failing"
    cloud.rest(requests=500)
    assert [each.output for each in cloud.executions.values() if each.machine == "release_model"] == [
        {"outcome": "rolled_back"}
    ]
    assert served(cloud) == ("only1", [(f"v-{OLD}", 1.0, 4)])


def test_a_scaled_champion_keeps_its_machines_through_a_drill() -> None:
    cloud = Cloud(**ASKED)
    scaled(cloud, 4)
    cloud.health["d"] = "good"
    cloud.world.call(start_drill, PROJECT)
    cloud._start_requested()
    cloud.rest()
    (drill,) = cloud.executions.values()
    assert "Restore Champion" in drill.trail
    assert served(cloud) == ("only1", [(f"v-{OLD}", 1.0, 4)])


def test_the_champion_is_asked_in_the_words_of_its_own_contract() -> None:
    cloud = Cloud(replay=0, **ASKED)
    path = keys.run(PROJECT, OLD, "run.json")
    run = json.loads(cloud.world.objects.read(path))
    run["contract"]["data"]["columns"]["pages"] = {"type": "category", "values": ["few", "many"]}
    cloud.world.objects.write(path, json.dumps(run).encode())

    def answer(asked: Invocation) -> Answer:
        good = json.loads(asked.body) == {"pages": "few"}
        return Answer(200, PREDICTION, f"v-{OLD}") if good else Answer(400, b"pages: unknown value", f"v-{OLD}")

    cloud.models.answer = answer
    run_id = cloud.new_run("failing")
    cloud.start_run(run_id)
    cloud.rest(requests=500)
    told = json.loads(cloud.world.objects.read(keys.decision(PROJECT, run_id, "verification-rollback")))
    assert (told["decision"], told["run_id"]) == ("verified", run_id)
    assert [each.status for each in cloud.executions.values() if each.machine == "release_model"] == ["SUCCEEDED"]
