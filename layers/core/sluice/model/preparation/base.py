"""What every form of a column has: it is learned once, and then writes one value or many, to the same bits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

NAN = float("nan")
LARGEST = 3.0e38
"""Numbers stay within float32: scikit-learn's forests refuse anything beyond."""

Part = Mapping[str, Any]


class Form(ABC):
    """The matrix columns that one contract column becomes. `part` is its state, plain JSON.

    Adding a form: a class with a `kind`, and a line in `forms.FORMS`.
    """

    kind: ClassVar[str]

    def __init__(self, part: Part) -> None:
        self.column = str(part["column"])

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """One readable name for each matrix column."""

    @property
    def width(self) -> int:
        return len(self.names)

    @abstractmethod
    def write(self, value: Any, out: list[float], at: int) -> None:
        """Sets `out[at : at + width]`, which are zeros, from one typed value; None is missing."""

    def fill(self, values: Sequence[Any], block: np.ndarray) -> None:
        """The same for many values: `block` has shape (rows, width) and is zeros."""
        width = self.width
        rows = []
        for value in values:
            out = [0.0] * width
            self.write(value, out, 0)
            rows.append(out)
        if rows:
            block[:] = rows


class OneColumn(Form):
    """A form of one matrix column, whose value is a function of the cell's."""

    @abstractmethod
    def of(self, value: Any) -> float:
        """NaN where it is missing."""

    @property
    def names(self) -> list[str]:
        return [self.column]

    @property
    def width(self) -> int:
        return 1

    def write(self, value: Any, out: list[float], at: int) -> None:
        out[at] = self.of(value)

    def fill(self, values: Sequence[Any], block: np.ndarray) -> None:
        block[:, 0] = [self.of(value) for value in values]
