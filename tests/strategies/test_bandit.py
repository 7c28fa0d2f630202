"""A bandit: shares follow the rewards that late labels tell, until one of the two is known to earn more."""

from __future__ import annotations

import time
from typing import Any

from tests.strategies.conftest import Shops
from tests.strategies.customers import Rewards
from tests.strategies.shop import Ended, Shop

BANDIT: dict[str, Any] = {
    "strategy": "bandit",
    "steps": [100],
    "bake": "40s",
    "max_bake": "30m",
    "bandit": {"start": 20, "explore": 0.1, "min_labels": 30},
}


def release(shop: Shop, champion: Ended, old: float, new: float) -> Ended:
    """A release during which labels come in every second: the champion earns at the rate `old`, the challenger `new`.

    Half of the customers never say what became of them, and those of the last second have not yet.
    """
    with shop.customers as customers:
        shop.until_captured(30)
        begun = shop.begin()
        rewards, number = Rewards({champion.run_id: old, begun.run_id: new}), 0
        while not shop.over(begun):
            heard = [each for each in customers.answers(since=begun.began)[::2] if each.heard < time.time() - 1]
            if body := rewards.of(heard):
                number += 1
                shop.line.drop(shop.name, f"labels-{number:03d}.csv", body, area="labels")
            time.sleep(1.0)
        return shop.end(begun)


def written_down(shop: Shop, ended: Ended) -> dict[str, Any]:
    """The decision record, after a look at what each of its steps must tell."""
    record = shop.decision(ended, "bandit")
    assert record["steps"]
    for step in record["steps"]:
        assert {"at", "agent", "actions", "rewards", "posterior", "policy", "evidence", "decision", "reasons"} <= set(
            step
        )
        assert abs(sum(step["actions"].values()) - 1) < 1e-6
        assert step["weights"]["champion_weight"] + step["weights"]["variant_weight"] == 1
    for before, after in zip(record["steps"], record["steps"][1:]):
        assert after["inputs"]["share"] == before["weights"]["variant_weight"], "what was chosen was in force"
        assert after["rewards"]["challenger"]["trials"] >= before["rewards"]["challenger"]["trials"]
    return record


def test_a_challenger_that_earns_more_gets_more_and_is_promoted(shops: Shops) -> None:
    shop = shops("bandit-more", **BANDIT)
    champion = shop.first()
    better = release(shop, champion, old=0.1, new=0.6)
    assert better.outcome == "promoted", better
    shop.hear("Model Promoted", better.run_id)
    shop.settled_on(better)
    record = written_down(shop, better)
    shares = [step["inputs"]["share"] for step in record["steps"]]
    assert shares[0] == 0.2
    assert max(shares) > 0.5, shares
    last = record["steps"][-1]
    assert last["decision"] == "promote"
    assert min(reward["trials"] for reward in last["rewards"].values()) >= 30
    earned = {name: reward["successes"] / reward["trials"] for name, reward in last["rewards"].items()}
    assert earned["challenger"] > earned["control"] + 0.2
    assert set(shop.customers.outcomes()) == {"answered"}
    said = shop.why(better)
    assert "the challenger earns more" in said


def test_a_challenger_that_earns_less_is_aborted(shops: Shops) -> None:
    shop = shops("bandit-less", **BANDIT)
    champion = shop.first()
    worse = release(shop, champion, old=0.7, new=0.1)
    assert worse.outcome == "rolled_back", worse
    told = shop.hear("Model Rolled Back", worse.run_id)
    shop.settled_on(champion, worse)
    record = written_down(shop, worse)
    assert record["steps"][-1]["decision"] == "abort"
    assert min(step["inputs"]["share"] for step in record["steps"]) >= 0.1
    assert "the challenger earns less" in told
    assert "the challenger earns less" in shop.why(worse)
    assert set(shop.customers.outcomes()) == {"answered"}


def test_without_labels_a_bandit_ends_inconclusive(shops: Shops) -> None:
    shop = shops("bandit-quiet", **{**BANDIT, "max_bake": "4m"})
    champion = shop.first()
    with shop.customers as customers:
        quiet = shop.release()
    assert quiet.outcome == "rolled_back", quiet
    told = shop.hear("Model Rolled Back", quiet.run_id)
    shop.settled_on(champion, quiet)
    record = written_down(shop, quiet)
    assert (record["decision"], record["inconclusive"]) == ("abort", True)
    assert {step["inputs"]["share"] for step in record["steps"]} == {0.2}, "nothing was learned, so nothing moved"
    assert quiet.run_id in customers.models()
    assert "inconclusive" in told
    assert "30 are needed" in told
    assert "inconclusive" in shop.why(quiet)
