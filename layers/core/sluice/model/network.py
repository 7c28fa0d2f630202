"""Networks of dense layers in float64 numpy: what the scorers of networks share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

Layer = tuple[np.ndarray, np.ndarray]
"""Weights (inputs, outputs) and bias (outputs,)."""
_FAR = 1e9
"""Where `bounded` is at its bound already, and the square of a number can still be computed."""


def relu(x: np.ndarray) -> np.ndarray:
    """max(0, x), in place."""
    return np.maximum(x, 0.0, out=x)


def silu(x: np.ndarray) -> np.ndarray:
    """x / (1 + e^-x), in place (Elfwing et al., Neural Networks 107, 2018)."""
    with np.errstate(over="ignore"):  # e^-x is infinite far below 0, and the quotient is 0 there
        x /= 1.0 + np.exp(-x)
    return x


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"relu": relu, "silu": silu}


def layers_of(arrays: Mapping[str, np.ndarray], count: int) -> list[Layer]:
    """The layers in `arrays` as w0, b0, w1, b1, ... Raises KeyError, or ValueError if they do not fit together."""
    layers = [(arrays[f"w{place}"], arrays[f"b{place}"]) for place in range(count)]
    for place, (weights, bias) in enumerate(layers):
        if weights.ndim != 2 or bias.shape != weights.shape[1:]:
            raise ValueError(f"weights and bias of layer {place} do not fit together")
        if place and weights.shape[0] != layers[place - 1][0].shape[1]:
            raise ValueError(f"layer {place} does not fit the one before it")
    return layers


def arrays_of(layers: Sequence[Layer]) -> dict[str, np.ndarray]:
    """The inverse of `layers_of`."""
    return {f"{kind}{place}": part for place, layer in enumerate(layers) for kind, part in zip("wb", layer)}


def forward(x: np.ndarray, layers: Sequence[Layer], activation: str = "relu") -> np.ndarray:
    """The last layer's values (rows, outputs), with `activation` between the layers; `x` (rows, inputs) stays."""
    act = ACTIVATIONS[activation]
    for place, (weights, bias) in enumerate(layers):
        if place:
            x = act(x)
        x = x @ weights + bias
    return x


def bounded(x: np.ndarray) -> np.ndarray:
    """x / √(1 + (x / 3)²): leaves small numbers as they are, and keeps large ones between -3 and 3.

    >>> bounded(np.array([0.1, 1e300])).round(3).tolist()
    [0.1, 3.0]
    """
    near = np.clip(x, -_FAR, _FAR)
    near /= np.sqrt(1.0 + (near / 3.0) ** 2)
    return near
