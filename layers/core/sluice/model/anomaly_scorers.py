"""Matrix → anomaly scores, in numpy float64, for models of problem type anomaly.

Every scorer makes a raw value of a row, greater for rarer ones, and answers (rows, 2): 1 - score and score, the score
from 0 to 1 with 0.5 at the limit from which a row is flagged (`limit`, `spread` in the arrays):
z = (raw - limit) / spread, score = 1 / (1 + √(z² + 1) - z). It keeps the order of the raw values and, because it nears
1 slowly, tells extreme rows apart, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sluice.model.network import bounded, forward, layers_of
from sluice.model.space import Space

Arrays = Mapping[str, np.ndarray]
Make = Callable[[Arrays, Mapping[str, Any]], Callable[[np.ndarray], np.ndarray]]
_CHUNK = 500
_UNIT = 2.0**-23  # twice the rounding error of 32 bits
_FAR_32 = 1e12  # from which on a row is compared with all others in 64 bits


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
        feature, threshold = arrays["feature"].astype(np.intp), arrays["threshold"]
        children = np.stack([arrays["left"], arrays["right"]], axis=1).astype(np.intp)
        self._length, self._depth = arrays["length"], int(meta["depth"])
        self._total = len(self._roots) * float(arrays["expected"][0])
        nodes, width = len(self._length), len(self.space.scale)
        if not len(feature) == len(threshold) == len(children) == nodes:
            raise ValueError("the trees' arrays do not have one length")
        for name, values, most in (
            ("feature", feature, width),
            ("child", children, nodes),
            ("root", self._roots, nodes),
        ):
            if values.min() < 0 or values.max() >= most:
                raise ValueError(f"a {name} points outside")
        # state 2·node in all tables, as in `scorers.Trees`: the next one is children[state + (x > threshold)]
        self._roots *= 2
        self._feature, self._threshold = np.repeat(feature, 2), np.repeat(threshold, 2)
        self._children = children.ravel() * 2

    def raw(self, points: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            points = points.astype(np.float32).astype(np.float64)
        flat, count = points.ravel(), len(points)
        offsets = np.arange(count, dtype=np.intp)[:, None] * points.shape[1]
        state = np.broadcast_to(self._roots, (count, len(self._roots)))
        for _ in range(self._depth):
            place = self._feature.take(state)
            if count > 1:
                place += offsets
            state = self._children.take(state + (flat.take(place) > self._threshold.take(state)))
        lengths = self._length.take(state >> 1)
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
        self._centre = self._kept.mean(axis=0)
        around = self._kept - self._centre
        squares = np.square(around).sum(axis=1)
        self._coarse, self._halves = around.astype(np.float32), (squares / 2.0).astype(np.float32)
        self._farthest = float(np.sqrt(squares.max()))
        self._every = np.arange(len(self._kept))

    def raw(self, points: np.ndarray) -> np.ndarray:
        return np.array([self._of(point) for point in points])

    def _of(self, point: np.ndarray) -> float:
        able = self._able(point - self._centre)
        squared = np.square(self._kept.take(able, axis=0) - point).sum(axis=1)
        if len(able) > self._k:
            nearest = squared.argpartition(self._k - 1)[: self._k]
            able, squared = able.take(nearest), squared.take(nearest)
        reach = np.maximum(np.sqrt(squared), self._reach.take(able))
        own = 1.0 / (float(reach.mean()) + 1e-10)
        return math.log(float(self._density.take(able).mean()) / own)

    def _able(self, point: np.ndarray) -> np.ndarray:
        """The rows that can be among the k nearest ones: found in 32 bits, with all that rounding may have moved.

        Half the squared distance, less a part that all rows have in common, is ½|s|² - s·x. In 32 bits it is wrong by
        at most `error` (N. Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1).
        """
        length = math.sqrt(float(point @ point))
        if not length <= _FAR_32:
            return self._every
        halves = self._halves - self._coarse @ point.astype(np.float32)
        error = _UNIT * (len(point) + 8) * self._farthest * (length + self._farthest)
        able = np.flatnonzero(halves <= float(np.partition(halves, self._k - 1)[self._k - 1]) + 2.0 * error)
        return able if len(able) >= self._k else self._every


class KernelScorer(_AnomalyScorer):
    """One-class support vector machine with an RBF kernel: ρ - Σ αᵢ exp(-γ‖x - sᵢ‖²). Schölkopf et al., 2001.

    Arrays: kept (n, width), the support vectors; weight (n,); offset (1,). `gamma` is in meta.
    """

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        super().__init__(arrays, meta)
        kept, self._weight = arrays["kept"], arrays["weight"]
        self._offset, self._gamma = float(arrays["offset"][0]), float(meta["gamma"])
        if len(kept) != len(self._weight) or not self._gamma > 0:
            raise ValueError("the kernel's arrays do not fit together")
        # -γ|x - s|² = 2γ x·s - γ|s|² - γ|x|², around the middle of the vectors, so that little is cancelled
        self._centre = kept.mean(axis=0)
        around = kept - self._centre
        self._twice = np.ascontiguousarray(2.0 * self._gamma * around.T)
        self._squares = self._gamma * np.square(around).sum(axis=1)

    def raw(self, points: np.ndarray) -> np.ndarray:
        points = points - self._centre
        exponent = points @ self._twice
        exponent -= self._squares
        exponent -= self._gamma * np.square(points).sum(axis=1, keepdims=True)
        np.minimum(exponent, 0.0, out=exponent)
        value: np.ndarray = self._offset - np.exp(exponent, out=exponent) @ self._weight
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


ANOMALY_SCORERS: dict[str, Make] = {
    "deviation": DeviationScorer,
    "isolation": IsolationScorer,
    "neighbours": NeighbourScorer,
    "kernel": KernelScorer,
    "reconstruction": ReconstructionScorer,
}
