"""Steps over the whole matrix, after all columns are written: rows of length 1, selected columns, principal components.

Sums go strictly in order, so that one row and many come out the same to the last bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

_CHUNK = 2_000_000


class Stage(ABC):
    """`state` is JSON; `arrays` belong to it. Adding one: a class with a `kind`, and a line in STAGES."""

    kind: ClassVar[str]

    @abstractmethod
    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        """(rows, width before) → (rows, width after)."""

    @abstractmethod
    def names(self, before: Sequence[str]) -> list[str]:
        """The columns' names after the stage."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """With `kind`."""

    def arrays(self) -> dict[str, np.ndarray]:
        return {}

    @classmethod
    @abstractmethod
    def from_json(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Stage:
        """Raises KeyError, ValueError where state and arrays do not fit together."""


class UnitNorm(Stage):
    """Each row's `columns` divided by their Euclidean length; missing ones count as 0, a row of zeros stays."""

    kind = "unit_norm"

    def __init__(self, columns: Sequence[int]) -> None:
        self._columns = np.array(columns, dtype=np.intp)

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        matrix = matrix.copy()
        taken = matrix[:, self._columns]
        # by the greatest first: squares of huge numbers are infinite
        greatest = np.max(np.abs(np.nan_to_num(taken)), axis=1, initial=0.0)
        greatest[greatest == 0] = 1.0
        taken = taken / greatest[:, None]
        length = np.sqrt(in_order(np.nan_to_num(taken) ** 2))
        length[length == 0] = 1.0
        matrix[:, self._columns] = taken / length[:, None]
        return matrix

    def names(self, before: Sequence[str]) -> list[str]:
        return list(before)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "columns": self._columns.tolist()}

    @classmethod
    def from_json(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> UnitNorm:
        return cls(state["columns"])


class Select(Stage):
    """The columns that are kept."""

    kind = "select"

    def __init__(self, columns: Sequence[int]) -> None:
        self._columns = np.array(columns, dtype=np.intp)

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(matrix[:, self._columns])

    def names(self, before: Sequence[str]) -> list[str]:
        return [before[i] for i in self._columns]

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "columns": self._columns.tolist()}

    @classmethod
    def from_json(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Select:
        return cls(state["columns"])


class Components(Stage):
    """Principal components instead of the columns, which are filled in with `fill` and standardised before.

    `basis` has shape (width, components).
    """

    kind = "components"

    def __init__(self, fill: np.ndarray, mean: np.ndarray, scale: np.ndarray, basis: np.ndarray) -> None:
        if basis.ndim != 2 or not len(basis) == len(fill) == len(mean) == len(scale):
            raise ValueError("principal components have a weight for each column")
        self._fill, self._mean, self._scale, self._basis = fill, mean, scale, basis

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        step = max(1, _CHUNK // max(1, self._basis.size))
        parts = [self._of(matrix[at : at + step]) for at in range(0, len(matrix), step)]
        return np.concatenate(parts) if parts else np.zeros((0, self._basis.shape[1]))

    def _of(self, matrix: np.ndarray) -> np.ndarray:
        plain = (np.where(np.isnan(matrix), self._fill, matrix) - self._mean) / self._scale
        return np.stack([in_order(plain * self._basis[:, k]) for k in range(self._basis.shape[1])], axis=1)

    def names(self, before: Sequence[str]) -> list[str]:
        return [f"component{k}" for k in range(self._basis.shape[1])]

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"fill": self._fill, "mean": self._mean, "scale": self._scale, "basis": self._basis}

    @classmethod
    def from_json(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Components:
        return cls(arrays["fill"], arrays["mean"], arrays["scale"], arrays["basis"])


STAGES: dict[str, type[Stage]] = {stage.kind: stage for stage in (UnitNorm, Select, Components)}


def in_order(terms: np.ndarray) -> np.ndarray:
    """The sum of each row, added from the left: numpy's own sum adds pairwise, and differently for other shapes."""
    if not terms.shape[1]:
        return np.zeros(len(terms))
    total: np.ndarray = np.add.accumulate(terms, axis=1)[:, -1]
    return total


def stage_arrays(stages: Sequence[Stage]) -> dict[str, np.ndarray]:
    return {f"stage{i}_{name}": array for i, stage in enumerate(stages) for name, array in stage.arrays().items()}


def stages_of(states: Sequence[Mapping[str, Any]], arrays: Mapping[str, np.ndarray]) -> list[Stage]:
    """Raises KeyError, ValueError."""
    found = []
    for i, state in enumerate(states):
        prefix = f"stage{i}_"
        own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        found.append(STAGES[state["kind"]].from_json(state, own))
    return found
