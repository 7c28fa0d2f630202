"""Model families. Adding one: a file with `class <Name>(Family)`, a line in FAMILIES, and its search space."""

from __future__ import annotations

from families.base import Family, Sample, Task
from families.baseline import Baseline
from families.extra_trees import ExtraTrees
from families.gradient_boosting import GradientBoosting
from families.lightgbm import LightGBM
from families.logistic_regression import LogisticRegressionFamily
from families.mlp import Mlp
from families.penalised import ElasticNetFamily, Lasso, Ridge
from families.random_forest import RandomForest
from families.spline_linear import SplineLinear
from families.svm import Svm
from families.xgboost import XGBoost

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Baseline(),
        LogisticRegressionFamily(),
        Ridge(),
        Lasso(),
        ElasticNetFamily(),
        RandomForest(),
        ExtraTrees(),
        GradientBoosting(),
        LightGBM(),
        XGBoost(),
        SplineLinear(),
        Svm(),
        Mlp(),
    )
}

__all__ = ["FAMILIES", "Family", "Sample", "Task"]
