"""Bursts of one client count once, and which request stands for one does not favour a variant."""

from __future__ import annotations

import random
from collections import Counter

from sluice.release.episodes import Request, episodes


def test_a_burst_counts_once_and_its_first_failure_stands_for_it() -> None:
    burst = [Request(0, "a", client="x"), Request(1, "b", failed=True, client="x"), Request(2, "a", True, client="x")]
    assert episodes(burst) == [burst[1]]
    assert episodes([*burst, Request(5, "a", client="y")])[1].client == "y"


def test_a_pause_begins_another_burst_and_no_client_is_no_burst() -> None:
    late = Request(40.5, "a", client="x")
    assert episodes([late, Request(0, "a", client="x"), Request(10, "b", client="x")])[1] is late
    assert len(episodes([Request(0, "a", True), Request(0, "a", True)])) == 2


def test_who_never_pauses_counts_once_in_each_span() -> None:
    service = [Request(float(at), "a", client="backend") for at in range(300)]
    assert [request.at for request in episodes(service)] == [0, 31, 62, 93, 124, 155, 186, 217, 248, 279]


def test_slow_stands_before_fine_and_failed_before_slow() -> None:
    fine, slow, failed = (
        Request(0, "a", client="x"),
        Request(1, "a", slow=True, client="x"),
        Request(2, "b", True, client="x"),
    )
    assert episodes([fine, slow]) == [slow]
    assert episodes([fine, slow, failed]) == [failed]


def test_under_equal_models_a_standing_failure_falls_on_the_canary_as_any_request_does() -> None:
    generator = random.Random(3)
    seen: Counter[str] = Counter()
    for burst in range(4_000):
        requests = [
            Request(i, "canary" if generator.random() < 0.1 else "control", generator.random() < 0.4, client="x")
            for i in range(5)
        ]
        standing = episodes(requests)
        assert len(standing) == 1, burst
        if standing[0].failed:
            seen[standing[0].variant] += 1
    total = seen.total()
    assert abs(seen["canary"] - 0.1 * total) < 3 * (total * 0.09) ** 0.5
