"""A release that nobody asks anything: what the contract's `no_traffic` says, and what people hear of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.ports import Answer
from sluice.serving.endpoint_lock import take_endpoint
from sluice.serving.held_releases import report_held_release
from sluice.steps.complete_release import complete_release
from sluice.steps.judge_canary import judge_canary
from sluice.steps.replay_requests import replay_requests
from testing.release_world import CONTRACT, ENDPOINT, NEW, PROJECT, URI
from tests.unit.steps.captures import lay
from tests.unit.steps.test_replay_requests import planned, record

BAKE = 600


def quiet(rows: int = 100, **release: Any) -> tuple[World, dict[str, Any]]:
    world, plan = planned(rows=[], **release)
    lines = "".join(json.dumps({"id": str(number), "pages": number % 9}) + "\n" for number in range(rows))
    world.objects.write(keys.run(PROJECT, NEW, "evaluation", "held_out.jsonl"), lines.encode())
    return world, plan


def looked(world: World, plan: dict[str, Any], after: float, step: int = 0) -> dict[str, Any]:
    began = world.clock.now()
    world.clock.advance(after)
    percent = plan["weights"][step]["percent"]
    return world.call(judge_canary, PROJECT, NEW, step, percent, began.isoformat(), release_plan=plan)


@pytest.mark.parametrize("captures", [100, 0])
def test_promote_asks_held_out_rows_of_both_and_goes_on(captures: int) -> None:
    world, plan = quiet(no_traffic="promote", capture_percent=captures)
    assert plan["replay"]
    assert world.call(replay_requests, PROJECT, NEW, plan)["decision"] == "pass"
    assert {call.variant for call in world.models.invocations} == {"v-r1", "v-r2"}
    assert all(call.inference_id.startswith("replay-") for call in world.models.invocations)
    assert record(world)["source"] == "held_out"
    # the champion's metrics of the replay come late: they are nobody's traffic
    world.metrics.add(ENDPOINT, "v-r1", "Invocations", world.clock.now(), 100)
    world.metrics.add(ENDPOINT, "v-r2", "Invocations", world.clock.now(), 100)
    assert looked(world, plan, BAKE / 2)["decision"] == "continue"
    assert looked(world, plan, BAKE)["decision"] == "advance"
    answer = looked(world, plan, BAKE, step=1)
    assert answer["decision"] == "promote"
    for text in ("no live request", "100 held-out rows", "0 failed", "2.95%"):
        assert text in answer["reasons"][0]
    assert world.ledger.run(PROJECT, NEW)["canary"]["no_traffic"] == "promote"
    world.models.put_endpoint(ENDPOINT, plan["only_config"])
    world.call(complete_release, PROJECT, NEW, "promoted", plan["package_arn"], URI, plan)
    promoted = next(alert for alert in world.alerts.published if alert.kind == "Model Promoted")
    assert "100 held-out rows" in promoted.message


def test_promote_without_enough_rows_or_with_a_failure_is_inconclusive() -> None:
    world, plan = quiet(rows=20, no_traffic="promote")
    world.call(replay_requests, PROJECT, NEW, plan)
    assert looked(world, plan, BAKE)["decision"] == "continue"
    ended = looked(world, plan, 3 * BAKE)
    assert (ended["decision"], ended["inconclusive"]) == ("abort", True)
    assert "30 of them without a failure" in " ".join(ended["reasons"])

    world, plan = quiet(rows=50, no_traffic="promote")
    good, calls = world.models.answer, []

    def one_fails(call: Any) -> Answer:
        calls.append(call)
        return Answer(500, b"", "v-r2") if call.variant == "v-r2" and len(calls) > 90 else good(call)

    world.models.answer = one_fails
    assert world.call(replay_requests, PROJECT, NEW, plan)["decision"] in ("pass", "abort")
    assert looked(world, plan, 3 * BAKE)["decision"] == "abort"


def test_a_bad_model_is_aborted_by_held_out_rows() -> None:
    world, plan = quiet(no_traffic="promote")
    good = world.models.answer
    world.models.answer = lambda call: Answer(500, b"", "v-r2") if call.variant == "v-r2" else good(call)
    assert world.call(replay_requests, PROJECT, NEW, plan)["decision"] == "abort"


def test_with_traffic_promote_is_the_ordinary_release() -> None:
    world, plan = quiet(no_traffic="promote")
    lay(world, "v-r1", [{"id": str(number), "pages": 1} for number in range(40)])
    world.call(replay_requests, PROJECT, NEW, plan)
    assert record(world)["source"] == "captured"
    world.clock.advance(60)
    world.metrics.add(ENDPOINT, "v-r1", "Invocations", world.clock.now(), 45)
    answer = looked(world, plan, BAKE)
    assert answer["decision"] == "continue"
    assert "too few requests" in answer["reasons"][0]


def test_roll_back_is_the_default_and_names_the_other_ways() -> None:
    world, plan = quiet()
    world.call(replay_requests, PROJECT, NEW, plan)
    assert not world.models.invocations
    assert looked(world, plan, BAKE)["decision"] == "continue"
    ended = looked(world, plan, 3 * BAKE)
    assert (ended["decision"], ended["inconclusive"]) == ("abort", True)
    told = " ".join(ended["reasons"])
    for text in ("no live request", "`roll_back`", "`promote`", "`hold`"):
        assert text in told


def test_hold_waits_for_traffic_is_said_once_and_goes_on_with_it() -> None:
    world, plan = quiet(no_traffic="hold")
    world.call(take_endpoint, PROJECT, NEW)
    world.call(replay_requests, PROJECT, NEW, plan)
    assert looked(world, plan, 5 * BAKE)["decision"] == "continue"
    for _ in "ab":
        world.call(report_held_release, PROJECT)
    waits = [alert for alert in world.alerts.published if alert.kind == "Release Waits"]
    assert len(waits) == 1
    assert "waits for traffic" in waits[0].message
    world.metrics.add(ENDPOINT, "v-r1", "Invocations", world.clock.now(), 450)
    world.metrics.add(ENDPOINT, "v-r2", "Invocations", world.clock.now(), 50)
    answer = looked(world, plan, BAKE)
    assert answer["decision"] == "continue"
    assert "captured answers" in answer["reasons"][0]


def test_hold_ends_before_its_execution_does() -> None:
    world, plan = quiet(no_traffic="hold")
    release = Contract.model_validate(CONTRACT).release
    assert release.longest_hold_seconds > 24 * 3600
    assert looked(world, plan, release.longest_hold_seconds - 1)["decision"] == "continue"
    assert looked(world, plan, release.longest_hold_seconds)["decision"] == "abort"


@pytest.mark.parametrize(
    ("policy", "decisions"),
    [
        ("roll_back", ["wait", "wait", "abort"]),
        ("hold", ["wait", "wait", "wait"]),
        ("promote", ["wait", "pass", "pass"]),
    ],
)
def test_a_shadow_without_traffic(policy: str, decisions: list[str]) -> None:
    world, plan = quiet(no_traffic=policy, strategy="shadow")
    assert [world.call(replay_requests, PROJECT, NEW, plan, looks)["decision"] for looks in (0, 5, 15)] == decisions


def test_a_strategy_that_cannot_replay_refuses_promote() -> None:
    for release, told in (
        ({"strategy": "blue_green"}, "blue_green"),
        ({"strategy": "bandit"}, "bandit"),
        ({"replay": 0}, "replay"),
    ):
        with pytest.raises(ValueError, match=told):
            Contract.model_validate({**CONTRACT, "release": {"no_traffic": "promote", **release}})


def test_what_was_asked_before_the_replay_is_nobody_s_traffic_after_it_however_late_it_is_told() -> None:
    world, plan = quiet(no_traffic="promote")
    world.metrics.add(ENDPOINT, "v-r1", "Invocations", world.clock.now(), 4)
    assert world.call(replay_requests, PROJECT, NEW, plan)["decision"] == "pass"
    assert record(world)["origin"]["control"]["requests"] == 104
    # the metrics of the replay's own requests arrive after its end
    world.metrics.add(ENDPOINT, "v-r1", "Invocations", world.clock.now(), 100)
    world.metrics.add(ENDPOINT, "v-r2", "Invocations", world.clock.now(), 100)
    assert looked(world, plan, 1)["decision"] == "continue"
    assert record(world, "canary")["looks"][-1]["inputs"]["live"] == 0
    # and so is a request from just before it
    world.metrics.add(ENDPOINT, "v-r1", "Invocations", world.clock.now(), 1)
    assert looked(world, plan, BAKE)["decision"] == "advance"


def test_a_request_after_the_replay_is_traffic() -> None:
    world, plan = quiet(no_traffic="promote")
    world.call(replay_requests, PROJECT, NEW, plan)
    world.clock.advance(BAKE / 2)
    world.metrics.add(ENDPOINT, "v-r1", "Invocations", world.clock.now(), 101)
    assert looked(world, plan, BAKE)["decision"] == "continue"
    assert record(world, "canary")["looks"][-1]["inputs"]["live"] == 101
