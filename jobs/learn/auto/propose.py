"""New configurations near the good ones: a small Tree-structured Parzen Estimator.

Source: Bergstra, Bardenet, Bengio and Kégl, "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011. A family's
trials are split into the best quarter and the rest; each is a mixture of normal distributions around its points, in
the unit cube of the family's search space. Of some candidates drawn from the first mixture, the one with the greatest
ratio of the two densities is proposed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sluice.model.search_spaces import SEARCH_SPACES

_GOOD = 0.25
_CANDIDATES = 24
_AT_RANDOM = 0.15
"""Share of the proposals that ignore what is known, so that nothing is ruled out for good."""


class Space:
    """A family's search space as a unit cube, without `left_out` (rounds, which early stopping settles)."""

    def __init__(self, family: str, left_out: frozenset[str]) -> None:
        space = SEARCH_SPACES[family]
        self._axes = [
            (kind, axis)
            for kind in ("continuous", "integer", "categorical")
            for axis in space[kind]
            if axis["name"] not in left_out
        ]

    def __len__(self) -> int:
        return len(self._axes)

    def point(self, hyperparameters: Mapping[str, Any]) -> np.ndarray:
        """Where in the cube; values outside the space are on its border."""
        return np.array([_place(kind, axis, hyperparameters[axis["name"]]) for kind, axis in self._axes])

    def values(self, point: np.ndarray) -> dict[str, Any]:
        return {axis["name"]: _value(kind, axis, x) for (kind, axis), x in zip(self._axes, point, strict=True)}


def propose(
    space: Space, tried: Sequence[tuple[Mapping[str, Any], float]], chance: np.random.Generator
) -> dict[str, Any]:
    """The next values to try, after those of (hyperparameters, loss) that were tried, at least one."""
    width = len(space)
    if chance.random() < _AT_RANDOM:
        return space.values(chance.random(width))
    ranked = sorted(tried, key=lambda each: each[1])
    points = np.array([space.point(hyperparameters) for hyperparameters, _ in ranked]).reshape(len(ranked), width)
    many = max(1, math.ceil(_GOOD * len(points)))
    good, rest = points[:many], points[many:]
    # wider where little is known
    spread = max(0.08, 0.3 * len(points) ** -0.25)
    drawn = good[chance.integers(0, many, _CANDIDATES)] + chance.normal(0.0, spread, (_CANDIDATES, width))
    drawn = np.abs(np.mod(drawn + 1.0, 2.0) - 1.0)  # reflected at the borders 0 and 1
    ratio = _log_density(drawn, good, spread) - _log_density(drawn, rest, spread)
    return space.values(drawn[int(np.argmax(ratio))])


def _log_density(at: np.ndarray, centres: np.ndarray, spread: float) -> np.ndarray:
    """Log density of a mixture: normal distributions at the centres, and a uniform one that counts as a centre."""
    if not len(centres):
        return np.zeros(len(at))
    squares = (((at[:, None, :] - centres[None, :, :]) / spread) ** 2).sum(axis=2)
    normal = np.exp(-0.5 * squares) / (spread * math.sqrt(2.0 * math.pi)) ** at.shape[1]
    density: np.ndarray = np.log((normal.sum(axis=1) + 1.0) / (len(centres) + 1.0))
    return density


def _place(kind: str, axis: Mapping[str, Any], value: Any) -> float:
    if kind == "categorical":
        values = axis["values"]
        return (values.index(value) + 0.5) / len(values) if value in values else 0.5
    low, high = float(axis["min"]), float(axis["max"])
    value = min(max(float(value), low), high)
    if axis["scaling"] == "Logarithmic":
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _value(kind: str, axis: Mapping[str, Any], place: float) -> Any:
    place = float(min(max(place, 0.0), 1.0))
    if kind == "categorical":
        return axis["values"][min(int(place * len(axis["values"])), len(axis["values"]) - 1)]
    low, high = float(axis["min"]), float(axis["max"])
    value = low * (high / low) ** place if axis["scaling"] == "Logarithmic" else low + (high - low) * place
    return round(value) if kind == "integer" else float(f"{value:.6g}")
