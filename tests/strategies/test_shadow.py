"""A shadow release: the new model answers copies only, and no customer ever, until it is promoted."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.strategies.conftest import Shops

SHADOW: dict[str, Any] = {"strategy": "shadow", "steps": [100], "bake": "60s", "replay": 40}


def test_a_good_model_is_promoted_without_ever_having_had_a_live_weight(shops: Shops) -> None:
    shop = shops("shadow-good", **SHADOW)
    old = shop.first()
    with shop.customers as customers, shop.watched() as watch:
        new = shop.release()
    assert new.outcome == "promoted", new
    shop.settled_on(new)
    beside = [sight for sight in watch.sights() if new.variant in sight.weights and old.variant in sight.weights]
    assert beside
    assert {(sight.weights[old.variant], sight.weights[new.variant]) for sight in beside} == {(1.0, 0.0)}
    assert not {"Shift Traffic", "Judge Canary"} & set(new.states)
    assert set(customers.outcomes()) == {"answered"}
    assert {each.variant for each in customers.answers(new.run_id)} == {new.variant}
    record = shop.decision(new, "replay")
    assert record["decision"] == "pass"
    # 2 % at 95 % confidence take 149 requests without a failure
    assert record["inputs"]["requests"] >= 149
    asked = [each["id"] for each in shop.line.read_json(f"runs/{shop.name}/{new.run_id}/replay/pairs.json")]
    assert len(asked) == len(set(asked)), "no customer's request is copied twice"
    said = shop.why(new)
    assert "pass" in said
    assert f"{record['inputs']['requests']} replayed requests, 0 went wrong" in said


@pytest.mark.parametrize(
    ("name", "knobs", "why"),
    [
        ("malformed", {"kind": "malformed", "how": "no prediction", "rate": 0.5}, "replayed requests went wrong"),
        ("shifted", {"kind": "shifted", "how": "inverted"}, "scores of replayed requests differ"),
    ],
)
def test_a_bad_model_is_rejected_and_has_answered_nobody(
    shops: Shops, name: str, knobs: dict[str, Any], why: str
) -> None:
    shop = shops(f"shadow-{name}", **SHADOW)
    champion = shop.first()
    with shop.customers as customers:
        shop.until_captured(40)
        bad = shop.release(**knobs)
        told = shop.hear("Model Rolled Back", bad.run_id)
    assert bad.outcome == "rolled_back", bad
    shop.settled_on(champion, bad)
    assert customers.models() == {champion.run_id}
    assert set(customers.outcomes()) == {"answered"}
    assert shop.decision(bad, "replay")["decision"] == "abort"
    assert why in told
    assert why in shop.why(bad)


def test_an_alarm_ends_the_wait_for_requests_at_once(shops: Shops) -> None:
    shop = shops("shadow-alarm", **{**SHADOW, "bake": "1h"})
    champion = shop.first()
    with shop.customers as customers:
        begun = shop.begin()
        shop.until(begun, "Await Requests")
        rung = shop.ring(begun)
        bad = shop.end(begun)
        took = time.time() - rung
    assert bad.outcome == "rolled_back", bad
    # a slice of the wait is 36 real seconds
    assert took <= 20, f"{took:.1f} s from the alarm to the end"
    shop.settled_on(champion, bad)
    assert "alarm canary" in shop.hear("Model Rolled Back", bad.run_id)
    assert customers.models() == {champion.run_id}


def test_without_enough_requests_a_shadow_release_ends_inconclusive(shops: Shops) -> None:
    shop = shops("shadow-quiet", **{**SHADOW, "bake": "30s", "max_bake": "90s"})
    champion = shop.first()
    with shop.customers as customers:
        # some, but fewer than a promotion takes
        shop.until_captured(20)
    quiet = shop.release()
    told = shop.hear("Model Rolled Back", quiet.run_id)
    assert quiet.outcome == "rolled_back", quiet
    shop.settled_on(champion, quiet)
    assert customers.models() == {champion.run_id}
    record = shop.decision(quiet, "replay")
    assert (record["decision"], record["inconclusive"]) == ("abort", True)
    assert 0 < record["inputs"]["requests"] < 149
    assert "inconclusive" in told
    assert "149 are needed" in told
    assert "inconclusive" in shop.why(quiet)
