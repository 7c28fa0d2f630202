"""Sums that do not depend on the order of what is added: the same rows in other files give the same last digit.

A double is a whole number of 2^-1074. The mantissas of an array are added as whole numbers, one sum for each exponent,
and those sums are joined as Python's integers, so that nothing is rounded before the end (the idea of the long
accumulator of Kulisch, Computer Arithmetic and Validity, 2008).
"""

from __future__ import annotations

import numpy as np

_DIGITS, _HALF = 53, 27
_LEAST = 1074
"""The smallest positive double is 2^-1074."""
_AT_ONCE = 2**20
"""This many halves of mantissas add up to less than 2^53, which a double holds exactly."""


class ExactSum:
    """The sum of finite numbers, rounded once, when it is read.

    >>> total = ExactSum()
    >>> total.add(np.array([1e100, 1.0, -1e100]))
    >>> total.value
    1.0
    """

    def __init__(self) -> None:
        self._units = 0

    def add(self, values: np.ndarray) -> None:
        """`values`: finite float64."""
        for start in range(0, len(values), _AT_ONCE):
            self._add(values[start : start + _AT_ONCE])

    def _add(self, values: np.ndarray) -> None:
        if not len(values):
            return
        fractions, exponents = np.frexp(values)
        mantissas = np.ldexp(fractions, _DIGITS).astype(np.int64)
        least = int(exponents.min())
        places = exponents - least
        high = np.bincount(places, weights=mantissas >> _HALF)
        low = np.bincount(places, weights=mantissas & (2**_HALF - 1))
        for place in np.flatnonzero((high != 0) | (low != 0)).tolist():
            whole = (int(high[place]) << _HALF) + int(low[place])
            shift = least + place - _DIGITS + _LEAST
            # below the smallest exponent the mantissa of a subnormal ends in zeros
            self._units += whole << shift if shift >= 0 else whole >> -shift

    def to_text(self) -> str:
        """The sum itself, not rounded: `from_text` reads it again.

        >>> total = ExactSum()
        >>> total.add(np.array([0.1, 0.2]))
        >>> total.to_text(), ExactSum.from_text(total.to_text()).value
        ('26666666666667p1019', 0.30000000000000004)
        """
        zeros = (self._units & -self._units).bit_length() - 1 if self._units else 0
        return f"{self._units >> zeros:x}p{zeros}"

    @classmethod
    def from_text(cls, text: str) -> ExactSum:
        """Raises ValueError for what `to_text` did not write."""
        units, _, zeros = text.partition("p")
        found = cls()
        found._units = int(units, 16) << int(zeros)
        return found

    @property
    def value(self) -> float:
        """The nearest double; infinite beyond the largest one."""
        try:
            return self._units / (1 << _LEAST)
        except OverflowError:
            return float("inf") if self._units > 0 else float("-inf")
