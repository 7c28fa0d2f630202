"""SageMaker swaps the fleet: forth when the model is good, back without a word when an alarm rings."""

from __future__ import annotations

import pytest

from tests.strategies.conftest import Shops


@pytest.mark.parametrize(("steps", "kind"), [([10, 100], "CANARY"), ([25, 50, 75, 100], "LINEAR")])
def test_a_good_model_is_swapped_in_under_its_predecessors_name(shops: Shops, steps: list[int], kind: str) -> None:
    shop = shops(f"swap-{kind.lower()}", strategy="blue_green", steps=steps)
    old = shop.first()
    with shop.customers as customers:
        new = shop.release()
        shop.hear("Model Promoted", new.run_id)
    assert new.outcome == "promoted", new
    shop.settled_on(new)
    assert list(shop.weights()) == [old.variant], "SageMaker swaps the fleet of a variant, whose name stays"
    assert shop.pointer().previous == {**(shop.pointer().previous or {}), "run_id": old.run_id}
    assert new.states.count("Swap Fleet") == 1
    assert not {"Attach Canary", "Shift Traffic", "Promote Model"} & set(new.states)
    assert set(customers.outcomes()) == {"answered"}
    assert customers.models() == {old.run_id, new.run_id}
    asked = [each.model for each in customers.answers()]
    mixed = asked[asked.index(new.run_id) : len(asked) - asked[::-1].index(old.run_id)]
    assert mixed.count(new.run_id) >= 3, "the new fleet had a share before it had all"
    assert mixed.count(old.run_id) > mixed.count(new.run_id) or kind == "LINEAR"
    record = shop.decision(new, "canary")
    assert record["decision"] == "promote"
    assert [step["percent"] for step in record["steps"].values()] == [100], "it is judged when it serves alone"
    judged = record["looks"][-1]["inputs"]["total"]["requests"]
    assert judged <= len(customers.answers(new.run_id)), "what the old fleet answered says nothing about the new one"
    assert "promote" in shop.why(new)


def test_sagemaker_goes_back_silently_and_people_hear_of_it(shops: Shops) -> None:
    # several minutes at 10 %: an alarm looks at whole minutes
    shop = shops("swap-bad", strategy="blue_green", steps=[10, 100], bake="5m")
    champion = shop.first()
    with shop.customers as customers:
        bad = shop.release(kind="failing")
        told = shop.hear("Model Rolled Back", bad.run_id)
    assert bad.outcome == "rolled_back", bad
    shop.settled_on(champion, bad)
    # whichever of the two is first: SageMaker that goes back, or the alarm that ends the wait for it
    assert "FleetNotSwapped" in told or "abort was requested: alarm canary" in told
    assert "stackTrace" not in told
    assert f"{champion.run_id} serves again, verified by a live request" in told
    assert "Restore Champion" not in bad.states, "the champion's fleet was never taken away"
    assert bad.run["rollback_verified"] is True
    outcomes = customers.outcomes()
    assert 0 < outcomes["failed"] < outcomes["answered"] / 4
    assert set(outcomes) == {"answered", "failed"}
    assert customers.models() == {champion.run_id}
    assert "verified by a live request" in shop.why(bad)


def test_a_fleet_that_fails_after_its_swap_is_swapped_back(shops: Shops) -> None:
    shop = shops("swap-late", strategy="blue_green", steps=[50, 100], bake="40s", max_error_rate=0.005)
    champion = shop.first()
    with shop.customers as customers:
        bad = shop.release(kind="failing", after=150)
        told = shop.hear("Model Rolled Back", bad.run_id)
    assert bad.outcome == "rolled_back", bad
    shop.settled_on(champion, bad)
    assert {"Bake", "Restore Champion", "Verify Rollback"} <= set(bad.states)
    assert f"{champion.run_id} serves again" in told
    assert set(customers.outcomes()) == {"answered", "failed"}
    assert customers.answers()[-1].model == champion.run_id


def test_a_bad_fleet_does_not_cost_the_champion_its_place(shops: Shops) -> None:
    shop = shops("swap-probation", strategy="blue_green", steps=[50, 100], bake="40s")
    before = shop.first()
    with shop.customers as customers:
        champion = shop.release()
        assert champion.outcome == "promoted", champion
        bad = shop.release(kind="failing")
        assert bad.outcome == "rolled_back", bad
        # both fleets have one variant's name, so the failures of the one are in the metrics of the other, for minutes
        shop.pause(10.0)
        shop.settled_on(champion, bad)
        better = shop.release()
    assert better.outcome == "promoted", better
    shop.settled_on(better, bad)
    assert not shop.told("Rollback Started"), "the champion has answered well all the time"
    assert customers.answers()[-1].model == better.run_id != before.run_id
