"""The leaf of every tree by table look-up: no walk from node to node.

Number the leaves of a tree from left to right and give each a bit. A node whose test fails (x > threshold: go right)
rules out the leaves below its left child. Of the leaves that no failing node rules out, the leftmost is the one that
a walk ends in (QuickScorer: Lucchese et al., SIGIR 2015). Here the masks of all failing nodes of one column are
combined beforehand, for every interval between its thresholds, so that a row costs one look-up per column and an AND.
Columns of which exactly one is 1 (one-hot) are combined into one table. The answers are those of the walk, bit by bit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

MAX_LEAVES = 64  # bits of a mask
# 3,000 trees of 63 leaves on 20 columns with 255 thresholds each: 116 MB, built in a second; a row then takes 0.07 ms,
# where a walk takes 1.1 ms. Nothing of it is in the artefact.
MAX_BYTES = 128 << 20
# (row, tree) pairs at a time: their arrays stay in the cache, and masks of 32 bits below the 128 KB from which malloc
# may ask the system for fresh pages each time. Half as many took a fifth longer: a call costs as much as its sums.
_CHUNK = 24_000
# By bits of a mask: multiplied with a power of two, the top bits differ for each power (a de Bruijn sequence).
_DE_BRUIJN = {32: (0x077CB531, 27), 64: (0x03F79D71B4CB0A89, 58)}

Arrays = Mapping[str, np.ndarray]
Block = tuple[int, int]


@dataclass(frozen=True)
class Column:
    """A matrix column with its thresholds, or a block of one-hot columns (`width` > 0).

    Its rows of the tables begin at `first`: one for each interval between the thresholds, then that of missing values;
    of a block, one for each of its columns.
    """

    at: int
    width: int
    thresholds: np.ndarray
    first: int

    @cached_property
    def steps(self) -> list[float]:
        return self.thresholds.tolist()

    @cached_property
    def _intervals(self) -> np.ndarray:
        # NaN is beyond infinity in numpy's order, so that it comes after the last interval, where its row is.
        return np.append(self.thresholds, np.inf)

    def rows(self, matrix: np.ndarray) -> np.ndarray:
        if self.width:
            return matrix[:, self.at : self.at + self.width].argmax(axis=1) + self.first
        return self.rows_of(matrix[:, self.at])

    def rows_of(self, values: np.ndarray) -> np.ndarray:
        place: np.ndarray = self._intervals.searchsorted(values)
        place += self.first
        return place


class LeafTables:
    """See `build`. `blocks` are (offset, width) of one-hot columns: matrices must come from the encoder."""

    def __init__(self, columns: list[Column], tables: np.ndarray, node_of: np.ndarray) -> None:
        self.columns = columns
        self._looked_up = [(column.at, column.width, column.steps, column.first) for column in columns]
        self.nothing = len(tables) - 1  # the row that rules out nothing
        self._tables = tables  # (rows, trees), uint32 where no tree has more than 32 leaves, else uint64
        self._wide = tables.view(np.uint64) if tables.shape[1] * tables.itemsize % 8 == 0 else tables
        self._node_of = node_of  # place of a mask's lowest bit, tree by tree → node
        sequence, shift = _DE_BRUIJN[8 * tables.itemsize]
        self._sequence, self._shift = np.array(sequence, tables.dtype), np.array(shift, tables.dtype)
        self._offsets = np.arange(tables.shape[1], dtype=tables.dtype) * tables.dtype.type(8 * tables.itemsize)

    @classmethod
    def build(cls, arrays: Arrays, blocks: Sequence[Block]) -> LeafTables | None:
        """None where a tree has too many leaves or the tables would be too large; then the trees are walked."""
        trees = len(arrays["roots"])
        masks = _masks(arrays)
        if masks is None or not trees:
            return None
        node, tree, mask, leaves = masks
        bits = 32 if max(map(len, leaves)) <= 32 else 64
        kind = np.uint32 if bits == 32 else np.uint64
        mask = mask.astype(kind)  # the lower half: leaves are numbered from the lowest bit
        feature, threshold = arrays["feature"][node], arrays["threshold"][node].astype(np.float64)
        missing_right = arrays["missing_left"][node] == 0
        in_block = {c: (at, width) for at, width in blocks for c in range(at, at + width)}
        used = sorted({in_block.get(int(f), (int(f), 0)) for f in np.unique(feature)})
        ranges = {int(f): np.unique(threshold[feature == f]) for f in np.unique(feature)}
        rows = sum(width if width else len(ranges[at]) + 2 for at, width in used)
        if (rows + 1) * trees * bits // 8 > MAX_BYTES:
            return None
        full = kind((1 << bits) - 1)
        tables = np.full((rows + 1, trees), full)  # the last row rules out nothing: it stands for "no column at all"
        columns, first = [], 0
        for at, width in used:
            parts = {}
            for column in range(at, at + (width or 1)):
                if column not in ranges:
                    continue
                here = feature == column
                steps = ranges[column]
                part = np.full((len(steps) + 2, trees), full)
                place = np.searchsorted(steps, threshold[here])
                np.bitwise_and.at(part, (place + 1, tree[here]), mask[here])
                part[:-1] = np.bitwise_and.accumulate(part[:-1], axis=0)
                # the row of missing values: nodes that send them right
                part[-1] = full
                right = here & missing_right
                np.bitwise_and.at(part, (np.full(int(right.sum()), len(part) - 1), tree[right]), mask[right])
                parts[column] = part
            if width:
                for column, part in parts.items():
                    low, high = (int(np.searchsorted(ranges[column], value)) for value in (0.0, 1.0))
                    chosen = np.full(width, low)
                    chosen[column - at] = high
                    tables[first : first + width] &= part[chosen]
                columns.append(Column(at, width, np.empty(0), first))
                first += width
            else:
                tables[first : first + len(parts[at])] = parts[at]
                columns.append(Column(at, 0, ranges[at], first))
                first += len(parts[at])
        return cls(columns, tables, _places(leaves, bits))

    def leaves(self, matrix: np.ndarray) -> np.ndarray:
        """Node index of each row's leaf in each tree, shape (rows, trees)."""
        return self._node_of.take(self.places(matrix).T)

    def by_place(self, value: np.ndarray) -> np.ndarray:
        """What nodes have, in the order of `places`: `by_place(value)[places(matrix)].T` is `value[leaves(matrix)]`."""
        return value.take(self._node_of, axis=0)

    def places(self, matrix: np.ndarray) -> np.ndarray:
        """Where each row's leaf of each tree is in what `by_place` gives, shape (trees, rows)."""
        if len(matrix) == 1:
            return self.places_of_one(self.rows_of_one(matrix[0].tolist()))[:, None]
        return self.places_of_many([column.rows(matrix) for column in self.columns], len(matrix))

    def rows_of_one(self, values: list[float]) -> list[int]:
        """The rows of the tables of one row of a matrix."""
        rows = []
        for at, width, steps, first in self._looked_up:  # plain tuples: an attribute takes as long as a comparison
            if width:
                rows.append(first + values.index(1.0, at, at + width) - at)
                continue
            value = values[at]
            rows.append(first + (bisect_left(steps, value) if value == value else len(steps) + 1))
        return rows

    def places_of_one(self, rows: list[int]) -> np.ndarray:
        """The same for one row of which the rows of the tables are known, in any order; shape (trees,)."""
        place = self._place(np.bitwise_and.reduce(self._tables.take(rows or [self.nothing], axis=0)))
        return place.view(np.int64) if place.itemsize == 8 else place  # unsigned ones of 64 bits cannot be an index

    def places_of_many(self, columns: list[np.ndarray], count: int) -> np.ndarray:
        """The same for `count` rows; `columns` holds arrays of `count` rows of the tables, in any order."""
        columns = columns or [np.full(count, self.nothing)]
        step = max(1, _CHUNK // self._tables.shape[1])
        parts = [self._located([rows[i : i + step] for rows in columns]) for i in range(0, count, step)]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts, axis=1) if parts else np.empty((self._tables.shape[1], 0), dtype=np.intp)

    def _located(self, columns: list[np.ndarray]) -> np.ndarray:
        wide = self._wide.take(columns[0], axis=0)
        for rows in columns[1:]:
            wide &= self._wide.take(rows, axis=0)
        # Made an index while they are narrow, and in the order of the memory.
        return self._place(wide.view(self._tables.dtype)).T.astype(np.intp, order="C")

    def _place(self, mask: np.ndarray) -> np.ndarray:
        """The place of the lowest bit of each mask; the last axis is trees."""
        lowest = np.negative(mask)
        lowest &= mask
        lowest *= self._sequence
        lowest >>= self._shift
        lowest += self._offsets
        return lowest


