"""Random forest, and the flat form of scikit-learn's trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from families.base import Arrays, Estimated, Meta, Parameter, output_of


def flatten(trees: Sequence[Any]) -> tuple[Arrays, int]:
    """scikit-learn `Tree` objects → flat arrays and the greatest depth. A leaf points to itself."""
    parts: dict[str, list[np.ndarray]] = {
        name: [] for name in ("feature", "threshold", "left", "right", "missing_left", "value")
    }
    roots, start = [], 0
    for tree in trees:
        itself = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        parts["feature"].append(np.where(leaf, 0, tree.feature))
        parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))
        parts["left"].append(np.where(leaf, itself, tree.children_left) + start)
        parts["right"].append(np.where(leaf, itself, tree.children_right) + start)
        parts["missing_left"].append(np.where(leaf, 0, tree.missing_go_to_left))
        parts["value"].append(tree.value[:, 0, :])
        roots.append(start)
        start += tree.node_count
    arrays: Arrays = {name: np.concatenate(values) for name, values in parts.items()}
    for name in ("feature", "left", "right"):
        arrays[name] = arrays[name].astype(np.int32)
    arrays["missing_left"] = arrays["missing_left"].astype(np.uint8)
    arrays["roots"] = np.array(roots, dtype=np.int32)
    return arrays, max(int(tree.max_depth) for tree in trees)


class RandomForest(Estimated):
    name = "random_forest"
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "n-estimators": Parameter(150, 1, 2000),
        "max-depth": Parameter(12, 1, 30),
        "min-samples-leaf": Parameter(5, 1, 10_000),
        "max-features": Parameter(0.3, 0.01, 1.0),
    }

    def build(self, hyperparameters: Mapping[str, Any], problem: str, seed: int) -> Any:
        arguments = {name.replace("-", "_"): value for name, value in hyperparameters.items()}
        make = RandomForestRegressor if problem == "regression" else RandomForestClassifier
        # One job: scikit-learn adds up trees in the order in which threads end, which changes the last bits.
        return make(**arguments, random_state=seed, n_jobs=1)

    def export(self, estimator: Any) -> tuple[Arrays, Meta]:
        arrays, depth = flatten([tree.tree_ for tree in estimator.estimators_])
        output = "identity" if output_of(estimator) == "identity" else "probability"
        return arrays, {"scorer": "forest", "output": output, "width": int(estimator.n_features_in_), "depth": depth}
