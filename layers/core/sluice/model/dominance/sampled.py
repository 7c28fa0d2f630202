"""What is looked at: rows by column, coded in bins, and folds of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sluice.model.identities.arrays import numbers
from sluice.model.schema import Value

ROWS = 10_000
"""Rows that are looked at, drawn by chance: at 10,000 the share of a column is known to about 0.02."""
FOLDS = 5
BINS = 32
CATEGORIES = 1_000
SMALL = 2_000
"""With fewer rows trees are smaller, or they would learn the noise and explain less than their best column does; and
every fold is held out in turn, since one alone would be too noisy."""


@dataclass(frozen=True)
class Sampled:
    """`target` is (rows, classes) with a 1 for the class, or (rows, 1) for regression; `fold` is (rows,)."""

    target: np.ndarray
    fold: np.ndarray
    is_number: bool

    @property
    def rows(self) -> int:
        return len(self.fold)


def draw(rows: int, seed: int) -> np.ndarray:
    """The places of at most ROWS rows."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:ROWS])


def sampled(y: np.ndarray, classes: int, seed: int) -> Sampled:
    """`classes` is 0 for regression."""
    target = y.astype(np.float64)[:, None] if not classes else np.eye(classes)[y]
    fold = np.random.default_rng(seed).permutation(len(y)) % FOLDS
    return Sampled(target, fold, not classes)


def codes(values: Sequence[Value], kind: str) -> np.ndarray:
    """Each value's bin, from 0 on: quantiles of numbers, the most frequent CATEGORIES of categories, missing its own.

    A value that fills several quantiles is a bin of its own, so that a spike at 0 is not mixed with what is above it.
    """
    if kind in ("category", "text"):
        ranked = {value: place for place, (value, _) in enumerate(Counter(values).most_common(CATEGORIES))}
        return np.array([ranked.get(value, len(ranked)) for value in values], dtype=np.int64)
    known = numbers(values)
    missing = np.isnan(known)
    if missing.all():
        return np.zeros(len(known), dtype=np.int64)
    edges = np.unique(np.quantile(known[~missing], np.linspace(0, 1, BINS + 1)[:-1]))
    found = np.searchsorted(edges, known, side="left")
    found[missing] = len(edges) + 1
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def matrix(columns: dict[str, Sequence[Value]], types: dict[str, str]) -> dict[str, np.ndarray]:
    """Column → its numbers for trees, (rows, width): categories by rank of their frequency, words of texts counted."""
    found = {}
    for name, values in columns.items():
        if types[name] == "text":
            found[name] = words_of(values)
        elif types[name] == "category":
            found[name] = codes(values, "category").astype(np.float64)[:, None]
        else:
            found[name] = numbers(values)[:, None]
    return found


def words_of(values: Sequence[Value]) -> np.ndarray:
    """(rows, 64): which of the 64 words are there that most rows have and not all."""
    found = [set(str(value).lower().split()) if value is not None else set() for value in values]
    counts = Counter(word for words in found for word in words)
    chosen = [word for word, count in counts.most_common(64) if count < len(values)]
    return np.array([[word in words for word in chosen] for words in found], dtype=np.float64)
