"""What a strategy makes of the plan, the judge's looks at captured answers, and the bandit's shares."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.errors import ReleaseError
from sluice.ports import VariantState
from sluice.steps.choose_weights import choose_weights
from sluice.steps.complete_release import complete_release
from sluice.steps.judge_canary import judge_canary
from sluice.steps.plan_release import plan_release
from sluice.steps.register_model import register_model
from testing.release_world import ENDPOINT, NEW, OLD, PROJECT, URI, build
from tests.unit.steps.captures import lay
from tests.unit.steps.label_files import send_labels

ROWS = [{"id": str(number), "pages": 1} for number in range(200)]


def planned(**release: Any) -> tuple[World, str, dict[str, Any]]:
    world = build(**release)
    arn = world.call(register_model, PROJECT, NEW, URI)["package_arn"]
    return world, arn, world.call(plan_release, PROJECT, NEW, arn, URI)


def record(world: World, name: str) -> dict[str, Any]:
    return json.loads(world.objects.read(keys.decision(PROJECT, NEW, name)))


def test_blue_green_keeps_the_variants_name_and_is_watched_by_its_alarms() -> None:
    world, arn, plan = planned(strategy="blue_green", steps=[25, 50, 75, 100], bake="5m")
    assert (plan["mode"], plan["variant"], plan["canary_config"]) == ("blue_green", "v-r1", None)
    assert plan["routing"] == {
        "Type": "LINEAR",
        "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
        "WaitIntervalInSeconds": 300,
    }
    (variant,) = world.models.configs[plan["only_config"]].variants
    assert (variant.name, variant.model) == ("v-r1", "sluice-shop-r2")
    # of the new fleet alone: the old one has the same variant name
    fleet = {"EndpointName": ENDPOINT, "VariantName": "v-r1", "EndpointConfigName": plan["only_config"]}
    assert [alarm.dimensions for alarm in world.alarms.alarms.values()] == [fleet, fleet]
    assert set(plan["alarms"]) == set(world.alarms.composites["sluice/shop/r2/canary"])
    world.call(complete_release, PROJECT, NEW, "promoted", arn, URI, plan)
    champion = world.ledger.champion(PROJECT)
    assert (champion.run_id, champion.variant, champion.endpoint_config) == (NEW, "v-r1", plan["only_config"])
    assert not world.alarms.composites


def test_after_a_swap_what_the_old_fleet_did_is_not_counted() -> None:
    world, _, plan = planned(strategy="blue_green", max_error_rate=0.05)
    world.models.put_endpoint(ENDPOINT, plan["only_config"])
    for name, value in (("Invocations", 500), ("Invocation5XXErrors", 40)):
        world.metrics.add(ENDPOINT, "v-r1", name, world.clock.now(), value)

    def look() -> dict[str, Any]:
        world.clock.advance(600)
        return world.call(judge_canary, PROJECT, NEW, 0, 100, plan["started_at"], release_plan=plan)

    assert look()["decision"] == "continue"
    world.metrics.add(ENDPOINT, "v-r1", "Invocations", world.clock.now(), 100)
    world.metrics.add_latency(ENDPOINT, "v-r1", world.clock.now(), 5.0)
    assert look()["reasons"] == [
        "too few captured answers: 0 of the canary were read, 59 are needed; decided after 1800 s at the latest"
    ]
    lay(world, "v-r1", [{"pages": 1.0}] * 60)
    assert look()["decision"] == "promote"
    assert record(world, "canary")["looks"][-1]["inputs"]["total"]["requests"] == 100


def test_a_scaled_champion_keeps_its_machines_through_a_release() -> None:
    world = build()
    state = world.models.endpoints[ENDPOINT]
    from dataclasses import replace

    world.models.endpoints[ENDPOINT] = replace(state, variants=(replace(state.variants[0], instances=3),))
    arn = world.call(register_model, PROJECT, NEW, URI)["package_arn"]
    plan = world.call(plan_release, PROJECT, NEW, arn, URI)
    assert [v.instance_count for v in world.models.configs[plan["canary_config"]].variants] == [3, 3]


@pytest.mark.parametrize("how", ["serverless", "autoscaling"])
def test_what_cannot_be_judged_is_refused_with_a_reason(how: str) -> None:
    from dataclasses import replace

    world = build()
    arn = world.call(register_model, PROJECT, NEW, URI)["package_arn"]
    if how == "serverless":
        state = world.models.endpoints[ENDPOINT]
        variant = VariantState("v-r1", 1.0, 1.0, 0, serverless=True)
        world.models.endpoints[ENDPOINT] = replace(state, variants=(variant,))
    else:
        world.models.scaled[ENDPOINT] = {"v-r1"}
    with pytest.raises(ReleaseError, match=f"v-r1 of sluice-shop .*{how}"):
        world.call(plan_release, PROJECT, NEW, arn, URI)


def test_captured_answers_tell_the_judge_of_the_split_and_of_malformed_ones() -> None:
    world, _, plan = planned()
    world.models.put_endpoint(ENDPOINT, plan["canary_config"])
    start = world.clock.now()
    world.clock.advance(300)
    lay(world, "v-r1", ROWS, at=start + timedelta(seconds=5))
    broken = {"predictions": [{"prediction": True, "probability": 7}]}
    lay(world, "v-r2", ROWS[:20], at=start + timedelta(seconds=190), prefix="own", answer=broken)
    for variant, count in (("v-r1", 200), ("v-r2", 20)):
        world.metrics.add(ENDPOINT, variant, "Invocations", world.clock.now(), count)
    answer = world.call(judge_canary, PROJECT, NEW, 0, 10, start.isoformat(), release_plan=plan)
    look = record(world, "canary")["looks"][-1]["inputs"]
    # until the last second that both captures reach
    assert look["split"] == [15, 15 + 200]
    assert (look["step_canary"]["failures"], look["step_control"]["failures"]) == (15, 0)
    assert answer["decision"] == "abort"


def test_a_drill_is_never_promoted() -> None:
    world = build(steps=[100], min_requests=1, max_error_rate=0.5)
    arn, drill = "arn:old", "d1"
    world.ledger.start_run(PROJECT, drill, world.clock.now(), {"trigger": "drill"})
    run = world.objects.read(keys.run(PROJECT, OLD, "run.json"))
    world.objects.write(keys.run(PROJECT, drill, "run.json"), run)
    world.ledger.release_lock(PROJECT, NEW)
    plan = world.call(plan_release, PROJECT, drill, arn, "ignored", drill=True)
    assert (plan["variant"], plan["model"], plan["only_config"]) == ("v-d1", "m1", "only1")
    world.models.put_endpoint(ENDPOINT, plan["canary_config"], weights={"v-r1": 0.9, "v-d1": 0.1})
    world.metrics.add(ENDPOINT, "v-d1", "Invocations", world.clock.now(), 500)
    world.metrics.add_latency(ENDPOINT, "v-d1", world.clock.now(), 5.0)
    world.clock.advance(600)
    answer = world.call(judge_canary, PROJECT, drill, 0, 10, plan["started_at"], release_plan=plan)
    assert answer["decision"] == "abort"
    assert "no alarm has ended it" in answer["reasons"][0]
    world.registry.package = None  # a drill judges no package
    world.call(complete_release, PROJECT, drill, "rolled_back", arn, "ignored", plan, {"decision": "verified"})
    assert world.alerts.kinds[-1] == "Rollback Drill"
    assert world.ledger.champion(PROJECT).run_id == OLD


class TestBandit:
    def start(self, **bandit: Any) -> tuple[World, dict[str, Any]]:
        world, _, plan = planned(strategy="bandit", bandit={"min_labels": 20, **bandit}, max_error_rate=0.05)
        world.models.put_endpoint(ENDPOINT, plan["canary_config"])
        return world, plan

    def asked(self, world: World, plan: dict[str, Any], good: dict[str, int], number: int = 0) -> dict[str, Any]:
        """A step of 100 requests on each variant; `good`: of them labelled with the reward, all the others without."""
        start = world.clock.now()
        world.clock.advance(600)
        lines = ["inference_id,bought"]
        for variant, share in good.items():
            rows = [{"id": f"{variant}-{number}-{i}", "pages": 1} for i in range(100)]
            prefix = f"{variant}-{number}-"
            lay(world, variant, rows, at=start + timedelta(seconds=5), prefix=prefix)
            lines += [f"{prefix}{i},{'true' if i < share else 'false'}" for i in range(100)]
        send_labels(world, f"{number}.csv", "\n".join(lines))
        for variant in good:
            world.metrics.add(ENDPOINT, variant, "Invocations", world.clock.now(), 100)
            world.metrics.add_latency(ENDPOINT, variant, world.clock.now(), 5.0)
        world.call(judge_canary, PROJECT, NEW, number, 50, start.isoformat(), release_plan=plan)
        return world.call(choose_weights, PROJECT, NEW, number, 50, start.isoformat(), plan)

    def test_its_first_share_and_its_steps_are_its_own(self) -> None:
        _, plan = self.start(start=20)
        assert [step["percent"] for step in plan["weights"]] == [20]

    def test_who_earns_more_gets_more_and_is_promoted(self) -> None:
        world, plan = self.start()
        first = self.asked(world, plan, {"v-r1": 10, "v-r2": 15})
        assert first["decision"] == "shift"
        assert first["weights"]["percent"] > 50
        assert first["weights"]["champion_weight"] + first["weights"]["variant_weight"] == pytest.approx(1)
        decision = [self.asked(world, plan, {"v-r1": 10, "v-r2": 45}, number)["decision"] for number in (1, 2)][-1]
        assert decision == "promote"
        steps = record(world, "bandit")["steps"]
        assert [sum(batch[1][1] for batch in step["inputs"]["history"]) for step in steps] == [100, 200, 300]
        assert steps[0]["agent"]["name"] == "thompson sampling"

    def test_who_earns_less_is_taken_back(self) -> None:
        world, plan = self.start()
        answers = [self.asked(world, plan, {"v-r1": 45, "v-r2": 10}, number) for number in (0, 1)]
        assert answers[-1]["decision"] == "abort"
        assert not answers[-1]["inconclusive"]

    def test_a_label_by_key_is_of_the_first_request_with_that_key(self) -> None:
        world, plan = self.start()
        start = world.clock.now()
        world.clock.advance(600)
        rows = [{"id": str(number), "pages": 1} for number in range(60)]
        # sessions of two requests: forty begin on the canary, twenty on the champion
        first, then = start + timedelta(seconds=5), start + timedelta(seconds=200)
        lay(world, "v-r2", rows[:40], at=first, prefix="a")
        lay(world, "v-r1", rows[:40], at=then, prefix="b")
        lay(world, "v-r1", rows[40:], at=first, prefix="c")
        lay(world, "v-r2", rows[40:], at=then, prefix="d")
        send_labels(world, "a.csv", "\n".join(["id,bought", *(f"{n},true" for n in range(60))]))
        world.call(choose_weights, PROJECT, NEW, 0, 50, start.isoformat(), plan)
        assert record(world, "bandit")["steps"][-1]["inputs"]["history"] == [[[20, 20], [40, 40]]]

    @pytest.mark.parametrize("together", [True, False])
    def test_a_request_that_is_labelled_by_id_and_by_key_is_one_trial(self, together: bool) -> None:
        world, plan = self.start()
        start = world.clock.now()
        world.clock.advance(600)
        rows = [{"id": str(number), "pages": 1} for number in range(60)]
        lay(world, "v-r2", rows[:40], at=start + timedelta(seconds=5), prefix="a")
        lay(world, "v-r1", rows[40:], at=start + timedelta(seconds=5), prefix="b")
        by_id = [f"a{n},true" for n in range(40)] + [f"b{n},true" for n in range(20)]
        send_labels(world, "id.csv", "\n".join(["inference_id,bought", *by_id]))
        if not together:
            world.call(choose_weights, PROJECT, NEW, 0, 50, start.isoformat(), plan)
        send_labels(world, "key.csv", "\n".join(["id,bought", *(f"{n},true" for n in range(60))]))
        world.call(choose_weights, PROJECT, NEW, 0, 50, start.isoformat(), plan)
        assert record(world, "bandit")["steps"][-1]["inputs"]["history"] == [[[20, 20], [40, 40]]]

    def test_without_labels_it_ends_inconclusive(self) -> None:
        world, plan = self.start()
        start = world.clock.now()
        world.clock.advance(600)
        assert world.call(choose_weights, PROJECT, NEW, 0, 10, start.isoformat(), plan)["decision"] == "continue"
        world.clock.advance(30 * 600)
        ended = world.call(choose_weights, PROJECT, NEW, 0, 10, start.isoformat(), plan)
        assert (ended["decision"], ended["inconclusive"]) == ("abort", True)

    def test_better_rewards_do_not_promote_what_has_not_shown_that_it_answers(self) -> None:
        world, plan = self.start()
        world.metrics.add(ENDPOINT, "v-r2", "Invocation5XXErrors", world.clock.now(), 30)
        world.metrics.add(ENDPOINT, "v-r1", "Invocation5XXErrors", world.clock.now(), 30)
        answers = [self.asked(world, plan, {"v-r1": 10, "v-r2": 60}, number) for number in (0, 1)]
        assert answers[-1]["decision"] == "abort"
        assert answers[-1]["inconclusive"]
