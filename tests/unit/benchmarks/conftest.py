from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.triage.sets import LiveSet
from benchmarks.triage.window import TIME, Roles

ROLES = Roles(
    amounts=("price", "length"),
    durations=("seconds",),
    rates=("rate", "other_rate"),
    decimals=("price", "rate"),
    counts=("pages", "age"),
    large=("price",),
    words=("plan", "country"),
    codes=("region",),
    flags=("member",),
    pairs=(("rate", "other_rate"), ("price", "length")),
    joins=(("plan", "price"), ("rate", "other_rate", "pages")),
    segments=("country", "plan"),
    money=("price",),
    activity=("pages", "seconds", "length"),
    age=("age",),
    product=("plan",),
    newcomer="Family plan",
    season={"country": ("New Zealand",)},
)


@pytest.fixture(scope="session")
def live() -> LiveSet:
    """A made-up set of 8,000 rows in which numbers, plan and label depend on one hidden size; every role is filled."""
    chance = np.random.default_rng(5)
    count = 8_000
    hidden = chance.normal(size=count)
    frame = pd.DataFrame({
        "price": np.round(np.exp(6 + 0.8 * hidden + 0.3 * chance.normal(size=count)), 2),
        "length": np.round(np.exp(2 + 0.5 * hidden + 0.4 * chance.normal(size=count)), 2),
        "seconds": np.rint(np.exp(4 + 0.4 * hidden + 0.5 * chance.normal(size=count))),
        "rate": np.round(1 / (1 + np.exp(-hidden - chance.normal(size=count))), 4),
        "other_rate": np.round(chance.beta(2, 8, count), 4),
        "pages": chance.poisson(np.exp(1 + 0.4 * hidden)),
        "age": chance.integers(18, 80, count),
        "plan": np.where(hidden > 0.7, "Big-plan", np.where(hidden > -0.5, "Usual plan", "Small plan")).astype(object),
        "country": chance.choice(np.array(["Germany", "New Zealand", "Peru", "Sri Lanka"], dtype=object), count,
                                 p=(0.5, 0.25, 0.15, 0.1)),
        "region": chance.choice(np.array(list("12345"), dtype=object), count, p=(0.4, 0.25, 0.2, 0.1, 0.05)),
        "member": chance.random(count) < 0.3,
    })  # fmt: skip
    frame.loc[::50, "rate"] = np.nan
    frame.loc[::70, "country"] = None
    types = dict.fromkeys(ROLES.numbers, "number")
    types |= dict.fromkeys(ROLES.categories, "category") | {"member": "boolean", TIME: "timestamp"}
    labels = pd.Series(np.where(hidden + chance.normal(size=count) > 1, "yes", "no"), dtype=object)
    return LiveSet(
        name="made_up", kind="binary", target="bought", positive="yes", frame=frame, labels=labels, types=types,
        roles=ROLES, sizes=(200, 600, 2_000), in_training=chance.random(count) < 0.4,
    )  # fmt: skip


@pytest.fixture(scope="session")
def priced(live: LiveSet) -> LiveSet:
    """The same set with a regression's labels."""
    labels = pd.Series(np.rint(live.frame["price"] * 3 + 100), dtype=object)
    return LiveSet(**{**vars(live), "name": "priced", "kind": "regression", "positive": None, "labels": labels})
