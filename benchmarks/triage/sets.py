"""Tables of ../shared/data as a training window and a pool of later rows, from which live windows are drawn.

Training and pool are the same population: without a change by a fault or a drift, nothing has drifted. Where the
set has a time, the rows of a window are in its order; else they get arrivals at a constant rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.learning import tables
from benchmarks.learning.tables import Table
from benchmarks.triage.truth import chance_of
from benchmarks.triage.window import TIME, Roles, Window, as_text

START = np.datetime64("2026-01-05T00:00:00", "s")
ROWS_AN_HOUR = 20
DAY = np.timedelta64(86_400, "s")
MEAN_LABEL_DELAY = 7_200
"""Seconds. A window is judged a day after its last row, so all but a few labels in 100,000 have come."""
CLIENTS = ("web", "ios", "android", "partner")
HOSTS = ("host-1", "host-2", "host-3")

STRETCH = 4
"""A weighted window of a set with runs is drawn from a stretch that is this many times as long."""

Weight = Callable[[pd.DataFrame, np.ndarray], np.ndarray]
"""Weights of rows of the set, by the rows and by their times (0 to 1 in the window)."""


@dataclass(frozen=True, eq=False)
class LiveSet:
    """A data set, divided. `times` is None where the set has none; `runs`: a window is a run of consecutive rows."""

    name: str
    kind: str
    target: str
    positive: Any
    frame: pd.DataFrame
    labels: pd.Series
    types: dict[str, str]
    roles: Roles
    sizes: tuple[int, int, int]
    in_training: np.ndarray
    times: np.ndarray | None = None
    runs: bool = False
    seed: int = 13
    clients: tuple[str, ...] = field(default=CLIENTS)

    @property
    def pool(self) -> np.ndarray:
        """Places of the rows that are not in the training window, in the order of time where there is one."""
        return np.flatnonzero(~self.in_training)

    def training(self) -> Window:
        places = np.flatnonzero(self.in_training)
        return self.window(places, chance_of(self.seed, self.name, "training"), START)

    def training_without(self, places: np.ndarray) -> Window:
        """The training window without some rows of the set, for a drift to what training has not seen."""
        kept = np.setdiff1d(np.flatnonzero(self.in_training), places)
        return self.window(kept, chance_of(self.seed, self.name, "training"), START)

    def live_start(self) -> np.datetime64:
        hours = int(np.ceil(self.in_training.sum() / ROWS_AN_HOUR))
        return START + np.timedelta64(3600 * hours, "s")

    def draw(self, size: int, seed: int, weight: Weight | None = None, among: np.ndarray | None = None) -> Window:
        """At most `size` different rows of the pool, each as probable as its weight says.

        A row is accepted with the probability weight ÷ greatest weight, so that the window has exactly the weighted
        distribution; where that leaves less than `size` rows, the window is smaller. No row comes twice, because
        repeated rows are a fault. `among`: places of the set to draw from, instead of the whole pool.
        """
        chance = chance_of(seed, self.name, "window", str(size))
        places = self.pool if among is None else np.sort(among)
        if self.times is None:
            places = chance.permutation(places)
        stretch = min(len(places), size * (1 if weight is None else STRETCH))
        if self.runs and among is None:
            first = int(chance.integers(len(places) - stretch + 1))
            places = places[first : first + stretch]
        if weight is not None:
            when = np.arange(len(places)) / max(1, len(places) - 1)
            weights = weight(self.frame.iloc[places], when)
            places = places[chance.random(len(places)) < weights / weights.max()]
        if len(places) > size:
            places = places[np.sort(chance.choice(len(places), size, replace=False))]
        return self.window(places, chance, self.live_start())

    def window(self, places: np.ndarray, chance: np.random.Generator, start: np.datetime64) -> Window:
        count = len(places)
        if self.times is None:
            seconds = np.sort(chance.integers(0, max(1, int(3600 * count / ROWS_AN_HOUR)), count))
            arrived = start + seconds.astype("timedelta64[s]")
        else:
            arrived = self.times[places]
        delays = chance.exponential(MEAN_LABEL_DELAY, count).astype(np.int64)
        rows = self.frame.iloc[places].reset_index(drop=True).assign(**{TIME: as_text(arrived)})
        return Window(
            rows=rows,
            labels=self.labels.iloc[places].reset_index(drop=True),
            arrived=arrived,
            labelled=arrived + delays.astype("timedelta64[s]"),
            client=chance.choice(np.array(self.clients, dtype=object), count, p=(0.4, 0.3, 0.2, 0.1)),
            host=chance.choice(np.array(HOSTS, dtype=object), count),
            origin=places,
            now=arrived.max() + DAY if count else start + DAY,
            usual=count,
            types=self.types,
            kind=self.kind,
            target=self.target,
            positive=self.positive,
            roles=self.roles,
        )


def divided(table: Table, roles: Roles, sizes: tuple[int, int, int], live_share: float = 0.6, **more: Any) -> LiveSet:
    """A table whose pool is a random share of its rows, or what `in_training` says."""
    if "in_training" not in more:
        more["in_training"] = chance_of(13, table.name, "division").random(len(table.frame)) >= live_share
    features = table.frame.drop(columns=table.target)
    types = {name: kind for name, kind in table.types.items() if name != table.target}
    for name in roles.categories:
        types[name] = "category"
    return LiveSet(
        name=table.name, kind=table.kind, target=table.target, positive=table.positive, frame=features,
        labels=table.frame[table.target].astype(object), types={**types, TIME: "timestamp"}, roles=roles, sizes=sizes,
        **more,
    )  # fmt: skip


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "June", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def online_shoppers() -> LiveSet:
    """Sessions of a year; the set has the month, within which sessions are spread evenly in the order of the file."""
    table = tables.online_shoppers()
    month = table.frame["Month"].map({name: place for place, name in enumerate(MONTHS)}).to_numpy()
    order = np.argsort(month, kind="stable")
    frame = table.frame.iloc[order].reset_index(drop=True)
    month = month[order]
    in_month = pd.Series(month).groupby(month).rank(method="first").to_numpy() - 1
    share = in_month / np.bincount(month)[month]
    first = np.datetime64("2025-01", "M") + month.astype("timedelta64[M]")
    length = ((first + 1).astype("datetime64[s]") - first.astype("datetime64[s]")).astype(np.int64)
    times = first.astype("datetime64[s]") + (share * length).astype(np.int64).astype("timedelta64[s]")
    durations = ("ProductRelated_Duration", "Administrative_Duration", "Informational_Duration")
    roles = Roles(
        amounts=("PageValues", "ProductRelated_Duration", "ProductRelated", "Administrative_Duration"),
        durations=durations[:2],
        rates=("ExitRates", "BounceRates"),
        decimals=("ProductRelated_Duration", "ExitRates", "Administrative_Duration", "BounceRates", "PageValues"),
        counts=("ProductRelated", "Administrative"),
        large=("ProductRelated_Duration",),
        words=("Month", "VisitorType"),
        codes=("TrafficType", "Region", "Browser", "OperatingSystems"),
        flags=("Weekend",),
        pairs=(
            ("BounceRates", "ExitRates"),
            ("Administrative", "ProductRelated"),
            ("Administrative_Duration", "ProductRelated_Duration"),
            ("OperatingSystems", "TrafficType"),
        ),
        joins=(("BounceRates", "ExitRates", "PageValues"), ("ProductRelated", "ProductRelated_Duration")),
        segments=("TrafficType", "Region", "VisitorType"),
        money=("PageValues",),
        prices_lower_label=True,
        activity=("Administrative", "ProductRelated", "ProductRelated_Duration", "Administrative_Duration"),
        product=("TrafficType",),
        newcomer="21",
        season={"Month": ("Nov", "Dec")},
    )
    table = Table(**{**vars(table), "frame": frame})
    return divided(table, roles, (300, 2_000, 5_000), times=times)


SEASONS = {1: "winter", 2: "spring", 3: "summer", 4: "autumn"}
WEATHER = {1: "clear", 2: "mist", 3: "light rain", 4: "heavy rain"}


def bike_sharing() -> LiveSet:
    """Hours of two years. Fortnights go to training and to the pool in turn, so that both hold every season."""
    table = tables.bike_sharing()
    frame = table.frame
    days = frame["dteday"].to_numpy(dtype="datetime64[D]")
    times = days.astype("datetime64[s]") + frame["hr"].to_numpy().astype("timedelta64[h]")
    fortnight = (days - days[0]).astype(np.int64) // 14
    frame = frame.drop(columns="dteday").assign(
        season=frame["season"].map(SEASONS), weathersit=frame["weathersit"].map(WEATHER)
    )
    weather = ("temp", "hum", "windspeed", "atemp")
    roles = Roles(
        amounts=weather[:3],
        rates=weather,
        decimals=weather,
        counts=("hr",),
        words=("weathersit", "season"),
        flags=("workingday",),
        pairs=(("temp", "hum"), ("hum", "windspeed"), ("mnth", "weekday")),
        joins=(("temp", "atemp", "hum", "windspeed", "weathersit"), ("weekday", "workingday", "holiday")),
        segments=("weathersit",),
        activity=("temp", "atemp"),
        product=("weathersit",),
        newcomer="smoke",
        season={"season": ("winter",)},
    )
    types = {name: kind for name, kind in table.types.items() if name != "dteday"}
    table = Table(**{**vars(table), "frame": frame, "types": types})
    return divided(table, roles, (300, 2_000, 8_000), times=times, in_training=fortnight % 2 == 0, runs=True)


def adult() -> LiveSet:
    table = tables.adult()
    roles = Roles(
        amounts=("hours_per_week", "fnlwgt", "age", "capital_gain"),
        durations=("hours_per_week",),
        counts=("hours_per_week", "age", "education_num", "fnlwgt"),
        large=("fnlwgt",),
        words=("marital_status", "education", "occupation", "relationship", "workclass", "race"),
        flags=("sex",),
        pairs=(("age", "hours_per_week"), ("education_num", "hours_per_week"), ("workclass", "occupation")),
        joins=(("education", "education_num"), ("marital_status", "relationship")),
        segments=("workclass", "education", "occupation"),
        money=("capital_gain", "capital_loss"),
        activity=("hours_per_week", "education_num"),
        age=("age",),
        product=("occupation",),
        newcomer="Platform-work",
    )
    return divided(table, roles, (300, 2_000, 10_000))


def telco_churn() -> LiveSet:
    table = tables.telco_churn()
    roles = Roles(
        amounts=("MonthlyCharges", "TotalCharges", "tenure"),
        durations=("tenure",),
        decimals=("MonthlyCharges", "TotalCharges"),
        counts=("tenure",),
        large=("TotalCharges",),
        words=("Contract", "PaymentMethod", "InternetService", "OnlineSecurity", "MultipleLines"),
        flags=("PhoneService", "Dependents", "PaperlessBilling", "SeniorCitizen"),
        pairs=(("MonthlyCharges", "TotalCharges"), ("PhoneService", "Dependents"), ("OnlineSecurity", "StreamingTV")),
        joins=(("tenure", "TotalCharges"), ("InternetService", "MonthlyCharges", "TechSupport", "OnlineSecurity")),
        segments=("PaymentMethod", "Contract", "InternetService"),
        money=("MonthlyCharges", "TotalCharges"),
        activity=("MonthlyCharges", "TotalCharges", "tenure"),
        age=("tenure",),
        product=("PaymentMethod",),
        newcomer="Digital wallet",
    )
    return divided(table, roles, (300, 1_000, 3_000))


def california_housing() -> LiveSet:
    """With the share of bedrooms, a rate that most people who work with these data add."""
    table = tables.california_housing()
    frame = table.frame.assign(bedroom_share=table.frame["total_bedrooms"] / table.frame["total_rooms"])
    table = Table(**{**vars(table), "frame": frame, "types": {**table.types, "bedroom_share": "number"}})
    roles = Roles(
        amounts=("total_rooms", "population", "households", "median_income"),
        durations=("housing_median_age",),
        rates=("bedroom_share",),
        decimals=("median_income", "bedroom_share", "longitude", "latitude"),
        counts=("total_rooms", "population", "households", "housing_median_age"),
        large=("total_rooms", "population"),
        words=("ocean_proximity",),
        pairs=(("longitude", "latitude"), ("total_rooms", "population"), ("housing_median_age", "households")),
        joins=(("median_income", "housing_median_age"), ("total_rooms", "total_bedrooms", "population", "households")),
        segments=("ocean_proximity",),
        money=("median_income",),
        activity=("total_rooms", "total_bedrooms", "population", "households"),
        age=("housing_median_age",),
        product=("ocean_proximity",),
        newcomer="LAKESIDE",
    )
    return divided(table, roles, (300, 2_000, 10_000))


SETS: dict[str, Callable[[], LiveSet]] = {
    each.__name__: each for each in (online_shoppers, bike_sharing, adult, telco_churn, california_housing)
}
