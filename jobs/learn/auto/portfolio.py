"""Configurations that are known to be good before the data are: the cheap and strong ones first.

Chosen on public data sets (docs/decisions); a family's own defaults fill what a line does not name. Adding one: a line.
A family that this environment does not have is left out, and said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from families import svm

SMALL = 2_000
LARGE = 60_000
MANY_COLUMNS = 400
KERNEL = 15_000
"""A support vector machine's time grows faster than with the square of the rows: with more it is a minute's work."""
CLASSES = ("binary", "multiclass")
WIDE = 5
"""Up to this many rows for each column, most columns say nothing that the rows could prove, and a penalty that leaves
columns out does better than trees, in a fraction of their time."""


class Configuration(NamedTuple):
    """`rows`: from and up to how many it is worth its time. `problems`: for which.

    `columns`: up to how many; `numbers`: up to how many rows times columns; `rows_per_column`: up to how many.

    `stands_for`: a family that makes this one superfluous, where this environment has it.
    """

    family: str
    hyperparameters: Mapping[str, Any] = {}
    rows: tuple[int, int] = (0, 10_000_000)
    problems: tuple[str, ...] = ("binary", "multiclass", "regression")
    columns: int = 100_000
    numbers: int = 10**12
    rows_per_column: float = math.inf
    stands_for: str = ""


_PORTFOLIO = (
    Configuration(
        "lightgbm",
        {"learning-rate": 0.06, "num-leaves": 24, "min-data-in-leaf": 20, "feature-fraction": 0.7, "lambda-l2": 1.0},
    ),
    Configuration(
        "gradient_boosting",
        {"learning-rate": 0.06, "max-leaf-nodes": 24, "min-samples-leaf": 20},
        stands_for="lightgbm",
    ),
    Configuration("lasso", {"alpha": 0.05, "spread": "standard"}, rows_per_column=WIDE),
    Configuration("elastic_net", {"alpha": 0.1, "spread": "standard"}, rows_per_column=WIDE),
    Configuration("ridge", {"alpha": 0.5, "spread": "standard"}, rows_per_column=WIDE),
    Configuration("logistic_regression", {"c": 0.3}),
    Configuration("svm", rows=(0, KERNEL), problems=CLASSES, numbers=svm.MAX_NUMBERS),
    Configuration("svm", rows=(0, KERNEL // 2), problems=("regression",), numbers=svm.MAX_NUMBERS),
    Configuration("catboost", rows=(0, 5 * LARGE)),
    Configuration("svm", {"c": 2.0, "gamma": 0.3}, rows=(0, KERNEL // 2), numbers=svm.MAX_NUMBERS),
    Configuration(
        "lightgbm",
        {"learning-rate": 0.05, "num-leaves": 8, "min-data-in-leaf": 20, "feature-fraction": 0.5, "lambda-l2": 5.0},
        rows=(0, LARGE),
    ),
    Configuration("spline_linear", rows=(0, LARGE), columns=MANY_COLUMNS),
    Configuration("xgboost", rows=(0, 5 * LARGE)),
    Configuration("mlp", rows=(300, 2 * LARGE), columns=MANY_COLUMNS),
    Configuration("svm", {"c": 10.0, "spread": "common"}, rows=(0, KERNEL // 2), numbers=svm.MAX_NUMBERS),
    Configuration("svm", {"c": 50.0, "gamma": 0.5}, rows=(0, KERNEL // 2), numbers=svm.MAX_NUMBERS),
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
    Configuration(
        "lightgbm",
        {"learning-rate": 0.04, "num-leaves": 63, "min-data-in-leaf": 15, "feature-fraction": 0.5, "lambda-l2": 3.0},
        rows=(SMALL, 10_000_000),
    ),
    Configuration("catboost", {"learning-rate": 0.1, "depth": 5, "rsm": 0.5}, rows=(0, LARGE), columns=MANY_COLUMNS),
    Configuration(
        "extra_trees",
        {"n-estimators": 120, "max-depth": 18, "min-samples-leaf": 3, "max-features": 0.5},
        rows=(0, LARGE),
    ),
    Configuration(
        "extra_trees",
        {"n-estimators": 150, "max-depth": 20, "min-samples-leaf": 1, "max-features": 0.7},
        rows=(0, LARGE // 2),
    ),
    Configuration("logistic_regression", {"c": 0.01, "spread": "standard"}, rows=(0, LARGE)),
    Configuration("logistic_regression", {"c": 10.0, "spread": "standard"}, rows=(0, LARGE)),
    Configuration(
        "random_forest",
        {"n-estimators": 120, "max-depth": 14, "min-samples-leaf": 4, "max-features": 0.3},
        rows=(0, LARGE),
    ),
)


def portfolio(problem: str, rows: int, columns: int, *, texts: bool = False) -> list[Configuration]:
    """In the order in which they should be tried: with text columns, the family that weighs words comes first."""
    suited = [
        each
        for each in _PORTFOLIO
        if problem in each.problems
        and each.rows[0] <= rows <= each.rows[1]
        and columns <= each.columns
        and rows * columns <= each.numbers
        and rows <= each.rows_per_column * columns
    ]
    return sorted(suited, key=lambda each: each.family != "logistic_regression") if texts else suited
