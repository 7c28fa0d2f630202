"""A made-up stream of parcels, as a reference and as windows: nothing of the triage bench."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sluice.watch.triage.window import Window

TYPES = {
    "weight": "number",
    "price": "number",
    "items": "integer",
    "distance": "number",
    "share": "number",
    "carrier": "category",
    "zone": "category",
    "express": "boolean",
    "sent": "timestamp",
}
START = 1.7e9


def stream(rows: int, seed: int, begin: float = START) -> Window:
    """Parcels whose price follows weight and distance, whose carrier follows the zone; the label follows both."""
    chance = np.random.default_rng(seed)
    weight = np.round(np.exp(chance.normal(1.0, 0.7, rows)), 1)
    distance = np.round(chance.gamma(2.0, 150.0, rows), 0)
    express = chance.random(rows) < 0.3
    price = np.round(3 + 0.8 * weight + 0.01 * distance + 4 * express + chance.normal(0, 0.6, rows), 2)
    items = 1 + chance.poisson(weight / 3)
    share = np.round(chance.beta(2, 5, rows), 3)
    zone = np.where(distance < 150, "city", np.where(distance < 400, "country", "abroad")).astype(object)
    other = chance.choice(np.array(["Blue Post", "Fast-Line", "Ox & Sons", "Pigeon"], dtype=object), rows)
    carrier = np.where(chance.random(rows) < 0.5, other, np.where(zone == "abroad", "Fast-Line", "Blue Post"))
    arrived = begin + np.sort(chance.uniform(0, 60.0 * rows, rows)).round()
    late = chance.random(rows) < 1 / (1 + np.exp(1.2 - 0.006 * (distance - 300) + 1.5 * express))
    columns = {
        "weight": weight, "price": price, "items": items.astype(float), "distance": distance, "share": share,
        "carrier": carrier.astype(object), "zone": zone, "express": express.astype(float), "sent": arrived - 5,
    }  # fmt: skip
    return Window(
        columns=columns,
        types=TYPES,
        arrived=arrived,
        client=chance.choice(np.array(["app", "shop", "desk"], dtype=object), rows),
        host=chance.choice(np.array(["a", "b"], dtype=object), rows),
        labels=late.astype(float),
        labelled=arrived + chance.exponential(3600, rows),
        problem="binary",
        total=rows,
        usual=float(rows),
        now=float(arrived[-1]) + 86_400,
    )


@pytest.fixture(scope="session")
def parcels() -> Callable[[int, int], Window]:
    """`parcels(rows, seed)`: a window that follows the reference."""
    return lambda rows, seed: stream(rows, seed, START + 3e5)


@pytest.fixture(scope="session")
def reference() -> Window:
    return stream(4000, 1)


@pytest.fixture(scope="session")
def window() -> Window:
    return stream(1200, 2, START + 4000 * 60.0)


Put = Callable[..., Window]


@pytest.fixture
def put(window: Window) -> Put:
    """`put(name=values, …)`: the window with other columns."""

    def change(**columns: np.ndarray) -> Window:
        return replace(window, columns={**window.columns, **columns})

    return change
