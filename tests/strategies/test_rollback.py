"""Rollbacks when everything around them goes wrong: lost answers, throttling, changes under way, the next release."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from localcloud.faults import Fault, lay
from testing.line import wait_for
from tests.strategies.conftest import Shops
from tests.strategies.test_canary import serving

WEIGHTS = "UpdateEndpointWeightsAndCapacities"


def test_weights_whose_answers_are_lost_are_set_all_the_same(shops: Shops) -> None:
    shop = shops("rollback-lost", bake="10m", replay=0)
    state = shop.line.stack.state
    champion = shop.first()
    with shop.customers as customers:
        lay(state, WEIGHTS, Fault("lose", 3, shop.endpoint))
        begun = shop.begin()
        serving(shop, begun)
        assert shop.weights() == {champion.variant: 0.8, begun.variant: 0.2}
        lay(state, WEIGHTS, Fault("lose", 6, shop.endpoint))
        lay(state, "UpdateEndpoint", Fault("lose", 3, shop.endpoint))
        shop.ring(begun)
        bad = shop.end(begun)
        left = [name for name in (WEIGHTS, "UpdateEndpoint") if (state / "faults" / name).exists()]
        lay(state, WEIGHTS)
        lay(state, "UpdateEndpoint")
    assert "UpdateEndpoint" not in left, "the faults were met"
    assert bad.outcome == "rolled_back", bad
    assert bad.run["rollback_verified"] is True
    shop.settled_on(champion, bad)
    assert set(customers.outcomes()) == {"answered"}
    assert "verified by a live request" in shop.hear("Model Rolled Back", bad.run_id)


def test_an_endpoint_that_cannot_be_described_for_a_while_is_rolled_back(shops: Shops) -> None:
    shop = shops("rollback-throttled", bake="10m", replay=0)
    state = shop.line.stack.state
    champion = shop.first()
    with shop.customers as customers:
        begun = shop.begin()
        serving(shop, begun)
        shop.until(begun, "Bake")
        lay(state, "DescribeEndpoint", Fault("throttle", 15, shop.endpoint))
        rung = shop.ring(begun)
        bad = shop.end(begun)
        met = not (state / "faults" / "DescribeEndpoint").exists()
        lay(state, "DescribeEndpoint")
    assert met, "the faults were met"
    assert bad.outcome == "rolled_back", bad
    took = max(each.sent for each in customers.answers(bad.run_id)) - rung
    assert took <= 5, f"the canary answered customers for {took:.1f} s after the alarm: weights need no description"
    assert bad.run["rollback_verified"] is True
    shop.settled_on(champion, bad)
    assert set(customers.outcomes()) == {"answered"}


def test_an_alarm_while_the_endpoint_is_updating_is_heard(shops: Shops) -> None:
    shop = shops("rollback-updating", bake="10m", replay=0)
    champion = shop.first()
    with shop.customers as customers:
        begun = shop.begin()
        wait_for(lambda: shop.described()["EndpointStatus"] == "Updating", "the endpoint to be updating")
        shop.ring(begun)
        bad = shop.end(begun)
    assert bad.outcome == "rolled_back", bad
    shop.settled_on(champion, bad)
    assert "alarm canary" in shop.hear("Model Rolled Back", bad.run_id)
    assert customers.models() == {champion.run_id}, "it was known to be bad before it had a weight"
    assert set(customers.outcomes()) == {"answered"}


def test_a_bad_champion_does_not_come_back_with_the_next_release(shops: Shops) -> None:
    shop = shops("rollback-probation", replay=0)
    good = shop.first()
    with shop.customers as customers:
        bad = shop.release()
        assert bad.outcome == "promoted", bad
        shop.asks_for(bake="10m", replay=0)
        begun = shop.begin()
        serving(shop, begun)
        shop.line.ring(shop.name, "champion-errors")
        following = shop.end(begun)
        shop.rolled_back(good)
    assert following.outcome == "rolled_back", following
    shop.settled_on(good, bad, following)
    assert "the champion is rolled back" in shop.hear("Model Rolled Back", following.run_id)
    told = shop.hear("Model Rolled Back", f"{bad.run_id} was rolled back, {good.run_id} serves again")
    assert "champion-errors" in told
    assert shop.told("Rollback Not Verified") == []
    assert set(customers.outcomes()) == {"answered"}
    assert customers.answers()[-1].model == good.run_id


def test_two_alarms_of_one_champion_do_not_roll_its_predecessor_back(shops: Shops) -> None:
    shop = shops("rollback-twice", replay=0)
    oldest = shop.first()
    with shop.customers as customers:
        before = shop.release()
        bad = shop.release()
        assert (before.outcome, bad.outcome) == ("promoted", "promoted")
        now = shop.world.clock.now()
        with ThreadPoolExecutor(3) as pool:
            times = [now, now, now + timedelta(seconds=1)]
            both = [pool.submit(shop.deliver, "champion-errors", at) for at in times]
            decisions = [each.result() for each in both]
        shop.rolled_back(before)
        running = shop.line.stack.outputs["RollBackArn"]
        states = shop.line.aws("stepfunctions")
        wait_for(
            lambda: (
                not [
                    each
                    for each in states.list_executions(stateMachineArn=running, statusFilter="RUNNING")["executions"]
                    if shop.name in each["name"]
                ]
            ),
            "the rollbacks to end",
        )
    # on a busy machine the last alarm may come when the rollback is over, and its champion serves no more
    assert "roll_back" in decisions
    assert set(decisions) <= {"roll_back", "duplicate", "hold"}
    shop.settled_on(before, bad)
    assert len(shop.told("Model Rolled Back")) == 1
    assert shop.told("Rollback Impossible") == []
    assert set(customers.outcomes()) == {"answered"}
    assert customers.answers()[-1].model == before.run_id != oldest.run_id
