"""Which columns of text Arrow may read at once as their type, because its reading is that of `sluice.model.values`.

Where it differs, the difference is an error of Arrow's or shows in the values that it read; then the column is read as
text, and the rules judge it cell by cell. What Arrow reads otherwise, and how that shows:

| type | Arrow alone | seen by |
|---|---|---|
| integer | `0x10` is 16; -2^63 is an integer | `0x` in the block; the least value |
| number | `nan`, `inf` and `1e400` are numbers | values that are not finite |
| number | an integer that no double holds is rounded | values from 2^53 on |
| timestamp | the year 0, and times that leave the calendar by their zone | the first and last value |
| any | a missing marker that can be read as a value | such columns are always read as text |
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sluice.contract.data import Column
from sluice.contract.models import Contract
from sluice.model.values import FALSE, INTEGER_LIMIT, TRUE, Reading

TEXT = pa.string()
CODED = pa.dictionary(pa.int32(), pa.string())
"""Text that is kept once for each value that differs."""
_UTC = pa.timestamp("us", "UTC")
_CANDIDATES: dict[str, tuple[pa.DataType, ...]] = {
    "integer": (pa.int64(),),
    "number": (pa.float64(),),
    "boolean": (pa.bool_(),),
    "timestamp": (pa.timestamp("us"), _UTC),
    "category": (CODED,),
    "text": (),
}
_FIRST, _LAST = (
    pa.scalar(end, pa.timestamp("us")).value for end in (datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999))
)
MANY_CODES = 2
"""A column of text is coded while its rows are at least this many times as many as its values."""
MAX_WAIT = 64
EXACT_INTEGERS = 2**53
"""A double holds each integer that is smaller in magnitude."""


def _spellings(words: Iterable[str]) -> list[str]:
    return sorted({form for word in words for form in (word, word.upper(), word.capitalize())})


TRUE_WORDS, FALSE_WORDS = _spellings(TRUE), _spellings(FALSE)


@dataclass
class Planned:
    """A column's types that Arrow may read it as, the first of which is the contract's own; none: text."""

    candidates: tuple[pa.DataType, ...]
    at: int = 0
    wait: int = 0
    """Blocks for which the column is read as text."""
    next_wait: int = 1

    def type(self) -> pa.DataType:
        return TEXT if self.wait or not self.candidates else self.candidates[self.at]

    def failed(self) -> None:
        """The type did not fit a block: try the other one, and after all of them wait for twice as long as before."""
        self.at += 1
        if self.at >= len(self.candidates):
            self.at, self.wait = 0, self.next_wait
            self.next_wait = min(2 * self.next_wait, MAX_WAIT)


@dataclass
class Plan:
    """`wanted`: the columns that are needed, None for all; `nulls`: texts that are missing, whatever the column;
    `figures`: the columns of numbers and times."""

    wanted: Collection[str] | None = None
    nulls: Sequence[str] = ()
    columns: Mapping[str, Planned] = field(default_factory=dict)
    figures: Collection[str] = ()

    def asked(self) -> dict[str, pa.DataType]:
        """The type to ask Arrow for, of each column that is known; all others are text."""
        return {name: column.type() for name, column in self.columns.items()}

    def settled(self, arrays: dict[str, pa.Array], types: Mapping[str, pa.DataType]) -> list[str]:
        """Columns whose values Arrow may have read otherwise than the rules do."""
        wrong = []
        for name, column in self.columns.items():
            values = arrays[name]
            if types[name] == TEXT:
                column.wait = max(0, column.wait - 1)
            elif types[name] == CODED:
                if len(values.dictionary) * MANY_CODES > len(values):
                    column.failed()
            elif not _same_as_rules(values):
                column.failed()
                wrong.append(name)
        return wrong

    def typed_again(self, texts: dict[str, pa.Array], types: Mapping[str, pa.DataType]) -> dict[str, pa.Array]:
        """Columns that were read as text since one of them did not fit its type; those that do get it after all."""
        for name, kind in types.items():
            if kind in (TEXT, CODED):
                continue
            column = self.columns[name]
            try:
                values = _cast(texts[name], kind)
            except pa.ArrowInvalid:
                column.failed()
                continue
            if _same_as_rules(values):
                texts[name] = values
            else:
                column.failed()
        return texts


AS_TEXT = Plan()


def figures_of(columns: Mapping[str, Column]) -> set[str]:
    """The columns of numbers and times."""
    return {name for name, column in columns.items() if column.type in ("integer", "number", "timestamp")}


def as_text(columns: Mapping[str, Column]) -> Plan:
    """All columns as text, but a second table is seen by the figures of these."""
    return Plan(figures=figures_of(columns))


def plan_of(contract: Contract, names: Sequence[str] | None = None) -> Plan:
    """What of a contract's columns Arrow may read at once; `names`: those of them that the file has, by default all."""
    wanted = list(contract.data.columns) if names is None else list(names)
    readings = {name: contract.reading(name) for name in wanted}
    markers = {reading.markers for reading in readings.values()}
    # Arrow has one list of missing markers for all columns
    shared = next(iter(markers)) if len(markers) == 1 else frozenset[str]()
    columns = {
        name: Planned(_CANDIDATES[column.type] if _is_safe(column.type, readings[name], shared) else ())
        for name, column in contract.data.columns.items()
        if name in readings
    }
    figures = figures_of({name: contract.data.columns[name] for name in readings})
    return Plan(wanted, ["", *sorted(shared)], columns, figures)


