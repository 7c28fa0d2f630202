"""Exact Shapley values of trees as arrays (TreeSHAP, path-dependent), in numpy, for all rows and leaves at once.

The game of a leaf: the columns of its path are the players. A known column lets a row pass (1) or not (0); of an
unknown one, as large a share passes as of the rows that came to its nodes. With o_k and s_k for these two of column k,
a leaf of value v gives column j

    v · (o_j - s_j) · ∫₀¹ Π_{k≠j} (s_k (1 - t) + o_k t) dt,

since ∫ tᵃ(1 - t)ᵇ dt = a! b! / (a + b + 1)! is Shapley's weight of a coalition. The integrand is a polynomial, so a
Gauss-Legendre rule with half as many points as columns is exact. Source of the game: Lundberg et al., "From local
explanations to global understanding with explainable AI for trees", Nature Machine Intelligence 2, 2020.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

_CELLS = 1 << 19
"""(row, leaf, column) triples at a time."""
_NEVER = 1e-3
"""What counts for a node that none of the rows comes to, so that no share is 0."""

Arrays = Mapping[str, np.ndarray]


class Paths(NamedTuple):
    """Leaves with the same number of columns on their paths: `leaf`, `tree` (leaves,); the others (leaves, columns).

    A value passes if low < x ≤ high, and a missing one if `missing`; `share` of the rows that come to the nodes do.
    """

    leaf: np.ndarray
    tree: np.ndarray
    column: np.ndarray
    low: np.ndarray
    high: np.ndarray
    missing: np.ndarray
    share: np.ndarray


def leaves(arrays: Arrays) -> int:
    return int((arrays["left"] == np.arange(len(arrays["left"]))).sum())


def work_of(arrays: Arrays) -> int:
    """Multiplications for one row, at most: as if hardly any column came twice on a path."""
    used = len(np.unique(arrays["feature"]))
    left, right = arrays["left"].astype(np.intp), arrays["right"].astype(np.intp)
    node, depth, total = arrays["roots"].astype(np.intp), 0, 0
    while len(node):
        leaf = left[node] == node
        columns = min(depth, used)
        total += int(leaf.sum()) * columns * _points(columns)
        node, depth = np.concatenate([left[node[~leaf]], right[node[~leaf]]]), depth + 1
    return total


def paths_of(arrays: Arrays, matrix: np.ndarray) -> list[Paths]:
    """The paths of all leaves; shares are those of the rows of `matrix`."""
    feature, threshold = arrays["feature"].tolist(), arrays["threshold"].astype(np.float64).tolist()
    left, right, missing_left = (arrays[name].tolist() for name in ("left", "right", "missing_left"))
    visits = np.maximum(_visits(arrays, matrix), _NEVER).tolist()
    found: dict[int, list[tuple[int, int, list[tuple[int, float, float, bool, float]]]]] = {}
    for tree, root in enumerate(arrays["roots"].tolist()):
        # column → (low, high, missing passes, share) of the way so far
        stack: list[tuple[int, dict[int, tuple[float, float, bool, float]]]] = [(root, {})]
        while stack:
            node, way = stack.pop()
            if left[node] == node:
                passed = [(column, *test) for column, test in way.items()]
                found.setdefault(len(passed), []).append((node, tree, passed))
                continue
            column, at, goes_left = feature[node], threshold[node], bool(missing_left[node])
            low, high, missing, share = way.get(column, (-np.inf, np.inf, True, 1.0))
            both = visits[left[node]] + visits[right[node]]
            before = (low, min(high, at), missing and goes_left, share * visits[left[node]] / both)
            after = (max(low, at), high, missing and not goes_left, share * visits[right[node]] / both)
            stack.append((left[node], {**way, column: before}))
            stack.append((right[node], {**way, column: after}))
    return [_together(group, size) for size, group in sorted(found.items())]


def _together(group: list[tuple[int, int, list[tuple[int, float, float, bool, float]]]], size: int) -> Paths:
    shape = (len(group), size)
    tests = [test for _, _, passed in group for test in passed]
    column, low, high, missing, share = zip(*tests) if tests else ((), (), (), (), ())
    return Paths(
        np.array([leaf for leaf, _, _ in group], dtype=np.intp),
        np.array([tree for _, tree, _ in group], dtype=np.intp),
        np.array(column, dtype=np.intp).reshape(shape),
        np.array(low, dtype=np.float64).reshape(shape),
        np.array(high, dtype=np.float64).reshape(shape),
        np.array(missing, dtype=bool).reshape(shape),
        np.array(share, dtype=np.float64).reshape(shape),
    )


def _visits(arrays: Arrays, matrix: np.ndarray) -> np.ndarray:
    """How many of the rows come to each node, (nodes,)."""
    feature, threshold, missing_left = arrays["feature"].astype(np.intp), arrays["threshold"], arrays["missing_left"]
    left, right = arrays["left"].astype(np.intp), arrays["right"].astype(np.intp)
    nodes, roots = len(left), arrays["roots"].astype(np.intp)
    count = np.zeros(nodes)
    step = max(1, _CELLS // max(1, len(roots)))
    for begin in range(0, len(matrix), step):
        part = matrix[begin : begin + step]
        rows = np.arange(len(part))[:, None]
        node = np.broadcast_to(roots, (len(part), len(roots)))
        count += np.bincount(node.ravel(), minlength=nodes)
        while True:
            value = part[rows, feature[node]]
            passes = np.where(np.isnan(value), missing_left[node] != 0, value <= threshold[node])
            after = np.where(passes, left[node], right[node])
            moved = after != node
            if not moved.any():
                break
            count += np.bincount(after[moved], minlength=nodes)
            node = after
    return count


def base(paths: list[Paths], values: np.ndarray, slot: np.ndarray, outputs: int) -> np.ndarray:
    """What the trees answer if no column is known, shape (outputs,); see `contributions` for the arguments."""
    found = np.zeros(outputs)
    for each in paths:
        weight = each.share.prod(axis=1)
        for k in range(values.shape[1]):
            np.add.at(found, slot[each.tree] + k, weight * values[each.leaf, k])
    return found


def contributions(
    paths: list[Paths], values: np.ndarray, slot: np.ndarray, outputs: int, matrix: np.ndarray
) -> np.ndarray:
    """Shape (rows, outputs, width): with `base` they add up to the sum of the leaves that a row comes to.

    `values` (nodes, m): a node of tree i adds them to the outputs from `slot[i]` on.
    """
    rows, width = matrix.shape
    found = np.zeros((rows, outputs * width))
    for each in paths:
        if not each.column.shape[1]:
            continue
        step = max(1, _CELLS // max(1, rows * each.column.shape[1]))
        for begin in range(0, len(each.leaf), step):
            part = Paths(*(array[begin : begin + step] for array in each))
            weight = _weights(part, matrix)
            for k in range(values.shape[1]):
                key = ((slot[part.tree] + k) * width)[:, None] + part.column
                added = (weight * values[part.leaf, k][None, :, None]).reshape(rows, -1)
                order = np.argsort(key.ravel(), kind="stable")
                keys, starts = np.unique(key.ravel()[order], return_index=True)
                found[:, keys] += np.add.reduceat(added[:, order], starts, axis=1)
    return found.reshape(rows, outputs, width)


def _weights(part: Paths, matrix: np.ndarray) -> np.ndarray:
    """Shapley values of leaves of value 1, shape (rows, leaves, columns)."""
    value = matrix[:, part.column]
    passes = np.where(np.isnan(value), part.missing, (value > part.low) & (value <= part.high))
    total = np.zeros(passes.shape)
    count = _points(part.column.shape[1])
    at, weight = np.polynomial.legendre.leggauss(count)
    for t, w in zip((at + 1.0) / 2.0, weight / 2.0):
        factor = part.share * (1.0 - t) + passes * t
        total += w * factor.prod(axis=2, keepdims=True) / factor
    found: np.ndarray = (passes - part.share) * total
    return found


def _points(columns: int) -> int:
    """A rule with n points is exact up to the degree 2n - 1; the integrand has the degree of the other columns."""
    return max(1, (columns + 1) // 2)
