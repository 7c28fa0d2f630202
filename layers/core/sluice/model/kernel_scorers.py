"""Scorers of support vector machines: sums of kernels between a row and the rows that the model keeps.

The kernel is RBF: exp(-γ‖x - s‖²). Squared distances are computed as ‖x‖² - 2x·s + ‖s‖²: one matrix product. Inputs are
bounded, so that this loses few digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]
BOUND = 4.0
_FAR = 1e9  # where z is bounded already, and its square can still be computed
_CHUNK = 1 << 20  # (row, support vector) pairs at a time
_MAX_CODES = 256
_LOOK = 1_000  # vectors that show whether a column has too many values
_WORTH_CODES = 16_000  # numbers that are no longer read, from which a look-up takes less time
_STEEP = 500.0  # the exponent of e from which a probability is 0 in 64 bits anyway


class VectorScorer:
    """Support vector machine for values, or for classes one against one.

    A column is log scaled where `log` says so (sign(x)·log1p(|x|)), imputed, then z = (x - center) / scale, then
    z / sqrt(1 + (z / BOUND)²), which leaves small z and bounds large ones. For each of the columns `flagged` an input
    is 1 where the value was missing, else 0.
    Arrays: log, impute, center, scale (width,); flagged; vectors (n, inputs), class by class; counts (classes,), how
    many of each; dual (classes - 1, n) as libsvm has it: for a vector of class i, row j (j - 1 for j > i) weighs it
    in the decision between i and j; intercept (pairs,). For values: counts (1,), dual (1, n), intercept (1,).
    """

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        self._log = np.flatnonzero(arrays["log"])
        self._impute, self._center, self._scale = arrays["impute"], arrays["center"], arrays["scale"]
        self._flagged = arrays["flagged"]
        vectors, self._dual, self._intercept = arrays["vectors"], arrays["dual"], arrays["intercept"]
        self._products = Products(vectors)
        ends = np.cumsum(arrays["counts"])
        self._blocks = [slice(int(end - count), int(end)) for end, count in zip(ends, arrays["counts"], strict=True)]
        # for sums from one start to the next, which there are only where no class is without a vector
        self._starts = ends - arrays["counts"] if (arrays["counts"] > 0).all() else None
        self._first, self._second = pairs_of(len(self._blocks))
        self._gamma, self._output = float(meta["gamma"]), str(meta["output"])
        self._norms = self._gamma * np.einsum("ij,ij->i", vectors, vectors)
        self._slope, self._offset = float(meta.get("slope", 1.0)), float(meta.get("offset", 0.0))
        if self._dual.shape[1] != len(vectors) or (len(ends) and ends[-1] != len(vectors)):
            raise ValueError("the support vectors' arrays do not fit together")
        if self._output != "identity" and len(self._intercept) != len(self._first):
            raise ValueError(f"{len(self._intercept)} intercepts for {len(self._first)} pairs of classes")
        self._step = max(1, _CHUNK // max(1, len(vectors)))

    def inputs(self, matrix: np.ndarray) -> np.ndarray:
        """Shape (rows, width + flagged); no NaN."""
        missing = np.isnan(matrix)
        x = np.where(missing, self._impute, matrix)
        if len(self._log):
            x[:, self._log] = np.sign(x[:, self._log]) * np.log1p(np.abs(x[:, self._log]))
        z = np.clip((x - self._center) / self._scale, -_FAR, _FAR)
        z /= np.sqrt(1.0 + (z / BOUND) ** 2)
        return np.concatenate([z, missing[:, self._flagged]], axis=1) if len(self._flagged) else z

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        inputs = self.inputs(matrix)
        starts = range(0, max(1, len(inputs)), self._step)
        raw = np.concatenate([self._decisions(inputs[at : at + self._step]) for at in starts])
        return raw[:, 0] if self._output == "identity" else coupled(raw, self._slope, self._offset)

    def _decisions(self, x: np.ndarray) -> np.ndarray:
        """Shape (rows, pairs of classes), greater than 0 for the first class of the pair; or (rows, 1)."""
        # -γ‖x - s‖² = 2γ x·s - γ‖s‖² - γ‖x‖²
        exponent = self._products(x)
        exponent *= 2.0 * self._gamma
        exponent -= self._norms
        exponent -= self._gamma * np.einsum("ij,ij->i", x, x)[:, None]
        kernel = np.exp(np.minimum(exponent, 0.0, out=exponent), out=exponent)
        if len(self._dual) == 1:
            values: np.ndarray = kernel @ self._dual.T + self._intercept
            return values
        first, second = self._first, self._second
        if len(x) == 1 and self._starts is not None:
            # sums[j, i]: of the vectors of class i, weighted for the j-th of the other classes
            sums = np.add.reduceat(self._dual * kernel, self._starts, axis=1)
            one: np.ndarray = (sums[second - 1, first] + sums[first, second] + self._intercept)[None, :]
            return one
        each = np.stack([kernel[:, block] @ self._dual[:, block].T for block in self._blocks])
        decisions: np.ndarray = (each[first, :, second - 1] + each[second, :, first]).T + self._intercept
        return decisions


class Products:
    """x·v of a row with every vector, of which most of one-hot columns is read from a table.

    A row reads all vectors, so that their size in memory is what it takes. Columns that have few values together (a
    category's, flags) become one column of codes, and the products with each code's values are looked up.
    """

    def __init__(self, vectors: np.ndarray) -> None:
        self._order, self._groups = np.arange(vectors.shape[1]), []
        groups = _coded(vectors)
        coded = [column for columns, _ in groups for column in columns]
        plain = [column for column in range(vectors.shape[1]) if column not in {*coded}]
        if groups:
            self._order = np.array([*plain, *coded], dtype=np.intp)
        self._plain = np.ascontiguousarray(vectors[:, plain].T)
        start = len(plain)
        for columns, codes in groups:
            _, first = np.unique(codes, return_index=True)
            values = np.ascontiguousarray(vectors[first][:, columns].T)
            self._groups.append((slice(start, start + len(columns)), values, codes))
            start += len(columns)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(rows, inputs) → (rows, vectors)."""
        x = x.take(self._order, axis=1)
        found: np.ndarray = x[:, : len(self._plain)] @ self._plain
        for columns, values, codes in self._groups:
            found += (x[:, columns] @ values).take(codes, axis=1)
        return found


def _coded(vectors: np.ndarray) -> list[tuple[list[int], np.ndarray]]:
    """Groups of columns that have at most _MAX_CODES different rows together, each with the code of every vector."""
    found: list[tuple[list[int], np.ndarray]] = []
    if vectors.size < _WORTH_CODES:
        return found
    group: list[int] = []
    codes = np.zeros(len(vectors), np.intp)
    for column, values in enumerate(vectors.T):
        if len(np.unique(values[:_LOOK])) > _MAX_CODES:
            continue
        known, own = np.unique(values, return_inverse=True)
        joint, joined = np.unique(codes * len(known) + own, return_inverse=True)
        if len(joint) > _MAX_CODES:
            found.append((group, codes))
            group, joint, joined = [], known, own
        if len(joint) <= _MAX_CODES:
            group, codes = [*group, column], joined
        else:
            codes = np.zeros(len(vectors), np.intp)
    found.append((group, codes))
    return [(columns, own) for columns, own in found if len(columns) * len(vectors) >= _WORTH_CODES]


def coupled(decisions: np.ndarray, slope: float, offset: float) -> np.ndarray:
    """Probabilities (rows, classes) of decisions between each two classes (rows, pairs), in the order (0,1), (0,2), ...

    For two classes i and j, slope · decision + offset is taken for the logit of i. From the pairs' r, the probabilities
    of the classes are 1 / (Σ 1/r - (classes - 2)), divided by their sum; for two classes that is r itself. Source:
    Price, Knerr, Personnaz and Dreyfus, "Pairwise neural network classifiers with probabilistic outputs", NIPS 1994.

    >>> coupled(np.array([[2.0]]), 0.5, 0.0).round(3).tolist()
    [[0.731, 0.269]]
    """
    logits = np.clip(slope * decisions + offset, -_STEEP, _STEEP)
    of_first, of_second = _members(decisions.shape[1])
    odds = np.exp(logits)
    # 1/r - 1 is e^-logit for the first class of a pair, e^logit for the second
    answer = 1.0 / (1.0 + (1.0 / odds) @ of_first + odds @ of_second)
    answer /= answer.sum(axis=1, keepdims=True)
    return answer


@cache
def _members(pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """(pairs, classes): 1 where a class is the first of a pair, and where it is the second."""
    classes = (1 + round((1 + 8 * pairs) ** 0.5)) // 2
    first, second = (np.eye(classes)[place] for place in pairs_of(classes))
    return first, second


@lru_cache(64)  # a look-up for each row
def pairs_of(classes: int) -> tuple[np.ndarray, np.ndarray]:
    """The first and the second class of each pair."""
    first, second = np.triu_indices(classes, 1)
    return first, second


KERNEL_SCORERS: dict[str, Callable[[Arrays, Mapping[str, Any]], Any]] = {"support_vectors": VectorScorer}
