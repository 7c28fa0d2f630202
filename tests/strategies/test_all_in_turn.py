"""A contract that changes its strategy with each release: names of variants and ways back must fit together."""

from __future__ import annotations

from tests.strategies.conftest import Shops
from tests.strategies.customers import Rewards


def test_each_strategy_goes_on_from_what_another_left(shops: Shops) -> None:
    shop = shops("in-turn", strategy="blue_green", steps=[100], bake="40s")
    first = shop.first()
    with shop.customers as customers:
        swapped = shop.release()
        assert swapped.outcome == "promoted", swapped
        shop.settled_on(swapped)
        assert list(shop.weights()) == [first.variant]

        shop.asks_for(strategy="canary", steps=[50, 100], bake="40s")
        stepped = shop.release()
        assert stepped.outcome == "promoted", stepped
        shop.settled_on(stepped)
        assert list(shop.weights()) == [stepped.variant]

        shop.asks_for(strategy="shadow", steps=[100], bake="40s", replay=200)
        copied = shop.release()
        assert copied.outcome == "promoted", copied
        shop.settled_on(copied)

        shop.asks_for(strategy="blue_green", steps=[50, 100], bake="40s")
        swapped_again = shop.release()
        assert swapped_again.outcome == "promoted", swapped_again
        shop.settled_on(swapped_again)
        assert list(shop.weights()) == [copied.variant]

        # a swapped fleet has its predecessor's variant name; only the configuration tells the way back
        shop.line.ring(shop.name, "champion-errors")
        shop.rolled_back(copied)
        shop.settled_on(copied, swapped_again)
    assert set(customers.outcomes()) == {"answered"}
    served = {first.run_id, swapped.run_id, stepped.run_id, copied.run_id, swapped_again.run_id}
    assert customers.models() == served
    assert customers.answers()[-1].model == copied.run_id


def test_a_bandit_goes_on_from_a_swapped_fleet(shops: Shops) -> None:
    shop = shops("in-turn-bandit", strategy="blue_green", steps=[100], bake="40s")
    shop.first()
    with shop.customers as customers:
        swapped = shop.release()
        assert swapped.outcome == "promoted", swapped
        bandit = {"start": 30, "explore": 0.1, "min_labels": 20}
        shop.asks_for(strategy="bandit", steps=[100], bake="40s", max_bake="30m", bandit=bandit)
        begun = shop.begin()
        rewards = Rewards({swapped.run_id: 0.1, begun.run_id: 0.8})
        number = 0
        while not shop.over(begun):
            number += 1
            if body := rewards.of(customers.answers(since=begun.began)):
                shop.line.drop(shop.name, f"labels-{number:03d}.csv", body, area="labels")
            shop.pause()
        better = shop.end(begun)
    assert better.outcome == "promoted", better
    shop.settled_on(better)
    assert set(customers.outcomes()) == {"answered"}
    last = shop.decision(better, "bandit")["steps"][-1]
    assert last["rewards"]["control"]["trials"] <= len(customers.answers(swapped.run_id, since=begun.began))
