"""Histogram gradient boosting (HistGradientBoosting); missing values go where training learned to send them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from families.base import Arrays, Family, Meta, Parameter, Sample, Task, output_of
from families.objectives import quantile_of
from families.rounds import ROOM, patience

_BINNED = 200_000  # rows of which scikit-learn makes bins
_FIRST = 50  # rounds between two looks at the clock; doubled each time, since each begins with binning all rows again


class GradientBoosting(Family):
    """Watches the loss that it minimises: scikit-learn follows any other metric much more slowly."""

    name = "gradient_boosting"
    encoding = "ordinal"
    rounds = "max-iter"
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "max-iter": Parameter(120, 1, 5000),
        "learning-rate": Parameter(0.06, 1e-4, 1.0),
        "max-leaf-nodes": Parameter(12, 2, 1000),
        "min-samples-leaf": Parameter(25, 1, 10_000),
        "l2-regularization": Parameter(1.0, 0.0, 1e6),
        "max-features": Parameter(0.5, 0.01, 1.0),
    }

    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        sample = sample._replace(matrix=without_empty_columns(sample.matrix, sample.weight))
        arguments = {name.replace("-", "_"): value for name, value in hyperparameters.items()}
        make = HistGradientBoostingRegressor if task.problem == "regression" else HistGradientBoostingClassifier
        if (quantile := quantile_of(task.problem, task.metric)) is not None:
            arguments |= {"loss": "quantile", "quantile": quantile}
        estimator = make(
            **arguments,
            early_stopping=watch is not None,
            n_iter_no_change=patience(arguments["learning_rate"]),
            tol=0.0,
            random_state=task.seed,
        )
        watched: dict[str, Any] = {}
        if watch is not None:
            watched = {"X_val": watch.matrix, "y_val": watch.y, "sample_weight_val": watch.weight}
        rounds = arguments["max_iter"] if watch is None else ROOM
        if watch is not None and task.progress:
            self._fit_and_report(estimator, task, sample, watch, watched)
        else:
            _fit_in_time(estimator, rounds, task.deadline, sample, watched)
        if watch is not None:
            # scores begin with that of no round; the rounds after the best go (the parity check guards this use)
            best = max(1, int(np.argmax(estimator.validation_score_)))
            del estimator._predictors[best:]
        return estimator

    def _fit_and_report(
        self, estimator: Any, task: Task, sample: Sample, watch: Sample, watched: Mapping[str, Any]
    ) -> None:
        """The same model as in one go; each portion begins with binning all rows again."""
        estimator.set_params(warm_start=True)
        for rounds in (*task.progress.rounds, ROOM):
            estimator.set_params(max_iter=rounds).fit(sample.matrix, sample.y, sample.weight, **watched)
            if len(estimator._predictors) < rounds or time.monotonic() >= task.deadline:
                return  # it has stopped early
            task.progress.after(rounds, lambda: self.answer(estimator, task, watch))

    def settled(self, fitted: Any, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**hyperparameters, "max-iter": len(fitted._predictors)}

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


def without_empty_columns(matrix: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """With 0 in columns of which the rows that are binned may have no value: scikit-learn fails on these (1.9), and no
    tree asks for a column of one value. Rows without weight are not binned."""
    least = 1 if len(matrix) <= _BINNED else 20 * len(matrix) / _BINNED
    empty = (~np.isnan(matrix if weight is None else matrix[weight != 0])).sum(axis=0) < least
    return np.where(empty, 0.0, matrix) if empty.any() else matrix


def _fit_in_time(estimator: Any, rounds: int, deadline: float, sample: Sample, watched: Mapping[str, Any]) -> None:
    """Fits in portions that a look at the clock ends; the same model as in one go, if there is time for it."""
    if deadline == float("inf"):
        estimator.set_params(max_iter=rounds).fit(sample.matrix, sample.y, sample.weight, **watched)
        return
    began, done, portion = time.monotonic(), 0, min(_FIRST, rounds)
    estimator.set_params(warm_start=True)
    while portion:
        estimator.set_params(max_iter=done + portion).fit(sample.matrix, sample.y, sample.weight, **watched)
        if len(estimator._predictors) < done + portion:
            return  # it has stopped early
        done += portion
        now = time.monotonic()
        # rounds that the time left is enough for, at the speed until now
        affordable = int(done * (deadline - now) / max(now - began, 1e-9))
        portion = max(0, min(done, rounds - done, affordable))
