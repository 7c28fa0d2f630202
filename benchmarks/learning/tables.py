"""The data sets of ../shared/data as tables: what is predicted from what, by which metric, and how rows are split."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]


def shared() -> Path:
    """`SHARED_DATA`, else `shared/data` beside this project or a folder above."""
    if given := os.environ.get("SHARED_DATA"):
        return Path(given)
    above = (folder / "shared" / "data" for folder in ROOT.parents)
    return next((folder for folder in above if folder.is_dir()), ROOT.parent / "shared" / "data")


GROUP = "group of rows"


@dataclass(frozen=True)
class Table:
    """`types` are the contract's; `groups` keeps rows together; `test` marks the data's own split.

    `looked_at`: somebody worked with the data while Sluice was built.
    """

    name: str
    kind: str
    frame: pd.DataFrame
    target: str
    metric: str
    types: dict[str, str]
    positive: Any = None
    groups: np.ndarray | None = None
    test: np.ndarray | None = None
    looked_at: bool = True
    features: dict[str, Any] = field(default_factory=dict)

    @property
    def all_types(self) -> dict[str, str]:
        """With the column of the groups, which is no feature."""
        return self.types if self.groups is None else {**self.types, GROUP: "integer"}

    @property
    def all_columns(self) -> pd.DataFrame:
        """`frame` with the column of the groups."""
        return self.frame if self.groups is None else self.frame.assign(**{GROUP: self.groups})

    def contract(self, seed: int, **training: Any) -> dict[str, Any]:
        """As contract.json of a run; `training` is its section."""
        grouped = self.groups is not None
        return {
            "project": "bench",
            "problem": {
                "type": self.kind, "target": self.target or None, "positive": self.positive, "metric": self.metric,
            },
            "data": {
                "key": [],
                "time": None,
                "columns": {name: {"type": kind} for name, kind in self.all_types.items()},
                "split": {"by": "random", **({"group": [GROUP]} if grouped else {})},
            },
            "features": {**self.features, **({"drop": [GROUP]} if grouped else {})},
            "training": {"seed": seed, **training},
            "gates": [],
        }  # fmt: skip


def typed(frame: pd.DataFrame, target: str, kind: str, **known: str) -> dict[str, str]:
    """Contract types by what the columns hold, as `sluice init` guesses them; `known` says otherwise."""
    found = {}
    for name in frame.columns:
        column = frame[name]
        if name in known:
            found[name] = known[name]
        elif column.dtype.kind == "b":
            found[name] = "boolean"
        elif column.dtype.kind in "iu":
            found[name] = "integer"
        elif column.dtype.kind == "f":
            found[name] = "number"
        else:
            distinct = column.nunique()
            found[name] = "category" if distinct <= max(2, column.notna().sum() // 10) else "text"
    if kind == "regression":
        found[target] = "number"
    elif found[target] != "boolean":
        found[target] = "category"
    return found


def table(name: str, kind: str, frame: pd.DataFrame, target: str, metric: str = "", **more: Any) -> Table:
    """A table whose class labels are texts; the default metric is that of the AutoML benchmark."""
    frame = frame.reset_index(drop=True)
    types = typed(frame, target, kind)
    if types[target] == "category":
        frame = frame.assign(**{target: frame[target].astype(str)})
    metric = metric or {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[kind]
    return Table(name, kind, frame, target, metric, types, **more)


def adult() -> Table:
    names = "age workclass fnlwgt education education_num marital_status occupation relationship race sex capital_gain"
    columns = [*names.split(), "capital_loss", "hours_per_week", "country", "income"]
    parts = [
        pd.read_csv(shared() / "adult" / f"adult.{part}", header=None, names=columns, skipinitialspace=True,
                    na_values="?", comment="|")
        for part in ("data", "test")
    ]  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    frame["income"] = frame["income"].str.rstrip(".")
    test = np.arange(len(frame)) >= len(parts[0])
    return table("adult", "binary", frame, "income", positive=">50K", test=test)


def online_shoppers() -> Table:
    frame = pd.read_csv(shared() / "online_shoppers" / "online_shoppers_intention.csv")
    for name in ("OperatingSystems", "Browser", "Region", "TrafficType"):
        frame[name] = frame[name].astype(str)
    return table("online_shoppers", "binary", frame, "Revenue", positive=True)


def telco_churn() -> Table:
    frame = pd.read_csv(shared() / "telco_churn" / "WA_Fn-UseC_-Telco-Customer-Churn.csv").drop(columns="customerID")
    frame["TotalCharges"] = pd.to_numeric(frame["TotalCharges"], errors="coerce")
    return table("telco_churn", "binary", frame, "Churn", positive="Yes")


def bike_sharing() -> Table:
    frame = pd.read_csv(shared() / "bike_sharing" / "hour.csv").drop(columns=["casual", "registered", "instant"])
    frame["dteday"] = frame["dteday"] + "T00:00:00"
    return Table("bike_sharing", "regression", frame, "cnt", "rmse",
                 typed(frame, "cnt", "regression", dteday="timestamp"))  # fmt: skip


def california_housing() -> Table:
    frame = pd.read_csv(shared() / "california_housing" / "housing.csv")
    return table("california_housing", "regression", frame, "median_house_value")


def dry_bean() -> Table:
    frame = pd.read_csv(shared() / "dry_bean" / "Dry_Bean_Dataset.csv").drop(columns="Bean ID")
    return table("dry_bean", "multiclass", frame, "Class")


def product_categories() -> Table:
    frame = pd.read_csv(shared() / "product_categories" / "pricerunner_aggregate.csv")
    frame.columns = frame.columns.str.strip()
    groups = pd.factorize(frame["Cluster Label"])[0]
    frame = frame[["Product Title", "Category Label"]].rename(columns={"Product Title": "title", "Category Label": "y"})
    return Table("product_categories", "multiclass", frame, "y", "log_loss", {"title": "text", "y": "category"},
                 groups=groups)  # fmt: skip


def sms_spam() -> Table:
    frame = pd.read_csv(shared() / "sms_spam" / "SMSSpamCollection", sep="\t", header=None, names=["y", "text"],
                        quoting=csv.QUOTE_NONE)  # fmt: skip
    types = {"y": "category", "text": "text"}
    return Table("sms_spam", "binary", frame, "y", "roc_auc", types, positive="spam")


def digits() -> Table:
    from sklearn.datasets import load_digits

    frame = load_digits(as_frame=True).frame
    return table("digits", "multiclass", frame, "target")


SHARED: dict[str, Callable[[], Table]] = {
    each.__name__: each
    for each in (
        adult, online_shoppers, telco_churn, bike_sharing, california_housing, dry_bean, product_categories, sms_spam,
    )
}  # fmt: skip


def folds(one: Table, seed: int = 0, count: int = 5) -> list[np.ndarray]:
    """Places of the test rows of each fold: stratified by class, whole groups where the table has groups."""
    chance = np.random.default_rng(seed)
    rows = len(one.frame)
    if one.groups is not None:
        of_group = chance.permutation(int(one.groups.max()) + 1) % count
        fold = of_group[one.groups]
    else:
        order = chance.permutation(rows)
        if one.kind in ("binary", "multiclass"):
            labels = pd.factorize(one.frame[one.target], sort=True)[0]
            order = order[np.argsort(labels[order], kind="stable")]
        fold = np.empty(rows, dtype=np.int64)
        fold[order] = np.arange(rows) % count
    return [np.flatnonzero(fold == k) for k in range(count)]
