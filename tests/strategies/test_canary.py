"""A canary: copies first, then live requests, and an alarm that ends it at once, however often it is told."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from testing.line import wait_for
from tests.strategies.conftest import Shops
from tests.strategies.shop import Begun, Shop

BACK = 5.0
"""Real seconds from an alarm to all weight on the champion."""


def serving(shop: Shop, begun: Begun) -> None:
    """Waits until customers are answered by the new model."""
    wait_for(lambda: shop.customers.answers(begun.run_id), f"{begun.run_id} to answer customers")


def test_captured_requests_are_answered_before_customers_and_counted_nowhere(shops: Shops) -> None:
    shop = shops("canary-replay", replay=60)
    champion = shop.first()
    with shop.customers as customers:
        wait_for(lambda: len(customers.answers()) >= 100, "customers")
    asked = len(customers.answers())
    shop.until_captured(asked)
    begun = shop.begin()
    replay = wait_for(lambda: shop.decided(begun, "replay"), "the replay to be over")
    assert replay["decision"] == "pass"
    assert replay["inputs"] == {**replay["inputs"], "requests": 60, "chosen": 60}
    assert replay["replayed"]["requests"] == 60
    # their captures are uploaded once a minute of the cloud
    shop.until_captured(asked + 120)
    monitored = shop.monitored()
    assert monitored["run_id"] == champion.run_id
    assert monitored["requests"] == asked, "neither copies nor the probe of the promotion are customers' requests"
    with shop.customers:
        new = shop.end(begun)
    assert new.outcome == "promoted", new
    shop.settled_on(new)
    first = customers.answers(new.run_id)[0]
    assert datetime.fromisoformat(replay["at"]).timestamp() < first.heard, "copies come first"
    inputs = shop.decision(new, "canary")["looks"][-1]["inputs"]
    assert inputs["replayed"]["requests"] == 60
    live = len(customers.answers(new.run_id))
    assert 30 <= inputs["total"]["requests"] <= live, "copies are not counted as traffic"
    assert "Replay: pass after 60 captured requests" in shop.why(new)


def test_an_alarm_in_a_bake_ends_it_at_once(shops: Shops) -> None:
    shop = shops("canary-alarm", bake="30m", replay=0)
    champion = shop.first()
    with shop.customers as customers, shop.watched() as watch:
        begun = shop.begin()
        serving(shop, begun)
        shop.until(begun, "Bake")
        rung = shop.ring(begun)
        bad = shop.end(begun)
        told = shop.hear("Model Rolled Back", bad.run_id)
    assert bad.outcome == "rolled_back", bad
    shop.settled_on(champion, bad)
    back = next(s.heard for s in watch.sights() if s.asked > rung and not s.weights.get(bad.variant))
    assert back - rung <= BACK, f"{back - rung:.1f} s from the alarm to all weight on the champion"
    assert customers.answers(bad.run_id)[-1].sent <= back
    assert set(customers.outcomes()) == {"answered"}
    assert "alarm canary" in told
    assert len(shop.told("Canary Abort Requested")) == 1, "two alarms of one trouble are one event"
    assert "alarm canary" in shop.why(bad)


def test_an_event_that_comes_twice_aborts_once(shops: Shops) -> None:
    shop = shops("canary-twice", bake="30m", replay=0)
    champion = shop.first()
    with shop.customers as customers:
        begun = shop.begin()
        serving(shop, begun)
        shop.until(begun, "Bake")
        at, began = shop.world.clock.now(), time.time()
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(shop.deliver, "canary", at, begun.run_id) for _ in range(2)]
            decisions = [each.result() for each in both]
        bad = shop.end(begun)
        ended = time.time()
        late = shop.deliver("canary", at, begun.run_id)
        later = shop.deliver("canary", at + timedelta(minutes=1), begun.run_id)
        shop.hear("Model Rolled Back", bad.run_id)
    assert bad.outcome == "rolled_back", bad
    assert "abort" in decisions
    assert set(decisions) <= {"abort", "duplicate"}
    assert (late, later) == ("duplicate", "hold")
    assert ended - began <= 30
    shop.settled_on(champion, bad)
    assert len(shop.told("Model Rolled Back")) == 1
    assert bad.states.count("Complete Rollback") == 1
    assert set(customers.outcomes()) == {"answered"}


def test_an_alarm_of_a_release_that_is_over_changes_nothing(shops: Shops) -> None:
    shop = shops("canary-old", replay=0)
    champion = shop.first()
    with shop.customers as customers:
        old = shop.begin(kind="failing")
        gone = shop.end(old)
        assert gone.outcome == "rolled_back", gone
        shop.settled_on(champion, gone)
        begun = shop.begin()
        serving(shop, begun)
        assert shop.deliver("canary", shop.world.clock.now(), gone.run_id) == "hold"
        new = shop.end(begun)
    assert new.outcome == "promoted", new
    shop.settled_on(new, gone)
    assert "came when the release" in shop.hear("Response Held", gone.run_id)
    assert new.run_id in customers.models()
