"""What the contract asks of the whole matrix, learned from the training rows: see `sluice.model.preparation.matrix`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from families import Task
from sluice.model.encoder import Encoder
from sluice.model.preparation.matrix import Components, Select, Stage, UnitNorm

_NUMBERS = ("number", "log", "prepared")
_MAX_LEARNT = 10_000


def fit_stages(
    encoder: Encoder, features: Mapping[str, Any], matrix: np.ndarray, y: np.ndarray, task: Task
) -> tuple[list[Stage], np.ndarray]:
    """The stages in their order, and the matrix after them."""
    stages: list[Stage] = []

    def add(stage: Stage) -> None:
        nonlocal matrix
        stages.append(stage)
        matrix = stage(matrix)

    if features.get("unit_norm") and (columns := _number_columns(encoder)):
        add(UnitNorm(columns))
    asked = features.get("select") or {}
    if (least := asked.get("min_variance")) is not None:
        add(Select(_at_least_one(_variances(matrix) > least)))
    for method, weigh in (("mutual_information", _information), ("model", _importance)):
        count = asked.get(method)
        if count is not None and count < matrix.shape[1]:
            weights = weigh(*_sample(matrix, y, task.seed), task)
            add(Select(np.sort(np.argsort(-weights, kind="stable")[:count]).tolist()))
    if (count := features.get("components")) is not None:
        add(_components(matrix, count, task.seed))
    return stages, matrix


def _number_columns(encoder: Encoder) -> list[int]:
    found, offset = [], 0
    for part, width in encoder.widths:
        if part["kind"] in _NUMBERS:
            found.append(offset)  # an indicator of missing values stays unchanged
        offset += width
    return found


def _at_least_one(chosen: np.ndarray) -> list[int]:
    """A model needs a column: the first, where none is chosen."""
    return np.flatnonzero(chosen).tolist() or [0]


def _variances(matrix: np.ndarray) -> np.ndarray:
    """Variances of the columns, scaled to 0–1. Missing counts as one more value, so that a column with gaps varies."""
    gaps = np.isnan(matrix)
    held = np.where(gaps, np.inf, matrix)
    low = held.min(axis=0)
    low = np.where(np.isfinite(low), low, 0.0)
    high = np.where(gaps, -np.inf, matrix).max(axis=0)
    high = np.where(np.isfinite(high), high, low)
    half = np.maximum(high / 2 - low / 2, np.finfo(np.float64).tiny)
    scaled = np.where(gaps, -1.0, (matrix / 2 - low / 2) / half)
    variance: np.ndarray = np.where(gaps.all(axis=0), 0.0, scaled.var(axis=0))
    return variance


def _sample(matrix: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Some rows, with the median for missing values."""
    at = np.random.default_rng(seed).permutation(len(matrix))[:_MAX_LEARNT]
    chosen = matrix[at]
    return np.where(np.isnan(chosen), _medians(matrix), chosen), y[at]


def _medians(matrix: np.ndarray) -> np.ndarray:
    """0 for a column without a value."""
    found = np.zeros(matrix.shape[1])
    for j in range(matrix.shape[1]):
        known = matrix[~np.isnan(matrix[:, j]), j]
        found[j] = np.median(known) if len(known) else 0.0
    return found


def _information(matrix: np.ndarray, y: np.ndarray, task: Task) -> np.ndarray:
    measure = mutual_info_regression if task.problem == "regression" else mutual_info_classif
    found: np.ndarray = measure(matrix, y, random_state=task.seed)
    return found


def _importance(matrix: np.ndarray, y: np.ndarray, task: Task) -> np.ndarray:
    make = ExtraTreesRegressor if task.problem == "regression" else ExtraTreesClassifier
    forest = make(n_estimators=100, min_samples_leaf=5, random_state=task.seed, n_jobs=1).fit(matrix, y)
    found: np.ndarray = forest.feature_importances_
    return found


def _components(matrix: np.ndarray, count: int, seed: int) -> Components:
    fill = _medians(matrix)
    filled = np.where(np.isnan(matrix), fill, matrix)
    mean, scale = filled.mean(axis=0), filled.std(axis=0)
    # of equal numbers the deviation may be a rounding error above 0
    scale = np.where((np.ptp(filled, axis=0) > 0) & np.isfinite(scale), scale, 1.0)
    plain = (filled - mean) / scale
    count = min(count, *plain.shape)
    fitted = PCA(count, svd_solver="randomized" if min(plain.shape) > 500 else "full", random_state=seed).fit(plain)
    return Components(fill, mean, scale, np.ascontiguousarray(fitted.components_.T))
