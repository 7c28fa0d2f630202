"""Families of problem type anomaly. Adding one: a class, a line in DETECTORS, and its search space."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

from sluice.model.segment_metrics import sampled
from unsupervised.autoencoder import Autoencoder
from unsupervised.base import Arrays, Detector, Meta, Parameter

_APART = 1e-4
"""Rows that a neighbour model keeps are moved by about this much, in standard deviations: equal rows would have
distances of 0, and rows at one distance no order."""


class Deviation(Detector):
    """The rule to beat: the greatest deviation of any column."""

    name = "baseline"

    def fit(self, points: np.ndarray, hyperparameters: dict[str, Any], seed: int) -> Any:
        return None

    def raw(self, fitted: Any, points: np.ndarray) -> np.ndarray:
        greatest: np.ndarray = np.abs(points).max(axis=1, initial=0.0)
        return greatest

    def export(self, fitted: Any) -> tuple[Arrays, Meta]:
        return {}, {"scorer": "deviation"}


class Isolation(Detector):
    name = "isolation_forest"
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "n-estimators": Parameter(150, 10, 1000),
        "max-samples": Parameter(256, 16, 4096),
    }

    def fit(self, points: np.ndarray, hyperparameters: dict[str, Any], seed: int) -> Any:
        samples = min(int(hyperparameters["max-samples"]), len(points))
        return IsolationForest(
            n_estimators=int(hyperparameters["n-estimators"]), max_samples=samples, random_state=seed, n_jobs=1
        ).fit(points)

    def raw(self, fitted: Any, points: np.ndarray) -> np.ndarray:
        found: np.ndarray = -fitted.score_samples(points)
        return found

    def export(self, fitted: Any) -> tuple[Arrays, Meta]:
        parts: dict[str, list[np.ndarray]] = {
            name: [] for name in ("feature", "threshold", "left", "right", "length", "tree_roots")
        }
        start = 0
        for estimator, columns in zip(fitted.estimators_, fitted.estimators_features_, strict=True):
            tree = estimator.tree_
            leaf, itself = tree.children_left < 0, np.arange(tree.node_count)
            depth = _depths(tree.children_left, tree.children_right)
            parts["feature"].append(np.where(leaf, 0, np.asarray(columns)[np.where(leaf, 0, tree.feature)]))
            parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))
            parts["left"].append(np.where(leaf, itself, tree.children_left) + start)
            parts["right"].append(np.where(leaf, itself, tree.children_right) + start)
            parts["length"].append(np.where(leaf, depth + average_path(tree.n_node_samples), 0.0))
            parts["tree_roots"].append(np.array([start]))
            start += tree.node_count
        arrays = {name: np.concatenate(values) for name, values in parts.items()}
        for name in ("feature", "left", "right", "tree_roots"):
            arrays[name] = arrays[name].astype(np.int32)
        arrays["expected"] = average_path(np.array([fitted.max_samples_]))
        deepest = max(int(estimator.tree_.max_depth) for estimator in fitted.estimators_)
        return arrays, {"scorer": "isolation", "depth": deepest}


class Neighbours(Detector):
    name = "lof"
    parameters = {"n-neighbors": Parameter(20, 2, 200)}  # noqa: RUF012
    most = 2_000

    def fit(self, points: np.ndarray, hyperparameters: dict[str, Any], seed: int) -> Any:
        moved = points + np.random.default_rng(seed).normal(0.0, _APART, points.shape)
        neighbours = min(int(hyperparameters["n-neighbors"]), len(points) - 1)
        # a tree compares exactly; brute force subtracts squares, which cancel for near rows
        return LocalOutlierFactor(n_neighbors=neighbours, novelty=True, algorithm="kd_tree").fit(moved)

    def raw(self, fitted: Any, points: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.log(-fitted.score_samples(points))
        return found

    def export(self, fitted: Any) -> tuple[Arrays, Meta]:
        return {
            "kept": np.asarray(fitted._fit_X, dtype=np.float64),
            "reach": fitted._distances_fit_X_[:, fitted.n_neighbors_ - 1],
            "density": fitted._lrd,
        }, {"scorer": "neighbours", "neighbours": int(fitted.n_neighbors_)}


class OneClass(Detector):
    """`gamma` counts in units of one over the space's variance, so that its range does not depend on the columns."""

    name = "one_class_svm"
    parameters = {"nu": Parameter(0.05, 0.001, 0.5), "gamma": Parameter(0.5, 0.001, 100.0)}  # noqa: RUF012
    most = 2_000

    def fit(self, points: np.ndarray, hyperparameters: dict[str, Any], seed: int) -> Any:
        variance = float(points.var(axis=0).sum()) or 1.0
        return OneClassSVM(gamma=float(hyperparameters["gamma"]) / variance, nu=float(hyperparameters["nu"])).fit(
            points
        )

    def raw(self, fitted: Any, points: np.ndarray) -> np.ndarray:
        found: np.ndarray = -fitted.decision_function(points)
        return found

    def export(self, fitted: Any) -> tuple[Arrays, Meta]:
        return {
            "kept": np.asarray(fitted.support_vectors_, dtype=np.float64),
            "weight": np.asarray(fitted.dual_coef_[0], dtype=np.float64),
            "offset": -np.asarray(fitted.intercept_, dtype=np.float64),
        }, {"scorer": "kernel", "gamma": float(fitted.gamma)}


def average_path(rows: np.ndarray) -> np.ndarray:
    """Mean path of an unsuccessful search in a binary tree of this many rows, 2·H(n - 1) - 2(n - 1)/n (Liu et al.)."""
    count = np.asarray(rows, dtype=np.float64)
    greater = np.maximum(count, 3.0)
    many = 2.0 * (np.log(greater - 1.0) + np.euler_gamma) - 2.0 * (greater - 1.0) / greater
    return np.where(count <= 1, 0.0, np.where(count == 2, 1.0, many))


def kept_rows(detector: Detector, rows: int) -> np.ndarray:
    """Places of the rows that a detector fits: all, or as many as it may keep, drawn by chance."""
    return np.arange(rows) if detector.most is None else sampled(rows, detector.most)


def _depths(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Edges from the root to each node; scikit-learn numbers a node before its children."""
    depth = np.zeros(len(left))
    for node in np.flatnonzero(left >= 0):
        depth[left[node]] = depth[right[node]] = depth[node] + 1.0
    return depth


DETECTORS: dict[str, Detector] = {
    each.name: each for each in (Deviation(), Isolation(), Neighbours(), OneClass(), Autoencoder())
}
