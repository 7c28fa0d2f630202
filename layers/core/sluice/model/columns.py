"""JSON records → matrix, column by column: what `Schema.typed_json` and `Encoder.encode` do, for many rows at once.

Only values that need no thought are taken here: numbers within float32, booleans, text for categories, and nothing.
Anything else (a wrong type, infinity, other kinds of columns) makes the whole request take the careful path, which
answers it or names the field. So both paths give the same matrix, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sluice.model.encoder import Encoder
from sluice.model.schema import LARGEST

FEW = 8  # below this many rows the careful path is the faster one
_NONE = type(None)
_PLAIN: dict[str, set[type]] = {
    "number": {float, int, _NONE},
    "integer": {float, int, _NONE},
    "boolean": {bool, _NONE},
    "category": {str, _NONE},
}


class ColumnReader:
    """`places` are made once for each model."""

    def __init__(self, encoder: Encoder) -> None:
        self._width, self._columns = encoder.width, []
        self.able = not encoder.interactions
        offset = 0
        for part, width in encoder.widths:
            kind = encoder.schema.types[part["column"]]
            places: dict[str | None, int] = {}
            if part["kind"] == "category":
                places = {value: offset + i for i, value in enumerate(part["vocabulary"])}
                places |= {None: offset + width - 1, "": offset + width - 1}
            self.able &= part["kind"] in ("number", "boolean", "category") and kind in _PLAIN
            self._columns.append((part["column"], kind, offset, places, offset + width - 2))
            offset += width

    def matrix(self, records: Sequence[Any]) -> np.ndarray | None:
        """None where the careful path is needed."""
        found = self.read(records)
        return None if found is None else found[0]

    def read(self, records: Sequence[Any]) -> tuple[np.ndarray, bool] | None:
        """The matrix, and whether each record has a value for every column and no other field."""
        if not self.able or len(records) < FEW or not all(type(record) is dict for record in records):
            return None
        matrix = np.zeros((len(records), self._width))
        rows = np.arange(len(records))
        exact = sum(map(len, records)) == len(self._columns) * len(records)
        for name, kind, offset, places, other in self._columns:
            column = [record.get(name) for record in records]
            found = set(map(type, column))
            if not found <= _PLAIN[kind]:
                return None
            exact = exact and _NONE not in found  # a column that is absent gives None too
            if kind == "category":
                matrix[rows, [places.get(value, other) for value in column]] = 1.0
                continue
            values = _numbers(column, whole=kind == "integer")
            if values is None:
                return None
            matrix[:, offset] = values
        return matrix, exact


def _numbers(column: Sequence[Any], *, whole: bool) -> np.ndarray | None:
    try:
        values = np.array(column, dtype=np.float64)  # None becomes NaN
    except OverflowError:
        return None
    if (np.abs(values) > LARGEST).any():
        return None
    if whole and not ((values == np.floor(values)) | np.isnan(values)).all():
        return None
    return values
