"""Matrix → shares of each segment, in numpy float64, for models of problem type clustering.

Both scorers answer (rows, segments): how much a row belongs to each segment, adding up to 1; the greatest is its
segment. Arrays of the space (`space_…`) are `sluice.model.space`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sluice.model.space import Space, squared_distances

Arrays = Mapping[str, np.ndarray]
Make = Callable[[Arrays, Mapping[str, Any]], Callable[[np.ndarray], np.ndarray]]


def shares_of_logs(logs: np.ndarray) -> np.ndarray:
    """Row-wise e^x / Σ e^x, with the maximum subtracted first."""
    parts = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares: np.ndarray = parts / parts.sum(axis=1, keepdims=True)
    return shares


class NearestCentreScorer:
    """The nearest centre, as k-means; shares are those of equally frequent, equally wide round Gaussians around them.

    Arrays: centres (segments, width); variance (1,), the mean squared distance to the own centre by dimension; and for
    centres in principal components, project (space's width, width) and mean (space's width,).
    """

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        self.space = Space(arrays)
        self._centres = np.ascontiguousarray(arrays["centres"])
        self._project, self._mean = arrays.get("project"), arrays.get("mean")
        self._twice_variance = 2.0 * float(arrays["variance"][0])
        width = len(self.space.scale) if self._project is None else self._project.shape[1]
        if self._centres.shape[1] != width or not self._twice_variance > 0:
            raise ValueError("centres, projection and variance do not fit together")

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        points = self.space(matrix)
        if self._project is not None:
            points = (points - self._mean) @ self._project
        return shares_of_logs(-squared_distances(points, self._centres) / self._twice_variance)


class MixtureScorer:
    """The responsibilities of a Gaussian mixture.

    Arrays: means (segments, width); log_weights (segments,); precisions, the Cholesky factor of each component's
    inverse covariance, (segments, width, width), or its diagonal, (segments, width).
    """

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        self.space = Space(arrays)
        self._means, self._factors = arrays["means"], arrays["precisions"]
        diagonals = self._factors if self._factors.ndim == 2 else np.diagonal(self._factors, axis1=1, axis2=2)
        if diagonals.shape != self._means.shape or self._means.shape[1] != len(self.space.scale):
            raise ValueError("means and precisions do not fit together")
        self._constant = np.log(diagonals).sum(axis=1) + arrays["log_weights"]

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        points = self.space(matrix)
        squares = []
        for mean, factor in zip(self._means, self._factors, strict=True):
            apart = (points - mean) * factor if factor.ndim == 1 else (points - mean) @ factor
            squares.append(np.square(apart).sum(axis=1))
        return shares_of_logs(self._constant - 0.5 * np.stack(squares, axis=1))


SEGMENT_SCORERS: dict[str, Make] = {
    "nearest-centre": NearestCentreScorer,
    "mixture": MixtureScorer,
}
