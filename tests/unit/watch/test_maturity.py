"""How soon labels come: censored rows are no evidence that a label never comes."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sluice.watch.maturity import MaturityCurve, mature_until, maturity_curve, maturity_of


@pytest.mark.parametrize("seed", range(5))
def test_the_curve_is_that_of_the_delays_although_most_rows_are_young(seed: int) -> None:
    """Six in ten rows get a label, after an exponential delay of ten days on average; requests came for thirty days."""
    generator = random.Random(seed)
    delays, ages = [], []
    for _ in range(6000):
        age = generator.uniform(0, 30)
        delay = generator.expovariate(1 / 10)
        if generator.random() < 0.6 and delay <= age:
            delays.append(delay)
        else:
            ages.append(age)
    curve = maturity_curve(delays, ages)
    for age, wanted in ((5, 0.6 * 0.393), (10, 0.6 * 0.632), (20, 0.6 * 0.865)):
        assert curve.labelled(age) == pytest.approx(wanted, abs=0.03)
    # the share of rows with a label is far below that, because most of them had little time
    assert len(delays) / 6000 < 0.45
    assert curve.to_json()["labelled_share"] == curve.shares[-1]


def test_labels_that_come_within_a_minute_have_a_curve_that_says_when() -> None:
    """Its last point is the last age that is known, where all labels of the curve are in."""
    curve: Any = maturity_curve([3.0] * 20, [40.0] * 20).to_json()
    assert curve["curve"][0] == {"age_seconds": 0, "share": 0.0}
    assert curve["curve"][-1] == {"age_seconds": curve["known_until_seconds"], "share": 1.0}


def test_no_labels_no_curve() -> None:
    empty = maturity_curve([], [1.0, 2.0])
    assert (empty.maturity(5), empty.mature_age(), maturity_of([1.0], 0, 2, empty)) == (None, None, None)
    assert mature_until([(1.0, False)], 5, empty) == 5
    assert maturity_curve([], []) == MaturityCurve()


def test_one_old_label_does_not_lift_the_end_of_the_curve() -> None:
    """Of a thousand rows five per cent have labels, at once; the oldest of all got one much later."""
    curve = maturity_curve([*[1.0] * 50, 999.0], [float(age) for age in range(10, 959)])
    assert curve.shares[-1] == pytest.approx(0.05, abs=0.003)
    assert curve.mature_age() == 1.0


def test_young_rows_whose_labels_are_there_are_mature() -> None:
    curve = maturity_curve([float(hour) for hour in range(1, 25)] * 20, [])
    wait = curve.mature_age()
    assert wait == pytest.approx(22, abs=1)
    times = [100.0 - hour / 10 for hour in range(240)]
    assert mature_until([(at, True) for at in times], 100.0, curve) == 100.0
    assert mature_until([(at, False) for at in times], 100.0, curve) == 100.0 - (wait or 0)
    half = mature_until([(at, at < 90) for at in times], 100.0, curve)
    assert 90 <= half < 92
    assert maturity_of(times, 240, 100.0, curve) == 1.0
