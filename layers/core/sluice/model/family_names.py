"""What people call a model family. Contracts, records and JSON have its key; what a person reads has this name.

A key names the code that fits it. `logistic_regression` fits a ridge regression where the target is a number, and
`ridge` a logistic regression where it is a class: a reader sees what was fitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_NAMES = {
    "baseline": "baseline",
    "auto": "auto (weighted ensemble)",
    "logistic_regression": "logistic regression",
    "ridge": "logistic regression, ridge penalty",
    "lasso": "logistic regression, lasso penalty",
    "elastic_net": "logistic regression, elastic net penalty",
    "spline_linear": "generalised additive model (splines)",
    "random_forest": "random forest",
    "extra_trees": "extra trees",
    "gradient_boosting": "gradient boosting",
    "lightgbm": "LightGBM",
    "xgboost": "XGBoost",
    "catboost": "CatBoost",
    "svm": "support vector machine",
    "mlp": "multi-layer perceptron",
    "torch_mlp": "multi-layer perceptron (PyTorch)",
    "keras_mlp": "multi-layer perceptron (Keras)",
    "kmeans": "k-means",
    "gaussian_mixture": "Gaussian mixture",
    "pca_kmeans": "k-means on principal components",
    "isolation_forest": "isolation forest",
    "lof": "local outlier factor",
    "one_class_svm": "one-class support vector machine",
    "autoencoder": "autoencoder",
}
_OF_NUMBERS = {
    "logistic_regression": "ridge regression",
    "ridge": "ridge regression",
    "lasso": "lasso regression",
    "elastic_net": "elastic net regression",
    "svm": "support vector regression",
}
"""Where the target is a number."""


def members_of(trials: Iterable[Mapping[str, Any]]) -> list[str]:
    """Families of the trials that `auto` gave a weight, the greatest first; the same family once for each trial.

    >>> members_of([{"family": "svm", "weight": 0.3}, {"family": "ridge", "weight": 0.7}, {"family": "mlp"}])
    ['ridge', 'svm']
    """
    weighed = sorted((each for each in trials if each.get("weight")), key=lambda each: -float(each["weight"]))
    return [str(each["family"]) for each in weighed]


def family_name(family: object, problem: str | None, members: Sequence[str] = ()) -> str:
    """The name of what was fitted; `problem` is the contract's `problem.type`. An unknown family keeps its key's words.

    `members` are those of `auto` (`members_of`), as far as they are known. A single one is not an ensemble.

    >>> family_name("logistic_regression", "regression"), family_name("logistic_regression", "binary")
    ('ridge regression', 'logistic regression')
    >>> family_name("my_own", "binary"), family_name(None, "binary")
    ('my own', '–')
    >>> family_name("auto", "regression", ["ridge"]), family_name("auto", "regression", ["ridge", "svm"])
    ('auto (one model: ridge regression)', 'auto (weighted ensemble)')
    """
    if not family:
        return "–"
    key = str(family)
    if key == "auto" and len(members) == 1:
        return f"auto (one model: {family_name(members[0], problem)})"
    own = _OF_NUMBERS.get(key) if problem == "regression" else None
    return own or _NAMES.get(key) or key.replace("_", " ")


def family_with_key(family: object, problem: str | None) -> str:
    """The name, and the key to write in a contract where the name does not show it.

    >>> family_with_key("logistic_regression", "regression"), family_with_key("random_forest", "regression")
    ('ridge regression (key: logistic_regression)', 'random forest')
    """
    name = family_name(family, problem)
    shown = not family or name.casefold().replace(" ", "_") == str(family)
    return name if shown else f"{name} (key: {family})"
