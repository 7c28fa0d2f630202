"""Streams: rows in the order of time, cut into periods."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.learning.tables import typed

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "June", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, eq=False)
class Stream:
    """`period`: for each row the number of its period, ascending; `names` has their names. A binary problem."""

    name: str
    frame: pd.DataFrame
    target: str
    positive: Any
    period: np.ndarray
    names: tuple[str, ...]

    @cached_property
    def types(self) -> dict[str, str]:
        return typed(self.frame, self.target, "binary")

    @cached_property
    def truth(self) -> np.ndarray:
        """1 where the row is positive, else 0."""
        return (self.frame[self.target] == self.positive).to_numpy(dtype=np.int64)

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """Each row's features as a request has them."""
        found: list[dict[str, Any]] = json.loads(self.frame.drop(columns=self.target).to_json(orient="records"))
        return found

    def of(self, periods: range) -> np.ndarray:
        """Places of the rows of these periods."""
        return np.flatnonzero(np.isin(self.period, list(periods)))


def online_shoppers(folder: Path) -> Stream:
    """Sessions of ten months. The month itself is no feature: it says when, and each comes once."""
    frame = pd.read_csv(folder / "online_shoppers_intention.csv")
    for name in ("OperatingSystems", "Browser", "Region", "TrafficType"):
        frame[name] = frame[name].astype(str)
    order = frame["Month"].map(MONTHS.index).to_numpy()
    # within a month the file's own order; which day a session was is not known
    frame = frame.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)
    months = [month for month in MONTHS if (frame["Month"] == month).any()]
    period = frame["Month"].map(months.index).to_numpy()
    return Stream("online_shoppers", frame.drop(columns="Month"), "Revenue", True, period, tuple(months))


def bike_sharing(folder: Path) -> Stream:
    """Hours of two years by their 24 months: whether an hour has more rides than half of all hours.

    Year, month and season are no features: they say when. The second year has more rides than the first.
    """
    frame = pd.read_csv(folder / "hour.csv")
    month = frame["dteday"].str[:7]
    months = sorted(month.unique())
    frame["busy"] = frame["cnt"] > frame["cnt"].median()
    kept = frame.drop(columns=["instant", "dteday", "season", "yr", "mnth", "casual", "registered", "cnt"])
    return Stream("bike_sharing", kept, "busy", True, month.map(months.index).to_numpy(), tuple(months))


def in_order(folder: Path, target: str | None = None, periods: int = 12) -> Stream:
    """The one CSV file of a folder, whose rows are in the order of time, cut into equal periods.

    The target is the last column unless `target` names it; the rarer of its two values is the positive one. Raises
    ValueError for anything but one file and two values.
    """
    files = sorted(folder.glob("*.csv"))
    if len(files) != 1:
        raise ValueError(f"{folder} has {len(files)} CSV files; the replay reads a folder with one")
    frame = pd.read_csv(files[0])
    name = target or str(frame.columns[-1])
    if name not in frame:
        raise ValueError(f"{files[0].name} has no column {name!r}; it has {', '.join(map(str, frame.columns))}")
    frame = frame.dropna(subset=[name]).reset_index(drop=True)
    values = frame[name].astype(str).value_counts()
    if len(values) != 2:
        raise ValueError(f"{name!r} has {len(values)} values; the replay is of binary problems")
    if frame[name].dtype.kind != "b":
        frame[name] = frame[name].astype(str)
    positive = values.index[-1] if frame[name].dtype.kind != "b" else values.index[-1] == "True"
    period = np.arange(len(frame)) * periods // max(1, len(frame))
    return Stream(folder.name, frame, name, positive, period, tuple(str(number + 1) for number in range(periods)))


def read(folder: Path, target: str | None = None, periods: int = 12) -> Stream:
    known = {"online_shoppers": online_shoppers, "bike_sharing": bike_sharing}
    return known[folder.name](folder) if folder.name in known else in_order(folder, target, periods)
