"""Columns that are looked up by codes of categories, for trees that ask for a category or for a statistic of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


class CategoryColumns:
    """A code has the state code + 1; a missing one has 0, and one that training had not has the last state.

    Arrays: lookup_code (columns,), the matrix column of the code; lookup_size (columns,), the number of its states;
    lookup_value (values,), one for each state, column after column. Raises ValueError where they do not fit together.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._code = arrays["lookup_code"].astype(np.intp)
        size = arrays["lookup_size"].astype(np.intp)
        self._value = arrays["lookup_value"].astype(np.float64)
        if len(self._code) != len(size) or size.min() < 1 or self._code.min() < 0 or size.sum() != len(self._value):
            raise ValueError("the sizes of the look-up tables do not fit their values")
        self._first, self._last = np.cumsum(size) - size, size - 1.0

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        """Shape (rows, columns), float64."""
        # NaN is neither above 0 nor below the last state: it becomes 0
        states = np.fmin(np.fmax(matrix[:, self._code] + 1.0, 0.0), self._last)
        return self._value.take(self._first + states.astype(np.intp))
