"""Model families. Adding one: a file with `class <Name>(Family)`, a line in FAMILIES, and its search space."""

from __future__ import annotations

import importlib.util
from typing import ClassVar, Protocol

from families.base import Family, Sample, Task
from families.baseline import Baseline
from families.catboost import CatBoost
from families.extra_trees import ExtraTrees
from families.gradient_boosting import GradientBoosting
from families.keras_mlp import KerasMlp
from families.lightgbm import LightGBM
from families.logistic_regression import LogisticRegressionFamily
from families.mlp import Mlp
from families.penalised import ElasticNetFamily, Lasso, Ridge
from families.random_forest import RandomForest
from families.spline_linear import SplineLinear
from families.svm import Svm
from families.torch_mlp import TorchMlp
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
        CatBoost(),
        SplineLinear(),
        Svm(),
        Mlp(),
        TorchMlp(),
        KerasMlp(),
    )
}


class NeedsLibrary(Protocol):
    library: ClassVar[str]


def installed(family: NeedsLibrary) -> bool:
    """Whether the library that a family needs is there. It is not imported: its threads would not survive a fork."""
    return not family.library or importlib.util.find_spec(family.library) is not None


def available(name: str) -> bool:
    """Whether there is a family of that name, and its library is installed."""
    return name in FAMILIES and installed(FAMILIES[name])


__all__ = ["FAMILIES", "Family", "Sample", "Task", "available", "installed"]
