"""Random forest: trees on bootstrap samples, each split the best of some columns."""

from __future__ import annotations

from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from families.base import Parameter
from families.forests import Forest


class RandomForest(Forest):
    name = "random_forest"
    seeded = True
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "n-estimators": Parameter(150, 1, 2000),
        "max-depth": Parameter(12, 1, 30),
        "min-samples-leaf": Parameter(5, 1, 10_000),
        "max-features": Parameter(0.3, 0.01, 1.0),
    }
    classifier, regressor = RandomForestClassifier, RandomForestRegressor
