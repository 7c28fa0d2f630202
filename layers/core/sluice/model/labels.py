"""The target: contract labels ↔ the class indices and numbers that models know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sluice.model.errors import DataError, ModelError
from sluice.model.schema import Row, Value
from sluice.model.values import category_text, is_positive

SUPPORTED = ("binary", "multiclass", "regression")
"""Types that learn from labels."""
UNLABELLED = ("clustering", "anomaly")
"""Types that learn without: their classes are the segments' names, and false and true for "flagged"."""


@dataclass(frozen=True)
class Labels:
    """`classes[i]` is the typed label of class i: for binary [negative, positive]; empty for regression."""

    problem: str
    target: str
    classes: tuple[Any, ...] = ()

    @classmethod
    def fit(cls, contract: Mapping[str, Any], rows: Sequence[Row], source: str) -> Labels:
        """Learn the classes from the rows. Raises ModelError, DataError (names `source` and the column)."""
        problem = contract["problem"]
        kind, target = problem["type"], problem.get("target")
        if kind not in SUPPORTED:
            raise ModelError(f"problem type {kind!r} is not supported by the learning jobs; use {', '.join(SUPPORTED)}")
        column_type = contract["data"]["columns"][target]["type"]
        if kind == "regression":
            if column_type not in ("integer", "number"):
                raise ModelError(f"regression needs a numeric target; {target!r} is declared as {column_type}")
            return cls(kind, target)
        seen = {value for row in rows if (value := row.get(target)) is not None}
        # 1.0 == True in Python: a column has one type, so mixing cannot occur here.
        ordered = sorted(seen, key=lambda value: (isinstance(value, str), value))
        if len(ordered) < 2:
            raise DataError(f"{source}, column {target!r}: {len(ordered)} distinct label(s); a classifier needs two")
        if kind == "multiclass":
            return cls(kind, target, tuple(_plain(value, column_type) for value in ordered))
        if len(ordered) > 2:
            raise DataError(
                f"{source}, column {target!r}: {len(ordered)} distinct labels in a binary problem; "
                "declare problem.type multiclass or clean the labels"
            )
        positive = problem.get("positive")
        if positive is not None:
            # YAML may say `Yes` as true and 1 as a number; the column's type decides what was meant.
            if not any(is_positive(value, positive, column_type) for value in ordered):
                raise DataError(
                    f"{source}, column {target!r}: the contract's problem.positive never occurs"
                    + _other_case(ordered, positive)
                )
            ordered.sort(key=lambda value: is_positive(value, positive, column_type))
        return cls(kind, target, tuple(_plain(value, column_type) for value in ordered))

    def encode(self, rows: Sequence[Row], source: str) -> np.ndarray:
        """Class indices (int64) or target values (float64), shape (rows,). Raises DataError."""
        values = [row.get(self.target) for row in rows]
        if (empty := sum(value is None for value in values)) > 0:
            raise DataError(
                f"{source}, column {self.target!r}: {empty} of {len(values)} rows have no label; drop them first"
            )
        if self.problem == "regression":
            return np.array(values, dtype=np.float64)
        index = {label: i for i, label in enumerate(self.classes)}
        try:
            return np.array([index[value] for value in values], dtype=np.int64)
        except KeyError:
            unknown = len({value for value in values if value not in index})
            raise DataError(
                f"{source}, column {self.target!r}: {unknown} label(s) that the training rows do not have"
            ) from None

    def to_json(self) -> dict[str, Any]:
        return {"problem": self.problem, "target": self.target, "classes": list(self.classes)}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Labels:
        return cls(state["problem"], state["target"], tuple(state["classes"]))


def _plain(value: Value, column_type: str) -> Any:
    return int(value) if column_type == "integer" and isinstance(value, float) else value


def _other_case(labels: Sequence[Value], positive: Any) -> str:
    folded = category_text(positive).casefold()
    near = any(isinstance(label, str) and label.casefold() == folded for label in labels)
    return "; a label differs from it in upper and lower case only: write it as the data does" if near else ""