def _masks(arrays: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[list[int]]] | None:
    """(inner node, its tree, the leaves that remain when its test fails, each tree's leaf nodes from the left)."""
    left, right = arrays["left"].tolist(), arrays["right"].tolist()
    nodes: list[int] = []
    trees: list[int] = []
    masks: list[int] = []
    leaves: list[list[int]] = []
    full = (1 << MAX_LEAVES) - 1
    for tree, root in enumerate(arrays["roots"].tolist()):
        found: list[int] = []
        # a node comes twice: on the way down, and with its number of leaves to the left when these are known
        stack: list[tuple[int, int]] = [(root, -1)]
        steps = 0
        while stack:
            steps += 1
            if steps > 3 * MAX_LEAVES:  # more than any tree of so few leaves takes; one that bites its tail never ends
                return None
            node, begin = stack.pop()
            if begin >= 0:
                nodes.append(node)
                trees.append(tree)
                masks.append(full & ~((1 << len(found)) - (1 << begin)))
                stack.append((right[node], -1))
            elif left[node] == node:
                found.append(node)
                if len(found) > MAX_LEAVES:
                    return None
            else:
                stack.append((node, len(found)))
                stack.append((left[node], -1))
        leaves.append(found)
    return np.array(nodes, np.intp), np.array(trees, np.intp), np.array(masks, np.uint64), leaves


def _places(leaves: Sequence[Sequence[int]], bits: int) -> np.ndarray:
    sequence, shift = _DE_BRUIJN[bits]
    node_of = np.zeros((len(leaves), bits), dtype=np.intp)
    place = [((sequence << bit) & ((1 << bits) - 1)) >> shift for bit in range(bits)]
    for tree, found in enumerate(leaves):
        node_of[tree, place[: len(found)]] = found
    return node_of.ravel()
