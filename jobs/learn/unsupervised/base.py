"""What training without labels hands on: a proven scorer's arrays, the classes that it answers, and what was found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from families.base import Arrays, Meta, Parameter
from sluice.model.encoder import Encoder
from sluice.model.space import Space

__all__ = ["Arrays", "Detector", "Learned", "Material", "Meta", "Parameter", "columns_of", "typed_parameters"]


@dataclass(frozen=True)
class Material:
    """What there is to learn from: the encoder's matrices of the train and validation rows, and their points in space.

    `columns`: (offset, width) of each contract column's part of a matrix.
    """

    space: Space
    columns: list[tuple[int, int]]
    matrix: np.ndarray
    held_out: np.ndarray
    points: np.ndarray
    held_out_points: np.ndarray
    seed: int

    @classmethod
    def of(cls, encoder: Encoder, matrix: np.ndarray, held_out: np.ndarray, seed: int) -> Material:
        columns = columns_of(encoder)
        space = Space.fit(matrix, columns)
        return cls(space, columns, matrix, held_out, space(matrix), space(held_out), seed)


@dataclass(frozen=True)
class Learned:
    """`answer`: (rows of the encoder's matrix) → what the library itself says, as the exported scorer has to.

    `facts` go into the artefact's `training`, which evaluation and people read. `measured`: (the model's answers for
    the validation rows) → their metrics.
    """

    arrays: Arrays
    scorer: Meta
    classes: tuple[Any, ...]
    answer: Callable[[np.ndarray], np.ndarray]
    measured: Callable[[np.ndarray], dict[str, float]]
    facts: dict[str, Any] = field(default_factory=dict)


class Detector(ABC):
    """`most`: rows that it fits at most, because it keeps them (None: any number).

    `library` is the module that the scikit-learn container lacks, if any.
    """

    name: ClassVar[str]
    parameters: ClassVar[dict[str, Parameter]] = {}
    most: ClassVar[int | None] = None
    library: ClassVar[str] = ""

    @abstractmethod
    def fit(self, points: np.ndarray, hyperparameters: dict[str, Any], seed: int) -> Any:
        """What the library has learned of `points`, not more than `most`."""

    @abstractmethod
    def raw(self, fitted: Any, points: np.ndarray) -> np.ndarray:
        """The library's own answer: (rows,), greater for rarer rows."""

    @abstractmethod
    def export(self, fitted: Any) -> tuple[Arrays, Meta]:
        """The same as arrays, without the space's and the limit's, and the scorer's meta data."""


def columns_of(encoder: Encoder) -> list[tuple[int, int]]:
    """(offset, width) of each form of a contract column in the matrix; of each matrix column, where steps have mixed
    them (components, selection)."""
    if encoder.stages:
        return [(place, 1) for place in range(encoder.width)]
    found, offset = [], 0
    for _, width in encoder.widths:
        found.append((offset, width))
        offset += width
    return found


def typed_parameters(name: str, parameters: dict[str, Parameter], given: dict[str, str]) -> dict[str, Any]:
    """Texts as they come from SageMaker → typed, with defaults filled in. Raises ValueError."""
    if unknown := sorted(set(given) - set(parameters)):
        known = ", ".join(parameters) or "none"
        raise ValueError(f"family {name} has no hyperparameter {unknown[0]!r}; it has: {known}")
    return {each: p.parse(each, given[each]) if each in given else p.default for each, p in parameters.items()}
