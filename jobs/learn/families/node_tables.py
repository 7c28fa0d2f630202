"""Trees of any library as the flat node arrays that the scorers read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from families.base import Arrays


class Tree(NamedTuple):
    """Arrays (nodes,); `value` may have a column for each answer. Node 0 is the root, a leaf is its own child.

    `x <= threshold` goes left; a missing value goes where `missing_left` says.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    value: np.ndarray


def flatten(trees: Sequence[Tree]) -> tuple[Arrays, int]:
    """The arrays of all trees, one after the other, with `roots`, and the greatest depth."""
    sizes = np.array([len(tree.feature) for tree in trees])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    start = np.repeat(roots, sizes)
    whole = Tree(*(np.concatenate(part) for part in zip(*trees, strict=True)))
    itself = np.arange(len(start))
    left, right = whole.left + start, whole.right + start
    leaf = left == itself
    arrays = {
        "feature": np.where(leaf, 0, whole.feature).astype(np.int32),
        "threshold": np.where(leaf, 0.0, whole.threshold),
        "left": left.astype(np.int32),
        "right": right.astype(np.int32),
        "missing_left": np.where(leaf, 0, whole.missing_left).astype(np.uint8),
        "value": np.asarray(whole.value, dtype=np.float64),
        "roots": roots.astype(np.int32),
    }
    level, depth = roots[~leaf[roots]], 0
    while len(level):
        depth += 1
        below = np.concatenate([left[level], right[level]])
        level = below[~leaf[below]]
    return arrays, depth
