"""JSON records → matrix, column by column: what `Schema.typed_json` and `Encoder.encode` do, for many rows at once.

Only values that need no thought are taken here: numbers within float32, booleans, text for categories, and nothing.
Anything else (text for numbers, infinity, other kinds of columns) makes the whole request take the careful path, which
answers it or names the field. So both paths give the same matrix, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sluice.model.encoder import Encoder
from sluice.model.preparation.categories import Places
from sluice.model.schema import LARGEST
from sluice.model.values import INTEGER_LIMIT

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
        self.able = not encoder.interactions and not encoder.stages
        offset = 0
        for part, width in encoder.widths:
            kind = encoder.schema.types[part["column"]]
            reading = encoder.schema.reading(part["column"])
            places = Places.one_hot(part, offset, 1, reading) if part["kind"] == "category" else None
            self.able &= part["kind"] in ("number", "boolean", "category") and kind in _PLAIN
            self.able &= reading.only_text_is_missing
            self._columns.append((part["column"], kind, offset, places))
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
        for name, kind, offset, places in self._columns:
            column = [record.get(name) for record in records]
            found = set(map(type, column))
            if not found <= _PLAIN[kind]:
                return None
            exact = exact and _NONE not in found  # a column that is absent gives None too
            if places is not None:
                try:
                    matrix[rows, [places[value] for value in column]] = 1.0
                except TypeError:  # a text that is not a value
                    return None
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
    if not whole:
        return values
    if not (((values == np.floor(values)) & (np.abs(values) < INTEGER_LIMIT)) | np.isnan(values)).all():
        return None
    return values + 0.0  # an integer has no -0
