"""Columns as numbers, and their ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

MIN_ROWS = 50
"""With fewer rows, nothing is said about a column."""


def numbers(values: Sequence[Any]) -> np.ndarray:
    """Numbers, times and booleans as float64, NaN for missing."""
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)


def ranks(x: np.ndarray) -> np.ndarray:
    """Mean ranks from 0 on, ties sharing theirs."""
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean: np.ndarray = (ends - (counts + 1) / 2.0)[place]
    return mean


def able(x: np.ndarray) -> bool:
    """Whether enough values are known, and they differ."""
    known = x[np.isfinite(x)]
    return len(known) >= max(MIN_ROWS, 0.5 * len(x)) and bool(np.ptp(known) > 0)


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Where `x` is known; 0 where either does not vary there."""
    known = np.isfinite(x)
    if not able(x) or not np.ptp(y[known]) > 0:
        return 0.0
    return float(np.corrcoef(ranks(x[known]), ranks(y[known]))[0, 1])
