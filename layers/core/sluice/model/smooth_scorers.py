"""Scorers of smooth models: sums of curves, and networks of matrix products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sluice.model.links import linked
from sluice.model.network import bounded, forward, layers_of

Arrays = Mapping[str, np.ndarray]
_CHUNK = 1 << 18  # (row, column, piece) triples at a time


class AdditiveScorer:
    """A curve of each column in `columns`, a straight line of each other one, summed up.

    A curve has pieces of third degree: between `begin` and the next one, in u = (x - begin) · inverse width. Outside of
    the first and the last piece it is flat. Arrays: columns (curves,); begin and inverse (curves, pieces), padded with
    infinity and 0; low, high (curves,); cubic (curves, pieces, outputs, 4), the constant first; missing (curves,
    outputs), what a missing value adds; impute and center (width,) and coef (width, outputs) of the straight lines;
    intercept. Artefacts of before have no center: there it is 0.
    """

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        self._columns, self._begin, self._inverse = arrays["columns"], arrays["begin"], arrays["inverse"]
        self._low, self._high = arrays["low"], arrays["high"]
        curves, pieces = self._begin.shape
        # not -1: without curves, numpy has nothing to infer the outputs from
        self._cubic = arrays["cubic"].reshape(curves * pieces, arrays["coef"].shape[1], 4)
        self._missing = arrays["missing"]
        self._impute, self._coef, self._intercept = arrays["impute"], arrays["coef"], arrays["intercept"]
        self._center = arrays.get("center", np.zeros(len(self._impute)))
        self._first = np.arange(curves) * pieces
        self._output = str(meta["output"])
        self._step = max(1, _CHUNK // max(1, curves * pieces))

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        if len(matrix) <= self._step:
            return self._answer(matrix)
        starts = range(0, len(matrix), self._step)
        return np.concatenate([self._answer(matrix[at : at + self._step]) for at in starts])

    def _answer(self, matrix: np.ndarray) -> np.ndarray:
        raw = (np.where(np.isnan(matrix), self._impute, matrix) - self._center) @ self._coef + self._intercept
        if len(self._columns):
            raw += self.curves(matrix).sum(axis=1)
        return linked(raw, self._output)

    def curves(self, matrix: np.ndarray) -> np.ndarray:
        """What each curve adds, shape (rows, curves, outputs)."""
        x = matrix[:, self._columns]
        missing = np.isnan(x)
        x = np.clip(np.where(missing, self._low, x), self._low, self._high)
        place = (x[:, :, None] >= self._begin[:, 1:]).sum(axis=2) + self._first
        u = ((x - self._begin.take(place)) * self._inverse.take(place))[:, :, None]
        c = self._cubic.take(place, axis=0)
        curves = ((c[..., 3] * u + c[..., 2]) * u + c[..., 1]) * u + c[..., 0]
        added: np.ndarray = np.where(missing[:, :, None], self._missing, curves)
        return added


class NetworkScorer:
    """Layers of weights with an activation between them: `activation` in meta, `relu` where it is not said.

    A column is imputed, then z = (x - center) / scale, then z / sqrt(1 + (z / 3)²), which leaves small z and bounds
    large ones. Each of the bins is an input that grows from -0.5 to 0.5 while its column grows from one end of the bin
    to the other (piecewise linear encoding: Gorishniy et al., NeurIPS 2022). For each of the columns `flagged` an input
    is 1 where the value was missing, else 0.
    Arrays: impute, center, scale (width,); binned, low, inverse (bins,), the column, begin and inverse width of each;
    flagged; w0, b0, w1, b1, ... of the layers.
    """

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        self._impute, self._center, self._scale = arrays["impute"], arrays["center"], arrays["scale"]
        self._binned, self._low, self._inverse = arrays["binned"], arrays["low"], arrays["inverse"]
        self._flagged = arrays["flagged"]
        self._layers = layers_of(arrays, int(meta["layers"]))
        self._activation = str(meta.get("activation", "relu"))
        self._output = str(meta["output"])

    def inputs(self, matrix: np.ndarray) -> np.ndarray:
        missing = np.isnan(matrix)
        filled = np.where(missing, self._impute, matrix)
        z = bounded((filled - self._center) / self._scale)
        bins = np.clip((filled[:, self._binned] - self._low) * self._inverse, 0.0, 1.0) - 0.5
        return np.concatenate([z, bins, missing[:, self._flagged]], axis=1)

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        return linked(forward(self.inputs(matrix), self._layers, self._activation), self._output)


SMOOTH_SCORERS: dict[str, Callable[[Arrays, Mapping[str, Any]], Any]] = {
    "additive": AdditiveScorer,
    "network": NetworkScorer,
}
