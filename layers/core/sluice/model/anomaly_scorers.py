"""Matrix → anomaly scores, in numpy float64, for models of problem type anomaly.

Every scorer makes a raw value of a row, greater for rarer ones, and answers (rows, 2): 1 - score and score, the score
from 0 to 1 with 0.5 at the limit from which a row is flagged (`limit`, `spread` in the arrays):
z = (raw - limit) / spread, score = 1 / (1 + √(z² + 1) - z). It keeps the order of the raw values and, because it nears
1 slowly, tells extreme rows apart, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sluice.model.network import bounded, forward, layers_of
from sluice.model.space import Space

Arrays = Mapping[str, np.ndarray]
Make = Callable[[Arrays, Mapping[str, Any]], Callable[[np.ndarray], np.ndarray]]
_CHUNK = 500


def score_of_raw(raw: np.ndarray, limit: float, spread: float) -> np.ndarray:
    """Shape of `raw`; 0.5 at the limit.

    >>> score_of_raw(np.array([1.0, 2.0]), 2.0, 1.0).round(3).tolist()
    [0.293, 0.5]
    """
    z = (raw - limit) / spread
    root = np.sqrt(z * z + 1.0)
    # √(z² + 1) - z cancels for great z: there it is 1 / (√(z² + 1) + z)
    below = np.where(z > 0, 1.0 / (root + np.abs(z)), root - z)
    score: np.ndarray = 1.0 / (1.0 + below)
    return score


class _AnomalyScorer:
    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        self.space = Space(arrays)
        self._limit, self._spread = float(arrays["limit"][0]), float(arrays["spread"][0])
        if not (np.isfinite(self._limit) and self._spread > 0):
            raise ValueError("the limit of the scores is not usable")

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        """Rows are taken in chunks: each is compared with all that the model keeps."""
        points = self.space(matrix)
        parts = [self.raw(points[at : at + _CHUNK]) for at in range(0, max(1, len(points)), _CHUNK)]
        score = score_of_raw(np.concatenate(parts), self._limit, self._spread)
        return np.stack([1.0 - score, score], axis=1)

    def raw(self, points: np.ndarray) -> np.ndarray:
        """(rows,), greater for rarer rows; `points` are in the model's space."""
        raise NotImplementedError


class DeviationScorer(_AnomalyScorer):
    """The greatest deviation of any column from its mean: the rule that needs no learning."""

    def raw(self, points: np.ndarray) -> np.ndarray:
        greatest: np.ndarray = np.abs(points).max(axis=1, initial=0.0)
        return greatest


