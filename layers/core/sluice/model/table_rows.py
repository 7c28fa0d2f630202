"""JSON records → rows of the leaf tables, without a matrix between: what reading, encoding and `LeafTables` do in turn.

As in `columns`, only values that need no thought are taken here; anything else makes the whole request take the
careful path, which answers it or names the field. Both answer the same, to the last bit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from operator import getitem, itemgetter
from typing import Any, NamedTuple

import numpy as np

from sluice.model.encoder import Encoder
from sluice.model.leaf_tables import Column, LeafTables
from sluice.model.preparation.categories import BY_CATEGORY, Places
from sluice.model.schema import LARGEST
from sluice.model.values import INTEGER_LIMIT

_NONE = type(None)
_NUMBERS: set[type] = {float, int, _NONE}


class TableRows(NamedTuple):
    """`one`: a single record's rows of the tables; otherwise `many`: for each column those of all `records`.

    `exact`: each record has the features and nothing else, so that its names need no other look.
    """

    one: list[int]
    many: list[np.ndarray]
    records: int
    exact: bool = False


class _Number(NamedTuple):
    name: str
    whole: bool
    steps: list[float]
    first: int
    missing: int
    column: Column | None  # None: no tree asks


class _Choice(NamedTuple):
    """A boolean or a category."""

    name: str
    rows: _Truths | Places


class _Truths(dict[Any, int]):
    """The rows of a boolean column's values and of None. Raises TypeError on other values.

    1 and 0 are found as true and false, and are read as such on the careful path too.
    """

    def __missing__(self, value: Any) -> int:
        raise TypeError


class TableReader:
    """Made once for each model, by `build`."""

    def __init__(self, numbers: list[_Number], choices: list[_Choice]) -> None:
        self._numbers, self._choices = numbers, choices
        # Plain tuples for single records: to unpack a named one takes as long as to look a value up.
        self._places = [(number.whole, number.steps, number.first, number.missing) for number in numbers]
        self._rows = [choice.rows for choice in choices]
        self._names = [*(number.name for number in numbers), *(choice.name for choice in choices)]
        self._features = len(set(self._names))  # a column may have several choices
        self._get = itemgetter(*self._names) if len(self._names) > 1 else None  # of one name it would give no tuple

    @classmethod
    def build(cls, encoder: Encoder, tables: LeafTables) -> TableReader | None:
        """None where the encoder does more with a column than here is known."""
        if encoder.interactions or encoder.stages:
            return None
        columns = {column.at: column for column in tables.columns}
        numbers, choices, offset = [], [], 0
        for part, width in encoder.widths:
            name, kind = part["column"], encoder.schema.types[part["column"]]
            reading = encoder.schema.reading(name)
            if not reading.only_text_is_missing:
                return None
            column, at = columns.get(offset), offset
            offset += width
            first = tables.nothing if column is None else column.first
            steps = [] if column is None else column.steps
            missing = first if column is None else first + len(steps) + 1
            if part["kind"] == "number" and kind in ("number", "integer"):
                numbers.append(_Number(name, kind == "integer", steps, first, missing, column))
            elif part["kind"] == "boolean":
                known = {value: first + bisect_left(steps, float(value)) for value in (False, True)}
                truths: dict[Any, int] = {**known, None: missing}
                choices.append(_Choice(name, _Truths(truths)))
            elif part["kind"] == "category":
                choices.append(_Choice(name, Places.one_hot(part, first, 0 if column is None else 1, reading)))
            elif part["kind"] in BY_CATEGORY:
                asked = [(i, columns.get(at + i)) for i in range(width)]
                choices += [
                    _Choice(name, Places.of_column(part, i, partial(row_of, column, tables.nothing), reading))
                    for i, column in asked
                    if column is not None or i == 0  # of a column no tree asks for, the type is checked, too
                ]
            else:
                return None
        return cls(numbers, choices)

    def read(self, records: Sequence[Any]) -> TableRows | None:
        """None where the careful path is needed."""
        try:
            if len(records) == 1:
                return self._one(records[0])
            return self._many(records) if records and set(map(type, records)) == {dict} else None
        except TypeError:  # a value of a type that a choice does not have
            return None

    def _one(self, record: Any) -> TableRows | None:
        if type(record) is not dict:
            return None
        values, exact = self._values(record)
        rows = []
        for value, (whole, steps, first, missing) in zip(values, self._places):
            if value is None:
                rows.append(missing)
                continue
            if type(value) is int and -LARGEST <= value <= LARGEST:
                value = float(value)
            if type(value) is not float or not -LARGEST <= value <= LARGEST or (whole and not _whole(value)):
                return None
            rows.append(first + bisect_left(steps, value))
        rows += map(getitem, self._rows, values[len(self._numbers) :])
        return TableRows(rows, [], 1, exact)

    def _many(self, records: Sequence[dict[str, Any]]) -> TableRows | None:
        count, columns = len(records), []
        fields, exact = self._fields(records)
        flat = list(chain.from_iterable(fields[: len(self._numbers)]))
        if not set(map(type, flat)) <= _NUMBERS:
            return None
        try:
            values = np.array(flat, dtype=np.float64).reshape(len(self._numbers), count)  # None becomes NaN
        except OverflowError:
            return None
        if flat and (np.abs(values) > LARGEST).any():
            return None
        for number, column in zip(self._numbers, values, strict=True):
            whole = (column == np.floor(column)) & (np.abs(column) < INTEGER_LIMIT)
            if number.whole and not (whole | np.isnan(column)).all():
                return None
            if number.column is not None:
                columns.append(number.column.rows_of(column))
        for choice, field in zip(self._choices, fields[len(self._numbers) :], strict=True):
            columns.append(np.fromiter(map(choice.rows.__getitem__, field), np.intp, count))
        return TableRows([], columns, count, exact)

    def _fields(self, records: Sequence[dict[str, Any]]) -> tuple[list[Sequence[Any]], bool]:
        """The values of each number and each choice, and whether there are no others and none is missing."""
        if self._get is not None:
            with suppress(KeyError):
                values: list[Sequence[Any]] = list(zip(*map(self._get, records), strict=True))
                return values, sum(map(len, records)) == self._features * len(records)
        return [[record.get(name) for record in records] for name in self._names], False

    def _values(self, record: dict[str, Any]) -> tuple[Sequence[Any], bool]:
        """The same of one record."""
        if self._get is not None:
            try:
                values: tuple[Any, ...] = self._get(record)
            except KeyError:
                pass
            else:
                return values, len(record) == self._features
        return [record.get(name) for name in self._names], False


def row_of(column: Column | None, nothing: int, value: float) -> int:
    """The row of the tables of a column's value; NaN is missing."""
    if column is None:
        return nothing
    if value != value:
        return column.first + len(column.steps) + 1
    return column.first + bisect_left(column.steps, value)


def _whole(value: float) -> bool:
    return not value % 1 and -INTEGER_LIMIT < value < INTEGER_LIMIT
