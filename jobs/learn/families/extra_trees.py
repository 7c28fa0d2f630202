"""Extremely randomised trees: all rows for each tree, each split the best of one random threshold per column.

Source: Geurts, Ernst and Wehenkel, Machine Learning 63 (2006).
"""

from __future__ import annotations

from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from families.base import Parameter
from families.forests import Forest


class ExtraTrees(Forest):
    name = "extra_trees"
    seeded = True
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "n-estimators": Parameter(150, 1, 2000),
        "max-depth": Parameter(16, 1, 40),
        "min-samples-leaf": Parameter(2, 1, 10_000),
        "max-features": Parameter(0.5, 0.01, 1.0),
    }
    classifier, regressor = ExtraTreesClassifier, ExtraTreesRegressor