class IsolationScorer(_AnomalyScorer):
    """Isolation forest: 2^-(mean depth at which a row is alone / the depth to be expected). Liu et al., ICDM 2008.

    Arrays: tree_roots (trees,); feature, threshold, left, right, length per node (a leaf has left = right = itself,
    and `length` is the path to it); expected (1,). Rows are read as float32, as scikit-learn's trees do.
    """

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        super().__init__(arrays, meta)
        self._roots = arrays["tree_roots"].astype(np.intp)
        self._feature, self._threshold = arrays["feature"].astype(np.intp), arrays["threshold"]
        self._children = np.stack([arrays["left"], arrays["right"]], axis=1).astype(np.intp)
        self._length, self._depth = arrays["length"], int(meta["depth"])
        self._total = len(self._roots) * float(arrays["expected"][0])
        nodes, width = len(self._length), len(self.space.scale)
        if not len(self._feature) == len(self._threshold) == len(self._children) == nodes:
            raise ValueError("the trees' arrays do not have one length")
        for name, values, most in (
            ("feature", self._feature, width),
            ("child", self._children, nodes),
            ("root", self._roots, nodes),
        ):
            if values.min() < 0 or values.max() >= most:
                raise ValueError(f"a {name} points outside")

    def raw(self, points: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            points = points.astype(np.float32).astype(np.float64)
        rows = np.arange(len(points))[:, None]
        node = np.broadcast_to(self._roots, (len(points), len(self._roots)))
        for _ in range(self._depth):
            right = points[rows, self._feature[node]] > self._threshold[node]
            node = self._children[node, right.astype(np.intp)]
        lengths = self._length[node]
        score: np.ndarray = 2.0 ** (-lengths.sum(axis=1) / self._total)
        return score


class NeighbourScorer(_AnomalyScorer):
    """Logarithm of the local outlier factor: how much thinner a row's surroundings are than its neighbours'.

    Breunig et al., SIGMOD 2000. Arrays: kept (n, width), the rows that it compares with; reach (n,), the distance of
    each to its k-th neighbour; density (n,), its local reachability density. `neighbours` (meta) is k.
    """

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        super().__init__(arrays, meta)
        self._kept, self._reach, self._density = arrays["kept"], arrays["reach"], arrays["density"]
        self._k = int(meta["neighbours"])
        if not len(self._kept) == len(self._reach) == len(self._density) or not 0 < self._k <= len(self._kept):
            raise ValueError("the neighbours' arrays do not fit together")

    def raw(self, points: np.ndarray) -> np.ndarray:
        squared = squared_to(points, self._kept)
        nearest = np.argpartition(squared, self._k - 1, axis=1)[:, : self._k]
        rows = np.arange(len(points))[:, None]
        reach = np.maximum(np.sqrt(squared[rows, nearest]), self._reach[nearest])
        own = 1.0 / (reach.mean(axis=1) + 1e-10)
        factor: np.ndarray = np.log(self._density[nearest].mean(axis=1) / own)
        return factor


class KernelScorer(_AnomalyScorer):
    """One-class support vector machine with an RBF kernel: ρ - Σ αᵢ exp(-γ‖x - sᵢ‖²). Schölkopf et al., 2001.

    Arrays: kept (n, width), the support vectors; weight (n,); offset (1,). `gamma` is in meta.
    """

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        super().__init__(arrays, meta)
        self._kept, self._weight = arrays["kept"], arrays["weight"]
        self._offset, self._gamma = float(arrays["offset"][0]), float(meta["gamma"])
        if len(self._kept) != len(self._weight) or not self._gamma > 0:
            raise ValueError("the kernel's arrays do not fit together")

    def raw(self, points: np.ndarray) -> np.ndarray:
        value: np.ndarray = self._offset - np.exp(-self._gamma * squared_to(points, self._kept)) @ self._weight
        return value


class ReconstructionScorer(_AnomalyScorer):
    """Autoencoder: the mean squared difference between a row and what a narrow network makes of it.

    The network reads the bounded coordinates, so that what it answers is bounded, too: a row far out always differs.
    Arrays: w0, b0, w1, b1, ... of as many layers as `layers` in meta says; `activation` is in meta.
    """

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        super().__init__(arrays, meta)
        self._layers, self._activation = layers_of(arrays, int(meta["layers"])), str(meta["activation"])
        width = len(self.space.scale)
        if not self._layers or self._layers[0][0].shape[0] != width or self._layers[-1][0].shape[1] != width:
            raise ValueError("the network does not fit the space")

    def raw(self, points: np.ndarray) -> np.ndarray:
        made = forward(bounded(points), self._layers, self._activation)
        error: np.ndarray = reconstruction_error(points, made)
        return error


_FAR = 1e9
"""Beyond, a coordinate counts as so far out: the square of any number that a row may have must be a number."""


def reconstruction_error(points: np.ndarray, made: np.ndarray) -> np.ndarray:
    """(rows,), the mean over the columns of the squared difference."""
    error: np.ndarray = np.square(np.clip(points, -_FAR, _FAR) - made).mean(axis=1)
    return error


def squared_to(points: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Squared distances, shape (points, kept), dimension by dimension: memory for one, and exact to rounding."""
    total = np.zeros((len(points), len(kept)))
    for mine, theirs in zip(points.T, kept.T, strict=True):
        total += np.square(mine[:, None] - theirs[None, :])
    return total


ANOMALY_SCORERS: dict[str, Make] = {
    "deviation": DeviationScorer,
    "isolation": IsolationScorer,
    "neighbours": NeighbourScorer,
    "kernel": KernelScorer,
    "reconstruction": ReconstructionScorer,
}
