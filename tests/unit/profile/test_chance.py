"""Alarms of drift: as seldom by chance as promised, however small the samples, and still loud for real drift."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.generate_sessions import Knobs, request, sessions
from sluice.contract import load_contract
from sluice.model.reference import reference_profile
from sluice.model.schema import Schema
from sluice.profile import chance, drift
from sluice.records.baseline import Baseline

LIMIT = 0.2
CONTRACT = load_contract((Path(__file__).parents[3] / "testing" / "sessions.yaml").read_text())
SCHEMA = Schema.from_contract(CONTRACT.model_dump(mode="json"))
SIMULATIONS = 2_000
WINDOWS = (50, 80, 120, 200)


@cache
def customers(amount: float = 0.0) -> list[dict[str, Any]]:
    """Requests of one population, enough to draw samples from."""
    return [request(row) for row in sessions(Knobs(rows=20_000, seed=5, drift=amount))]


def baseline(rows: list[dict[str, Any]]) -> Baseline:
    typed = [SCHEMA.typed_json(row) for row in rows]
    return Baseline.of(reference_profile(SCHEMA, typed, np.linspace(0, 1, len(rows))), "here")


def alarms(rows: list[dict[str, Any]], window: list[dict[str, Any]], limit: float = LIMIT) -> list[str]:
    found = drift.compare(baseline(rows), window)
    return [name for name, each in found.items() if each.counted(limit) > limit]


@pytest.fixture(scope="module")
def without_drift() -> list[tuple[dict[str, drift.Drift], int]]:
    """What two samples of the same customers look like: 120 rows of training against small windows."""
    found = []
    for seed in range(SIMULATIONS):
        draw = random.Random(seed)
        size = WINDOWS[seed % len(WINDOWS)]
        rows = draw.sample(customers(), 120 + size)
        found.append((drift.compare(baseline(rows[:120]), rows[120:]), size))
    return found


def test_without_drift_it_rings_no_oftener_than_promised(without_drift: list[Any]) -> None:
    rings = sum(any(each.counted(LIMIT) > LIMIT for each in found.values()) for found, _ in without_drift)
    assert rings <= chance.FALSE_ALARM * SIMULATIONS
    # at a limit of nothing it is chance alone that decides
    significant = sum(any(each.significant for each in found.values()) for found, _ in without_drift)
    assert significant <= chance.FALSE_ALARM * SIMULATIONS


def test_the_score_alone_would_ring_most_of_the_time(without_drift: list[Any]) -> None:
    small = [found for found, size in without_drift if size == 50]
    rings = sum(any(each.psi > LIMIT for each in found.values()) for found in small)
    assert rings > 0.9 * len(small)


@pytest.mark.parametrize("rows", [120, 250])
@pytest.mark.parametrize("window", [200, 400])
def test_customers_who_change_are_still_seen(rows: int, window: int) -> None:
    for seed in range(20):
        draw = random.Random(seed)
        found = alarms(draw.sample(customers(), rows), draw.sample(customers(1.0), window))
        assert {"channel", "device", "discount_percent"} & set(found), seed


def test_half_a_change_is_seen_at_the_sizes_of_the_demonstration() -> None:
    seen = 0
    for seed in range(20):
        draw = random.Random(seed)
        seen += bool(alarms(draw.sample(customers(), 600), draw.sample(customers(0.5), 400)))
    assert seen == 20


def test_a_limit_that_chance_cannot_reach_is_the_only_bound_of_large_samples() -> None:
    draw = random.Random(1)
    found = drift.compare(baseline(draw.sample(customers(), 8_000)), draw.sample(customers(0.1), 8_000))
    assert any(each.significant and each.psi < LIMIT for each in found.values()), "significant, and not yet much"
    assert all(each.counted(LIMIT) == each.psi for each in found.values())


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_too_little_tells_nothing(rows: int) -> None:
    assert not chance.differ([1.0, 0.0], rows, [0, 500])
    assert not chance.differ([0.5, 0.5], 120, [rows, 0])


def test_a_category_that_was_never_there_is_seen_once_it_is_common() -> None:
    assert not chance.differ([1.0, 0.0], 1_000, [198, 2])
    assert chance.differ([1.0, 0.0], 1_000, [160, 40])


@pytest.mark.parametrize(
    # scipy.stats.chi2.isf(probability, freedom)
    ("freedom", "value", "probability"),
    [
        (1, 10.82757, 0.001),
        (2, 13.81551, 0.001),
        (3, 16.26624, 0.001),
        (4, 18.46683, 0.001),
        (9, 27.87716, 0.001),
        (10, 29.58830, 0.001),
        (19, 45.97312, 0.0005),
    ],
)
def test_probabilities_are_those_of_the_table(freedom: int, value: float, probability: float) -> None:
    assert chance.above(value, freedom) == pytest.approx(probability, rel=1e-4)
    assert chance.above(0.0, freedom) == pytest.approx(1.0)
