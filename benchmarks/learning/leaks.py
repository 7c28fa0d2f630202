"""The leakage alarm on whole files, identifiers and parts of the target included: what it should name."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.learning.tables import shared, typed
from sluice.model.labels import Labels
from sluice.model.schema import Row, Schema

LEAKS: dict[str, set[tuple[str, ...]]] = {
    "online_shoppers": {("PageValues",)},
    "telco_churn": {("customerID",)},
    "adult": set(),
    "bike_sharing": {("casual", "registered"), ("instant",)},
    "california_housing": set(),
    "dry_bean": {("Bean ID",)},
    "product_categories": {("Category ID",), ("Cluster ID",), ("Product ID",)},
    "sms_spam": set(),
    "wholesale_customers": {("CustomerId",)},
}
_TARGETS = {
    "online_shoppers": ("online_shoppers_intention.csv", "Revenue", "binary", True),
    "telco_churn": ("WA_Fn-UseC_-Telco-Customer-Churn.csv", "Churn", "binary", "Yes"),
    "adult": ("adult.data", "14", "binary", ">50K"),
    "bike_sharing": ("hour.csv", "cnt", "regression", None),
    "california_housing": ("housing.csv", "median_house_value", "regression", None),
    "dry_bean": ("Dry_Bean_Dataset.csv", "Class", "multiclass", None),
    "product_categories": ("pricerunner_aggregate.csv", "Category Label", "multiclass", None),
    "sms_spam": ("SMSSpamCollection", "0", "binary", "spam"),
    "wholesale_customers": ("wholesale_customers_with_id.csv", "Channel", "multiclass", None),
}


def rows_of(name: str) -> tuple[dict[str, Any], Schema, list[Row], Labels, np.ndarray]:
    """Contract, schema, typed rows, labels and targets of a whole file."""
    file, target, kind, positive = _TARGETS[name]
    options: dict[str, Any] = {}
    if name == "adult":
        options = {"header": None, "skipinitialspace": True, "na_values": "?"}
    if name == "sms_spam":
        options = {"header": None, "sep": "\t", "quoting": csv.QUOTE_NONE}
    frame = pd.read_csv(shared() / name / file, **options)
    frame.columns = [str(column).strip() for column in frame.columns]
    if name == "telco_churn":
        frame["TotalCharges"] = pd.to_numeric(frame["TotalCharges"], errors="coerce")
    types = typed(frame, target, kind)
    if types[target] == "category":
        frame[target] = frame[target].astype(str)
    contract = {
        "problem": {"type": kind, "target": target, "positive": positive, "metric": "any"},
        "data": {"columns": {column: {"type": type_} for column, type_ in types.items()}},
    }
    schema = Schema.from_contract(contract)
    columns = {column: [_value(value, types[column]) for value in frame[column].tolist()] for column in types}
    rows: list[Row] = [dict(zip(columns, values)) for values in zip(*columns.values())]
    labels = Labels.fit(contract, rows, name)
    return contract, schema, rows, labels, labels.encode(rows, name)


def _value(value: Any, kind: str) -> Any:
    if value is None or value != value:
        return None
    if kind == "boolean":
        return bool(value)
    return float(value) if kind in ("integer", "number") else str(value)
