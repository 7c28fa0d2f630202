"""Leaves by look-up are the leaves that a walk ends in, for any tree, value and block of one-hot columns."""

from __future__ import annotations

import random

import numpy as np
import pytest

from sluice.model import leaf_tables
from sluice.model.leaf_tables import LeafTables
from sluice.model.scorers import Trees, build_scorer

WIDTH, BLOCKS = 9, [(4, 3), (7, 2)]
THRESHOLDS = [-1.5, -0.0, 0.0, 0.25, 0.5, 1.0, 3.0e38, float("inf"), float("-inf")]
VALUES = [*THRESHOLDS[:7], -2.0, 0.2500000001, 2.0, float("nan"), -3.0e38, 5e-324]


def forest(seed: int, trees: int, leaves: int) -> dict[str, np.ndarray]:
    """Random trees with `leaves` leaves each; a third of them grow like a vine."""
    chance = random.Random(seed)
    feature, threshold, left, right, missing, roots = [], [], [], [], [], []

    def leaf() -> int:
        node = len(feature)
        for column, value in ((feature, 0), (threshold, 0.0), (left, node), (right, node), (missing, 0)):
            column.append(value)
        return node

    for tree in range(trees):
        roots.append(leaf())
        ends = [roots[-1]]
        while len(ends) < leaves:
            node = ends.pop(-1 if tree % 3 == 0 else chance.randrange(len(ends)))
            feature[node] = chance.randrange(WIDTH)
            threshold[node] = 0.5 if feature[node] >= 4 else chance.choice(THRESHOLDS)
            missing[node] = chance.randrange(2)
            left[node], right[node] = leaf(), leaf()
            ends += chance.sample([left[node], right[node]], 2)
    names = ("feature", "left", "right", "missing_left", "roots")
    arrays = {name: np.array(values) for name, values in zip(names, (feature, left, right, missing, roots))}
    return {**arrays, "threshold": np.array(threshold, dtype=np.float64)}


def rows(seed: int, count: int) -> np.ndarray:
    chance = random.Random(seed)
    matrix = np.zeros((count, WIDTH))
    for row in matrix:
        row[:4] = [chance.choice(VALUES) for _ in range(4)]
        for at, width in BLOCKS:
            row[at + chance.randrange(width)] = 1.0
    return matrix


@pytest.mark.parametrize("leaves", [1, 2, 7, 31, 64])
@pytest.mark.parametrize("blocks", [BLOCKS, []])
def test_the_leaves_are_those_of_the_walk(leaves: int, blocks: list[tuple[int, int]]) -> None:
    for seed in range(5):
        arrays = forest(seed, 13, leaves)
        tables = LeafTables.build(arrays, blocks)
        assert tables is not None
        walk = Trees(arrays, WIDTH, 64)
        matrix = rows(seed, 150)
        expected = walk.leaves(matrix)
        assert (tables.leaves(matrix) == expected).all()
        assert (np.concatenate([tables.leaves(matrix[i : i + 1]) for i in range(150)]) == expected).all()
        assert tables.leaves(matrix[:0]).shape == (0, 13)


def test_many_rows_are_taken_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaf_tables, "_CHUNK", 40)
    arrays, matrix = forest(3, 7, 9), rows(3, 23)
    tables = LeafTables.build(arrays, BLOCKS)
    assert tables is not None
    assert (tables.leaves(matrix) == Trees(arrays, WIDTH, 64).leaves(matrix)).all()


def test_a_tree_that_leads_back_to_itself_is_left_to_the_walk_which_has_an_end() -> None:
    arrays = forest(1, 3, 5)
    inner = np.flatnonzero(arrays["left"] != np.arange(len(arrays["left"])))[-1]
    for side in ("left", "right"):
        assert LeafTables.build({**arrays, side: np.where(np.arange(len(arrays[side])) == inner, arrays["roots"][-1],
                                                          arrays[side])}, BLOCKS) is None  # fmt: skip


def test_what_does_not_fit_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LeafTables.build(forest(1, 2, 65), BLOCKS) is None
    assert LeafTables.build(forest(1, 0, 3), BLOCKS) is None
    monkeypatch.setattr(leaf_tables, "MAX_BYTES", 100)
    assert LeafTables.build(forest(1, 2, 9), BLOCKS) is None


@pytest.mark.parametrize(("trees", "outputs"), [(200, 1), (201, 3), (2, 2)])
def test_many_rows_and_one_row_are_summed_in_the_same_order(trees: int, outputs: int) -> None:
    """Sums of many rows must not be made pairwise, which would differ from scikit-learn's in the last bits."""
    arrays, matrix = forest(9, trees, 7), rows(9, 40)
    chance = np.random.default_rng(9)
    value = chance.normal(size=len(arrays["feature"])) * 10.0 ** chance.integers(-6, 6, len(arrays["feature"]))
    arrays |= {"value": value, "start": chance.normal(size=outputs)}
    meta = {"scorer": "boosting", "output": "identity" if outputs == 1 else "softmax", "width": WIDTH, "depth": 64}
    score = build_scorer(arrays, meta)
    together = score(matrix)
    assert together.tobytes() == np.concatenate([score(matrix[i : i + 1]) for i in range(40)]).tobytes()
    in_order = [float(arrays["start"][0])] * 40
    leaves = Trees(arrays, WIDTH, 64).leaves(matrix)
    for tree in range(0, trees, outputs):
        in_order = [total + float(value[leaves[row, tree]]) for row, total in enumerate(in_order)]
    if outputs == 1:
        assert together.tolist() == in_order
