"""Forests of scikit-learn: their fit within a limit of size, and the flat form of their trees."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from families.base import Arrays, Family, Meta, Sample, Task, output_of
from families.node_tables import Tree, flatten

MAX_BYTES = 96 << 20
"""The largest size of a forest's arrays: far below an archive's limit (`sluice.model.archive`), loaded in a second."""
_FIRST = 5  # trees between two looks at the clock; doubled each time
_NODE_BYTES = 25  # feature, left, right: 4 each; threshold: 8; missing_left: 1


def read_tree(tree: Any) -> Tree:
    """A `Tree` of scikit-learn."""
    leaf = tree.children_left < 0
    itself = np.arange(tree.node_count)
    return Tree(
        tree.feature,
        tree.threshold,
        np.where(leaf, itself, tree.children_left),
        np.where(leaf, itself, tree.children_right),
        tree.missing_go_to_left,
        tree.value[:, 0, :],
    )


def most_leaves(trees: int, answers: int) -> int:
    """How many leaves each of a forest's trees may have; `answers` numbers are kept for each node."""
    return max(2, MAX_BYTES // (trees * 2 * (_NODE_BYTES + 8 * answers)))


class Forest(Family):
    """`classifier` and `regressor` are scikit-learn's."""

    encoding = "ordinal"
    classifier: ClassVar[Any]
    regressor: ClassVar[Any]

    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        arguments = {name.replace("-", "_"): value for name, value in hyperparameters.items()}
        leaves = most_leaves(int(arguments["n_estimators"]), max(1, task.classes))
        possible = min(len(sample.y) // arguments["min_samples_leaf"], 2 ** arguments["max_depth"])
        make = self.regressor if task.problem == "regression" else self.classifier
        estimator = make(
            **arguments,
            # trees that cannot become too large grow in scikit-learn's usual order
            max_leaf_nodes=leaves if possible > leaves else None,
            random_state=task.seed,
            n_jobs=task.threads,
        )
        _grow_in_time(estimator, arguments["n_estimators"], task.deadline, sample)
        # One job: scikit-learn adds up answers in the order in which threads end, which changes the last bits.
        return estimator.set_params(n_jobs=1)

    def settled(self, fitted: Any, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**hyperparameters, "n-estimators": len(fitted.estimators_)}

    def export(self, fitted: Any) -> tuple[Arrays, Meta]:
        arrays, depth = flatten([read_tree(tree.tree_) for tree in fitted.estimators_])
        output = "identity" if output_of(fitted) == "identity" else "probability"
        return arrays, {"scorer": "forest", "output": output, "width": int(fitted.n_features_in_), "depth": depth}


def _grow_in_time(estimator: Any, trees: int, deadline: float, sample: Sample) -> None:
    """Grows the trees in portions that a look at the clock ends; the same forest as in one go, if there is time."""
    began, done = time.monotonic(), 0
    portion = trees if deadline == float("inf") else min(_FIRST, trees)
    estimator.set_params(warm_start=True)
    while portion:
        done += portion
        estimator.set_params(n_estimators=done).fit(sample.matrix, sample.y, sample_weight=sample.weight)
        now = time.monotonic()
        # trees that the time left is enough for, at the speed until now
        affordable = 0 if done == trees else int(done * (deadline - now) / max(now - began, 1e-9))
        portion = max(0, min(done, trees - done, affordable))
