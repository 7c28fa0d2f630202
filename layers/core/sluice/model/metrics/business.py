"""Metrics in money, of contacting everyone whose probability makes a contact pay. Binary problems only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sluice.model.metrics.weighting import Metric, ratio


def break_even(business: Mapping[str, Any]) -> float:
    """The probability from which a contact pays: cost / value. Known before any test row, so nothing is tuned."""
    return float(business["cost_per_contact"]) / float(business["value_per_true_positive"])


def has_value(business: Mapping[str, Any] | None) -> bool:
    return bool(business) and float((business or {}).get("value_per_true_positive") or 0) > 0


def money_metrics(problem: str, business: Mapping[str, Any] | None) -> dict[str, Metric]:
    """`profit` of contacting everyone with p ≥ break-even, its `uplift` over contacting all, and the profit per row.

    `profit` and `uplift` are sums over the rows given; `value_per_decision` is profit / rows.
    """
    if problem != "binary" or business is None or not has_value(business):
        return {}
    value, cost = float(business["value_per_true_positive"]), float(business["cost_per_contact"])
    border = break_even(business)

    def gain(y: np.ndarray) -> np.ndarray:
        return value * (y != 0) - cost

    def profit(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return weights @ (gain(y) * (p[:, 1] >= border))

    def uplift(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return profit(y, p, weights) - weights @ gain(y)

    def per_decision(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return ratio(profit(y, p, weights), weights.sum(axis=1))

    return {
        "profit": Metric(profit, total=True),
        "uplift": Metric(uplift, total=True),
        "value_per_decision": Metric(per_decision),
    }
