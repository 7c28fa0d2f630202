"""What small boosted trees explain, on columns that are coded in bins (Friedman 2001; Chen and Guestrin 2016, eq. 7).

Each round grows a tree of DEPTH levels for each class, or one for numbers and for two classes.
"""

from __future__ import annotations

import numpy as np

from sluice.model.dominance.sampled import FOLDS, SMALL, Sampled
from sluice.model.dominance.skill import skill

ROUNDS = 60
DEPTH = 3
RATE = 0.12
PENALTY = 1.0
"""Regularises a leaf as if it had this many more rows, with a mean of 0."""
MAX_BINS = 64
"""Rarer categories share a bin."""


def together(sample: Sampled, codes: np.ndarray) -> float:
    """Skill on rows that were held out. `codes`: (rows, columns) of bins."""
    binned = np.minimum(codes, MAX_BINS - 1)
    answer, held_out = np.zeros_like(sample.target), np.zeros(sample.rows, dtype=bool)
    for fold in range(FOLDS if sample.rows < SMALL else 1):
        out = sample.fold == fold
        answer[out] = _fitted(binned[~out], sample.target[~out], binned[out], sample.is_number)
        held_out |= out
    return skill(sample, answer, held_out)


def _fitted(x: np.ndarray, target: np.ndarray, asked: np.ndarray, is_number: bool) -> np.ndarray:
    """The answers for `asked`, shaped as the target."""
    classes = target.shape[1]
    size = float(target.std()) or 1.0
    base = target.mean(axis=0) / size if is_number else np.log(np.clip(target.mean(axis=0), 1e-6, 1.0))
    own, others = np.tile(base, (len(x), 1)), np.tile(base, (len(asked), 1))
    rounds = ROUNDS if is_number or classes == 2 else max(15, ROUNDS * 5 // max(classes, 5))
    for _ in range(rounds):
        share = own if is_number else _shares(own)
        pull = target / size - own if is_number else target - share
        weight = np.ones_like(own) if is_number else share * (1.0 - share)
        for label in range(1 if classes == 2 else classes):
            leaf, leaf_of_asked = _tree(x, pull[:, label], weight[:, label], asked)
            own[:, label] += leaf
            others[:, label] += leaf_of_asked
            if classes == 2:
                own[:, 1] -= leaf
                others[:, 1] -= leaf_of_asked
    return others * size if is_number else _shares(others)


def _tree(x: np.ndarray, pull: np.ndarray, weight: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What it adds for each row, and for each of `asked`. `pull`, `weight`: first and second derivative of the loss."""
    columns, bins = x.shape[1], int(x.max()) + 1
    cells = (x + np.arange(columns) * bins).ravel()
    pulls, weights = np.repeat(pull, columns), np.repeat(weight, columns)
    node, node_of_asked = np.zeros(len(x), dtype=np.int64), np.zeros(len(asked), dtype=np.int64)
    for level in range(DEPTH):
        nodes = 2**level
        place = np.repeat(node * (columns * bins), columns) + cells
        shape = (nodes, columns, bins)
        below = np.bincount(place, pulls, nodes * columns * bins).reshape(shape).cumsum(axis=2)
        heavy = np.bincount(place, weights, nodes * columns * bins).reshape(shape).cumsum(axis=2)
        above, rest = below[:, :, -1:] - below, heavy[:, :, -1:] - heavy
        gain = below**2 / (heavy + PENALTY) + above**2 / (rest + PENALTY)
        column, cut = np.divmod(gain.reshape(nodes, -1).argmax(axis=1), bins)
        node = 2 * node + (x[np.arange(len(x)), column[node]] > cut[node])
        side = asked[np.arange(len(asked)), column[node_of_asked]] > cut[node_of_asked]
        node_of_asked = 2 * node_of_asked + side
    leaves = 2**DEPTH
    value = RATE * np.bincount(node, pull, leaves) / (np.bincount(node, weight, leaves) + PENALTY)
    return value[node], value[node_of_asked]


def _shares(score: np.ndarray) -> np.ndarray:
    share = np.exp(score - score.max(axis=1, keepdims=True))
    return np.asarray(share / share.sum(axis=1, keepdims=True))
