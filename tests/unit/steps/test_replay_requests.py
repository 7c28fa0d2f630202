"""Replay: which requests, to whom, what of their answers, and what the live steps make of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.ports import Answer
from sluice.serving.abort_requests import request_abort
from sluice.steps.judge_canary import judge_canary
from sluice.steps.monitor_model import monitor_model
from sluice.steps.plan_release import plan_release
from sluice.steps.register_model import register_model
from sluice.steps.replay_requests import replay_requests
from testing.release_world import ENDPOINT, NEW, PROJECT, URI, build, evaluated, evaluation
from tests.unit.steps.captures import lay

ROWS = [{"id": str(number), "pages": number % 9} for number in range(60)]


def planned(rows: list[dict[str, Any]] = ROWS, **release: Any) -> tuple[World, dict[str, Any]]:
    world = build(max_error_rate=0.05, **release)
    arn = world.call(register_model, PROJECT, NEW, URI)["package_arn"]
    plan = world.call(plan_release, PROJECT, NEW, arn, URI)
    if plan["canary_config"]:
        world.models.put_endpoint(ENDPOINT, plan["canary_config"])
    lay(world, "v-r1", rows)
    return world, plan


def canary_says(world: World, answer: Answer) -> None:
    good = world.models.answer
    world.models.answer = lambda call: answer if call.variant == "v-r2" else good(call)


def record(world: World, name: str = "replay") -> dict[str, Any]:
    return json.loads(world.objects.read(keys.decision(PROJECT, NEW, name)))


def test_each_request_goes_to_both_and_is_marked_as_nobodys_traffic() -> None:
    world, plan = planned()
    assert world.call(replay_requests, PROJECT, NEW, plan)["decision"] == "pass"
    calls = world.models.invocations
    assert {call.variant for call in calls} == {"v-r1", "v-r2"}
    assert len(calls) == 2 * len(ROWS)
    assert all(call.inference_id.startswith("replay-r2-") for call in calls)
    assert record(world)["replayed"]["requests"] == len(ROWS)
    world.clock.advance(120)
    lay(world, "v-r1", ROWS, prefix="replay-r2-")
    lay(world, "v-r1", ROWS[:7], prefix="real")
    assert world.call(monitor_model, PROJECT)["rows"] == 7


def test_the_newest_requests_are_replayed_and_each_once_however_often_it_is_called() -> None:
    world, plan = planned(replay=20)
    for _ in range(2):
        world.call(replay_requests, PROJECT, NEW, plan)
    asked = [json.loads(call.body)["id"] for call in world.models.invocations if call.variant == "v-r2"]
    assert sorted(asked, key=int) == [str(number) for number in range(40, 60)]


def test_a_client_that_repeats_itself_is_one_request() -> None:
    world, plan = planned(rows=[])
    lay(world, "v-r1", ROWS[:25], client="one")
    assert world.call(replay_requests, PROJECT, NEW, plan)["replayed"] == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "malformed"),
        (b'{"predictions": []}', "malformed"),
        (b'{"predictions": [{"prediction": true, "probability": 1.5}]}', "malformed"),
        (b'{"predictions": [{"prediction": true, "probability": NaN}]}', "malformed"),
        (b'{"predictions": [{"prediction": true}]}', "malformed"),
    ],
)
def test_answers_that_break_the_contract_abort(body: bytes, words: str) -> None:
    world, plan = planned()
    canary_says(world, Answer(200, body, "v-r2"))
    answer = world.call(replay_requests, PROJECT, NEW, plan)
    assert answer["decision"] == "abort"
    assert any(words in reason for reason in answer["reasons"])
    # at the first batch that shows it, not after all of them
    assert answer["replayed"] < len(ROWS)


def test_scores_that_evaluation_did_not_see_abort() -> None:
    scores = {
        "edges": [0.3, 0.7],
        "candidate": [30, 40, 30],
        "champion": [31, 40, 29],
        "discordant": [[9, 10]] * 3,
        "apart": 0,
    }
    world, plan = planned()
    evaluated(world, NEW, evaluation(scores=scores))
    canary_says(world, Answer(200, b'{"predictions": [{"prediction": true, "probability": 0.99}]}', "v-r2"))
    answer = world.call(replay_requests, PROJECT, NEW, plan)
    assert answer["decision"] == "abort"
    assert "scores of replayed requests" in answer["reasons"][0]


def test_the_live_steps_do_not_count_what_was_replayed() -> None:
    world, plan = planned(steps=[10, 100])
    world.call(replay_requests, PROJECT, NEW, plan)
    now = world.clock.now()
    world.metrics.add(ENDPOINT, "v-r2", "Invocations", now, 60 + 5)
    world.metrics.add(ENDPOINT, "v-r1", "Invocations", now, 60 + 45)
    world.clock.advance(600)
    world.call(judge_canary, PROJECT, NEW, 0, 10, plan["started_at"], release_plan=plan)
    look = record(world, "canary")["looks"][-1]["inputs"]
    assert look["total"]["requests"] == 5
    assert look["replayed"]["requests"] == 60


def test_replayed_and_live_requests_together_make_the_planned_sample() -> None:
    world, plan = planned(steps=[100], min_requests=10)
    world.call(replay_requests, PROJECT, NEW, plan)
    world.clock.advance(600)

    def look() -> dict[str, Any]:
        return world.call(judge_canary, PROJECT, NEW, 0, 100, plan["started_at"], release_plan=plan)

    world.metrics.add(ENDPOINT, "v-r2", "Invocations", world.clock.now(), 60 + 5)
    world.metrics.add_latency(ENDPOINT, "v-r2", world.clock.now(), 5.0)
    assert "too few live requests: 5" in look()["reasons"][0]
    world.metrics.add(ENDPOINT, "v-r2", "Invocations", world.clock.now(), 5)
    assert look()["decision"] == "promote"


def test_a_shadow_waits_for_the_planned_sample_and_ends_inconclusive_without() -> None:
    world, plan = planned(strategy="shadow")
    assert plan["replay"]
    assert world.call(replay_requests, PROJECT, NEW, plan, looks=0)["decision"] == "wait"
    assert world.call(replay_requests, PROJECT, NEW, plan, looks=5)["decision"] == "pass"
    poor, plan = planned(rows=ROWS[:20], strategy="shadow")
    assert poor.call(replay_requests, PROJECT, NEW, plan, looks=5)["decision"] == "wait"
    ended = poor.call(replay_requests, PROJECT, NEW, plan, looks=15)
    assert (ended["decision"], ended["inconclusive"]) == ("abort", True)


def test_a_shadow_is_asked_what_arrives_while_it_lasts() -> None:
    world, plan = planned(rows=ROWS[:20], strategy="shadow")
    world.call(replay_requests, PROJECT, NEW, plan)
    world.clock.advance(120)
    lay(world, "v-r1", ROWS[20:], at=world.clock.now() - timedelta(seconds=60), prefix="later")
    assert world.call(replay_requests, PROJECT, NEW, plan, looks=1)["replayed"] == len(ROWS)


def test_without_captured_requests_the_live_ones_must_show_it() -> None:
    world, plan = planned(rows=[])
    assert world.call(replay_requests, PROJECT, NEW, plan) == {
        "decision": "pass",
        "result": "skipped: too few",
        "reasons": ["0 captured requests could be replayed, 59 are needed"],
        "inconclusive": False,
        "replayed": 0,
    }
    assert record(world)["result"] == "skipped: too few"
    run = world.ledger.run(PROJECT, NEW)
    assert run is not None
    assert run["replay"]["result"] == "skipped: too few"


def test_a_replay_with_the_planned_sample_is_shown_as_passed() -> None:
    world, plan = planned()
    assert world.call(replay_requests, PROJECT, NEW, plan)["result"] == "pass"
    assert record(world)["result"] == "pass"


def test_an_abort_that_is_requested_meanwhile_ends_it() -> None:
    world, plan = planned()
    world.call(request_abort, PROJECT, NEW, "the champion is rolled back")
    answer = world.call(replay_requests, PROJECT, NEW, plan)
    assert answer["decision"] == "abort"
    assert answer["reasons"] == ["abort was requested: the champion is rolled back"]
