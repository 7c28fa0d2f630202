"""Configurations that are known to be good before the data are: the cheap and strong ones first.

Chosen on public data sets (docs/decisions); a family's own defaults fill what a line does not name. Adding one: a line.
A family that this environment does not have is left out, and said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

SMALL = 2_000
LARGE = 60_000
MANY_COLUMNS = 400


class Configuration(NamedTuple):
    """`rows`: from and up to how many it is worth its time. `problems`: for which; `columns`: up to how many."""

    family: str
    hyperparameters: Mapping[str, Any] = {}
    rows: tuple[int, int] = (0, 10_000_000)
    problems: tuple[str, ...] = ("binary", "multiclass", "regression")
    columns: int = 100_000


_PORTFOLIO = (
    Configuration(
        "lightgbm",
        {"learning-rate": 0.06, "num-leaves": 24, "min-data-in-leaf": 20, "feature-fraction": 0.7, "lambda-l2": 1.0},
    ),
    Configuration("logistic_regression", {"c": 0.3}),
    Configuration(
        "lightgbm",
        {"learning-rate": 0.04, "num-leaves": 8, "min-data-in-leaf": 20, "feature-fraction": 0.5, "lambda-l2": 5.0},
        rows=(0, LARGE),
    ),
    Configuration("spline_linear", columns=MANY_COLUMNS),
    Configuration("extra_trees", {"n-estimators": 150, "max-depth": 18, "min-samples-leaf": 2}, rows=(0, LARGE)),
    Configuration("mlp", rows=(300, LARGE), columns=MANY_COLUMNS),
    Configuration("gradient_boosting", {"learning-rate": 0.06, "max-leaf-nodes": 24, "min-samples-leaf": 20}),
    Configuration(
        "xgboost",
        rows=(0, LARGE),
    ),
    Configuration(
        "lightgbm",
        {
            "learning-rate": 0.05,
            "num-leaves": 48,
            "min-data-in-leaf": 8,
            "feature-fraction": 0.6,
            "extra-trees": "true",
        },
    ),
    Configuration("catboost", rows=(0, LARGE)),
    Configuration("random_forest", {"n-estimators": 150, "max-depth": 16, "min-samples-leaf": 2}, rows=(0, LARGE)),
    Configuration(
        "lightgbm",
        {"learning-rate": 0.03, "num-leaves": 63, "min-data-in-leaf": 15, "feature-fraction": 0.5, "lambda-l2": 3.0},
        rows=(SMALL, 10_000_000),
    ),
    Configuration("logistic_regression", {"c": 0.01, "spread": "standard"}, rows=(0, LARGE)),
    Configuration("logistic_regression", {"c": 10.0, "spread": "standard"}, rows=(0, LARGE)),
    Configuration(
        "extra_trees",
        {"n-estimators": 200, "max-depth": 20, "min-samples-leaf": 1, "max-features": 1.0},
        rows=(0, LARGE),
    ),
)


def portfolio(problem: str, rows: int, columns: int) -> list[Configuration]:
    """In the order in which they should be tried."""
    return [
        each
        for each in _PORTFOLIO
        if problem in each.problems and each.rows[0] <= rows <= each.rows[1] and columns <= each.columns
    ]