def _is_safe(kind: str, reading: Reading, shared: frozenset[str]) -> bool:
    if kind == "category":
        return True
    if not reading.plain or reading.dates or reading.markers != shared:
        return False
    if kind in ("integer", "number"):
        return all(_number(marker) is None or _number(marker) in reading.missing_numbers for marker in shared)
    # Arrow may leave out blanks around a truth; around a time it does not
    return kind != "boolean" or not any(marker.lower() in TRUE | FALSE for marker in shared)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _same_as_rules(values: pa.Array) -> bool:
    """Whether none of the values that Arrow read can be one that the rules read otherwise."""
    if pa.types.is_boolean(values.type) or not len(values):
        return True
    # numpy is faster than Arrow's kernels, and sees where a number is not one; what is null is zero for both
    kind = np.float64 if pa.types.is_floating(values.type) else np.int64
    stored = np.frombuffer(values.buffers()[1], kind, len(values), 8 * values.offset)
    low, high = stored.min().item(), stored.max().item()
    if kind is np.float64:
        return bool(low > -EXACT_INTEGERS and high < EXACT_INTEGERS)
    if pa.types.is_integer(values.type):
        return bool(low > -INTEGER_LIMIT)
    return bool(low >= _FIRST and high <= _LAST)


def are_exact(numbers: pa.Array) -> bool:
    """Whether all are finite, and below the integers that a double does not hold."""
    return bool(pc.all(pc.less(pc.abs(numbers), EXACT_INTEGERS), min_count=0).as_py())


def types_for(block: bytes, asked: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
    """The types that were asked for, but text in place of integers where Arrow may read other ones in the block."""
    if pa.int64() not in asked.values() or not _may_hold_hexadecimals(block):
        return asked
    return {name: TEXT if kind == pa.int64() else kind for name, kind in asked.items()}


def _may_hold_hexadecimals(block: bytes) -> bool:
    if b"x" not in block and b"X" not in block:
        return False
    text = np.frombuffer(block, np.uint8)
    at = np.flatnonzero(text | 32 == ord("x"))
    return bool((text[np.maximum(at - 1, 0)] == ord("0")).any())


def _cast(text: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(kind):
        known = pa.array([*TRUE_WORDS, *FALSE_WORDS])
        found = pc.index_in(text, known)
        if found.null_count != text.null_count:
            raise pa.ArrowInvalid("neither true nor false")
        return pc.less(found, len(TRUE_WORDS))
    return text.cast(kind)
