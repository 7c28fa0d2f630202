"""Histogram gradient boosting (HistGradientBoosting); missing values go where training learned to send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from families.base import Arrays, Estimated, Meta, Parameter, output_of


class GradientBoosting(Estimated):
    name = "gradient_boosting"
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "max-iter": Parameter(120, 1, 5000),
        "learning-rate": Parameter(0.06, 1e-4, 1.0),
        "max-leaf-nodes": Parameter(12, 2, 1000),
        "min-samples-leaf": Parameter(25, 1, 10_000),
        "l2-regularization": Parameter(1.0, 0.0, 1e6),
        "max-features": Parameter(0.5, 0.01, 1.0),
    }

    def build(self, hyperparameters: Mapping[str, Any], problem: str, seed: int) -> Any:
        arguments = {name.replace("-", "_"): value for name, value in hyperparameters.items()}
        make = HistGradientBoostingRegressor if problem == "regression" else HistGradientBoostingClassifier
        return make(**arguments, early_stopping=False, random_state=seed)

    def export(self, estimator: Any) -> tuple[Arrays, Meta]:
        # scikit-learn has no public access to these trees; the parity check at the end of training guards the use.
        trees = [tree.nodes for iteration in estimator._predictors for tree in iteration]
        if any(nodes["is_categorical"].any() for nodes in trees):
            raise NotImplementedError("categorical splits are not exported; the encoder makes one-hot columns")
        sizes = [len(nodes) for nodes in trees]
        roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        start = np.repeat(roots, sizes)
        nodes = np.concatenate(trees)
        leaf = nodes["is_leaf"] != 0
        itself = np.arange(len(nodes))
        arrays = {
            "feature": np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32),
            "threshold": np.where(leaf, 0.0, nodes["num_threshold"]),
            "left": np.where(leaf, itself, nodes["left"] + start).astype(np.int32),
            "right": np.where(leaf, itself, nodes["right"] + start).astype(np.int32),
            "missing_left": np.where(leaf, 0, nodes["missing_go_to_left"]).astype(np.uint8),
            "value": nodes["value"].astype(np.float64),
            "roots": roots.astype(np.int32),
            "start": np.asarray(estimator._baseline_prediction, dtype=np.float64).ravel(),
        }
        meta = {
            "scorer": "boosting",
            "output": output_of(estimator),
            "width": int(estimator.n_features_in_),
            "depth": int(nodes["depth"].max()),
        }
        return arrays, meta
