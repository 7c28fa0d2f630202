"""Contributions to raw scores → contributions to answers; see the package's docstring for the formula."""

from __future__ import annotations

import numpy as np

from sluice.model.links import expit, softmax

_PANELS, _POINTS = 24, 8
"""How finely the integral along the line is divided. With raw scores that differ by 40, the sum is exact to 1e-8."""


def through(output: str, values: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`values` (rows, outputs, columns), `base` (outputs,) on the scale of the answers; two classes are one output."""
    if output in ("identity", "probability"):
        return values, base
    moved = values.sum(axis=2)
    if output == "expit":
        before = expit(base)
        change = expit((base + moved)[:, 0]) - before
        # where nothing moves, the slope of the link
        still = np.abs(moved[:, 0]) < 1e-9
        slope = np.where(still, before * (1.0 - before), change / np.where(still, 1.0, moved[:, 0]))
        return values * slope[:, None, None], before
    slopes = np.zeros((len(values), len(base), len(base)))
    at, weight = np.polynomial.legendre.leggauss(_POINTS)
    for panel in range(_PANELS):
        for u, w in zip((panel + (at + 1.0) / 2.0) / _PANELS, weight / 2.0 / _PANELS):
            slopes += w * _slope(output, base + u * moved)
    return np.einsum("nkl,nlj->nkj", slopes, values), _answer(output, base[None, :])[0]


def _answer(output: str, raw: np.ndarray) -> np.ndarray:
    if output == "softmax":
        return softmax(raw)
    each = expit(raw.ravel()).reshape(raw.shape)
    found: np.ndarray = each / each.sum(axis=1, keepdims=True)
    return found


def _slope(output: str, raw: np.ndarray) -> np.ndarray:
    """∂p_k/∂raw_l, shape (rows, classes, classes)."""
    p = _answer(output, raw)
    one = np.eye(raw.shape[1])[None, :, :]
    if output == "softmax":
        found: np.ndarray = p[:, :, None] * (one - p[:, None, :])
        return found
    each = expit(raw.ravel()).reshape(raw.shape)
    slope = each * (1.0 - each) / each.sum(axis=1, keepdims=True)
    return np.asarray(slope[:, None, :] * (one - p[:, :, None]))
