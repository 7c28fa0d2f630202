"""What cannot be released, or cannot be released now, is refused with a reason; and endpoints that come and go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice import names
from testing.line import wait_for
from tests.strategies.conftest import Shops
from tests.strategies.shop import Ended, Shop


def refused(shop: Shop, ended: Ended, champion: Ended) -> str:
    """What people read about a release that was refused; the champion serves as before."""
    assert ended.outcome == "failed", ended
    assert "ReleaseError" in ended.error
    assert shop.pointer().run_id == champion.run_id
    told = shop.hear("Run Failed", ended.run_id)
    assert "ReleaseError" in shop.why(ended)
    return told


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("autoscaling", {"min": 1, "max": 4}, "Set `instances` for the peak"),
        ("serverless", True, "no weights to shift"),
    ],
)
def test_a_contract_with_what_cannot_be_judged_is_refused(shops: Shops, key: str, value: Any, why: str) -> None:
    shop = shops(f"refused-{key}")
    kept = shop.world.ledger.contract(shop.name)
    content = {**shop.contract, "release": {**shop.contract["release"], key: value}}
    shop.line.put_contract(shop.name, json.dumps(content))
    told = shop.hear("Contract Refused")
    assert f"`{key}` is not supported" in told
    assert why in told
    assert shop.world.ledger.contract(shop.name) == kept, "the contract of before is still the contract"


def test_an_endpoint_with_a_scalable_target_is_refused_until_it_has_none(shops: Shops) -> None:
    shop = shops("refused-scaled", replay=0)
    champion = shop.first()
    scaling = shop.line.stack.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{shop.endpoint}/variant/{champion.variant}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)
    ended = shop.release()
    told = refused(shop, ended, champion)
    assert f"{champion.variant} of {shop.endpoint} has an autoscaling policy" in told
    assert "Deregister its scalable target" in told
    shop.settled_on(champion)
    scaling.deregister_scalable_target(**target)
    with shop.customers:
        again = shop.release()
    assert again.outcome == "promoted", again
    shop.settled_on(again)


def test_an_endpoint_that_was_changed_by_hand_is_refused_until_it_is_back(shops: Shops) -> None:
    shop = shops("refused-hand", replay=0)
    champion = shop.first()
    own = shop.described()["EndpointConfigName"]
    by_hand(shop, champion)
    ended = shop.release()
    told = refused(shop, ended, champion)
    assert f"serves {shop.name}-by-hand, which lacks the champion's variant {champion.variant}" in told
    assert shop.weights() == {"by-hand": 1.0}, "what somebody did on purpose is not undone without being asked"
    assert "ACT NOW" in told, "the champion does not serve, and nobody watches what does"
    shop.line.aws("sagemaker").update_endpoint(EndpointName=shop.endpoint, EndpointConfigName=own)
    wait_for(lambda: shop.described()["EndpointStatus"] == "InService", "the endpoint to be back")
    shop.settled_on(champion)
    with shop.customers:
        again = shop.release()
    assert again.outcome == "promoted", again
    shop.settled_on(again)


def test_an_endpoint_that_is_changed_by_hand_during_a_bake_is_brought_back(shops: Shops) -> None:
    shop = shops("hand-in-bake", replay=0, bake="3m")
    champion = shop.first()
    with shop.customers:
        begun = shop.begin()
        shop.until(begun, "Bake")
        wait_for(lambda: shop.customers.answers(begun.run_id), "the canary to answer")
        by_hand(shop, champion)
        ended = shop.end(begun)
    assert ended.outcome == "rolled_back", ended
    shop.settled_on(champion, ended)
    assert f"{champion.run_id} serves again" in shop.hear("Model Rolled Back", ended.run_id)


def by_hand(shop: Shop, champion: Ended) -> None:
    """Somebody puts a configuration of their own on the endpoint."""
    sagemaker = shop.line.aws("sagemaker")
    model = names.model(shop.line.stack.stack, shop.name, champion.run_id)
    variant = {"VariantName": "by-hand", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    name = f"{shop.name}-by-hand"
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.update_endpoint(EndpointName=shop.endpoint, EndpointConfigName=name)
    wait_for(lambda: list(shop.weights()) == ["by-hand"], "somebody's configuration to serve")
    wait_for(lambda: shop.described()["EndpointStatus"] == "InService", "the endpoint to be in service")


@pytest.mark.parametrize("strategy", ["canary", "blue_green", "shadow", "bandit"])
def test_a_first_model_is_put_behind_an_endpoint_of_its_own(shops: Shops, strategy: str) -> None:
    steps = [100] if strategy in ("shadow", "bandit") else [20, 100]
    shop = shops(f"first-{strategy.replace('_', '-')}", strategy=strategy, steps=steps)
    only = shop.first()
    shop.settled_on(only)
    assert shop.pointer().previous is None
    assert "nothing (there was no model before)" in shop.hear("Model Promoted", only.run_id)
    assert {"Create Endpoint", "Verify Promotion"} <= set(only.states)
    assert not {"Attach Canary", "Swap Fleet", "Bake", "Replay Requests"} & set(only.states)


def test_a_first_model_that_fails_is_told_of(shops: Shops) -> None:
    shop = shops("first-bad")
    bad = shop.release(kind="failing")
    assert bad.outcome == "failed", bad
    assert shop.world.ledger.champion(shop.name) is None
    assert shop.line.package_status({"package_arn": bad.package_arn}) == "Rejected"
    assert "ACT NOW" in shop.hear("Rollback Not Verified", bad.run_id)
    good = shop.release()
    assert good.outcome == "promoted", good
    assert "Replace Configuration" in good.states, "there is an endpoint, and no champion to compare with"
    shop.settled_on(good, bad)


def test_a_release_wakes_an_endpoint_that_sleeps(shops: Shops) -> None:
    shop = shops("asleep", replay=0, idle_after="30s", probation="1s")
    sleeper = shop.first()
    wait_for(lambda: shop.monitor()["endpoint"]["decision"] == "asleep", "the endpoint to be put to sleep")
    wait_for(lambda: shop.line.endpoint(shop.name) is None, "the endpoint to be gone")
    assert shop.pointer().serving == "asleep"
    shop.hear("Endpoint Asleep", sleeper.run_id)
    new = shop.release()
    assert new.outcome == "promoted", new
    assert "Create Endpoint" in new.states
    shop.settled_on(new)
    assert shop.pointer().serving == "awake"
    assert (shop.pointer().previous or {})["run_id"] == sleeper.run_id
