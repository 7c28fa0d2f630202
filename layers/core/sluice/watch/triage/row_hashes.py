"""Numbers that are equal where rows are: to find copies, and to count what is sent again and again once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sluice.watch.triage.window import NUMERIC, Window


def total(parts: dict[str, np.ndarray]) -> np.ndarray:
    found: np.ndarray = np.asarray(np.sum(list(parts.values()), axis=0, dtype=np.uint64))
    return found


def hashes(window: Window, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Column → a number for each row, equal where the values are, in windows of one process. Their sum, modulo 2^64,
    stands for the row."""
    found = {}
    for place, name in enumerate(names):
        values = window.columns[name]
        if window.types[name] in NUMERIC:
            bits = np.where(np.isnan(values), -7.25e300, values + 0.0).view(np.uint64)
        else:
            bits = np.fromiter(map(hash, values.tolist()), np.int64, len(values)).view(np.uint64)
        mixed = (bits + np.uint64(place * 2 + 1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(32)
        found[name] = mixed * np.uint64(0x94D049BB133111EB)
    return found
