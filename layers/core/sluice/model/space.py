"""The space in which rows are near or far from each other, for models that learn without labels.

Each number has a variance of 1 after its median stands for missing values and heavy tails are signed-log scaled. The
matrix columns of one category, text or time together, and a column of two values, have half of a number's weight:
otherwise every combination of them would look like a segment of its own (as in Huang's k-prototypes, 1998). The space
follows from the training rows and the contract alone, not from hyperparameters, so that a measure of distance (the
silhouette) compares models of one run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

PREFIX = "space_"
HALF = 0.5
HEAVY = 2.0
"""Absolute skewness from which a column is log scaled, where that makes it smaller."""


class Space:
    """`log` (width,) bool; `impute`, `centre`, `scale` (width,) float64: imputed and scaled after the log."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.log = arrays[f"{PREFIX}log"].astype(bool)
        self.impute, self.centre, self.scale = (arrays[f"{PREFIX}{name}"] for name in ("impute", "centre", "scale"))
        if len({len(self.log), len(self.impute), len(self.centre), len(self.scale)}) != 1:
            raise ValueError("the arrays of the space do not have one width")

    @classmethod
    def fit(cls, matrix: np.ndarray, groups: Sequence[tuple[int, int]]) -> Space:
        """`groups`: (offset, width) of the matrix columns of each contract column; the rest are columns of their own.

        `matrix` (rows, width), NaN for missing. A column without any value, or with one value, adds no distance.
        """
        width = matrix.shape[1]
        log = np.array([_log_helps(column) for column in matrix.T], dtype=bool)
        for offset, size in groups:
            if size > 1:
                log[offset : offset + size] = False
        spread = _spread(matrix, log)
        impute = np.array([_median(column) for column in spread.T])
        filled = np.where(np.isnan(spread), impute, spread)
        centre, variance = filled.mean(axis=0), filled.var(axis=0)
        scale = np.sqrt(variance)
        for offset, size in groups:
            if size > 1:
                scale[offset : offset + size] = np.sqrt(variance[offset : offset + size].sum()) / HALF
            elif len(np.unique(filled[:, offset])) == 2:
                scale[offset] /= HALF
        scale[~(scale > np.finfo(np.float64).eps * (1.0 + np.abs(centre)))] = np.inf
        arrays = {"log": log.astype(np.uint8), "impute": impute, "centre": centre, "scale": scale}
        assert all(len(array) == width for array in arrays.values())  # noqa: S101
        return cls({f"{PREFIX}{name}": array for name, array in arrays.items()})

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        found = {"log": self.log.astype(np.uint8), "impute": self.impute, "centre": self.centre, "scale": self.scale}
        return {f"{PREFIX}{name}": array for name, array in found.items()}

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        """Shape (rows, width); no NaN."""
        spread = _spread(matrix, self.log)
        points: np.ndarray = (np.where(np.isnan(spread), self.impute, spread) - self.centre) / self.scale
        return points


def squared_distances(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Shape (points, others), each as the sum of squared differences: exact to rounding, whatever the norms are."""
    return np.stack([np.square(points - other).sum(axis=1) for other in others], axis=1)


def _spread(matrix: np.ndarray, log: np.ndarray) -> np.ndarray:
    if not log.any():
        return matrix
    spread = matrix.copy()
    spread[:, log] = np.sign(matrix[:, log]) * np.log1p(np.abs(matrix[:, log]))
    return spread


def _log_helps(column: np.ndarray) -> bool:
    values = column[~np.isnan(column)]
    skew = abs(_skewness(values))
    return skew > HEAVY and abs(_skewness(np.sign(values) * np.log1p(np.abs(values)))) < skew


def _skewness(values: np.ndarray) -> float:
    if len(values) < 3:
        return 0.0
    # divided first: cubes of the greatest values that a model knows would overflow
    values = values / (np.abs(values).max() or 1.0)
    deviations = values - values.mean()
    variance = float(np.mean(deviations**2))
    return float(np.mean(deviations**3)) / variance**1.5 if variance > np.finfo(np.float64).tiny else 0.0


def _median(column: np.ndarray) -> float:
    values = column[~np.isnan(column)]
    return float(np.median(values)) if len(values) else 0.0
