"""From sums to probabilities, equal to SciPy's and scikit-learn's."""

from __future__ import annotations

import math

import numpy as np


def expit(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x), by the C library's exp as in SciPy: numpy's vector exp may differ in the last bit."""
    if len(x) and x.min() > -709.0:
        return 1.0 / (1.0 + np.fromiter(map(math.exp, (-x).tolist()), np.float64, len(x)))
    return np.array([expit_of_one(v) for v in x.tolist()])


def expit_of_one(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x > -709.0 else 0.0


def softmax(x: np.ndarray) -> np.ndarray:
    """Row-wise, with the maximum subtracted first, as scikit-learn does it."""
    x = np.exp(x - x.max(axis=1, keepdims=True))
    return x / x.sum(axis=1, keepdims=True)


def pair(positive: np.ndarray) -> np.ndarray:
    """The probability of the positive class → those of both."""
    both = np.empty((len(positive), 2))
    both[:, 0], both[:, 1] = 1.0 - positive, positive
    return both


def linked(raw: np.ndarray, output: str) -> np.ndarray:
    """`raw` (rows, outputs) → values (rows,) for "identity", else probabilities (rows, classes)."""
    if output == "identity":
        return raw[:, 0]
    return pair(expit(raw[:, 0])) if output == "expit" else softmax(raw)
