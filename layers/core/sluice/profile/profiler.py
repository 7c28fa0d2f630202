"""The profile of a table, counted batch by batch; two parts of a table merge to what the whole would give.

Counts are the same for every split; means and deviations are within rounding of each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sluice.contract.models import Contract
from sluice.model.text_buffers import are_category_names, offsets_and_bytes
from sluice.model.values import BLANKS, category_text
from sluice.profile.distinct import Distinct, hash_texts
from sluice.profile.numbers import MAX_COUNTED, Moments, Numbers

_MAY_BE_OTHER = r"^(?i:true|false)$|\.0+$"
"""Without blanks around them, only such texts are known under another one."""


class ColumnProfile:
    """One typed column: number, integer, category, boolean, timestamp or text, as `sluice.profile.profiles` says."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._count = self._missing = 0
        self._numbers = Numbers(distinct=kind == "integer")
        self._counts: dict[str, int] | None = {}
        self._distinct = Distinct()
        self._lengths = Moments()
        self._ends: tuple[int, int] | None = None

    def add(self, values: pa.Array) -> None:
        self._missing += values.null_count
        self._count += len(values) - values.null_count
        if self.kind in ("number", "integer"):
            self._numbers.add(_present(values).to_numpy(zero_copy_only=False))
        elif self.kind == "timestamp":
            self._add_times(values)
        elif self.kind == "text":
            self._add_texts(_present(values))
        elif self.kind == "boolean":
            true = pc.sum(values).as_py() or 0
            false = len(values) - values.null_count - true
            self._take((text, count) for text, count in (("true", true), ("false", false)) if count)
        else:
            self._add_categories(values)

    def _add_times(self, values: pa.Array) -> None:
        ends = pc.min_max(values.cast(pa.timestamp("us")).cast(pa.int64())).as_py()
        if ends["min"] is not None:
            low, high = self._ends or (ends["min"], ends["max"])
            self._ends = min(low, ends["min"]), max(high, ends["max"])

    def _add_texts(self, texts: pa.Array) -> None:
        if pa.types.is_dictionary(texts.type):
            texts = texts.dictionary_decode()
        self._lengths.add(_lengths(texts))
        self._distinct.add(hash_texts(texts))

    def _add_categories(self, values: pa.Array) -> None:
        coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        indices = _present(coded.indices).to_numpy(zero_copy_only=False)
        counted = np.bincount(indices, minlength=len(coded.dictionary))
        seen = np.flatnonzero(counted)
        names = _category_names(coded.dictionary.take(pa.array(seen, pa.int64())))
        self._distinct.add(hash_texts(names))
        # a dictionary may hold a text twice, so only far more than the limit is certain without looking
        if len(seen) > 2 * MAX_COUNTED:
            self._counts = None
        if self._counts is not None:
            # two texts may be one category: their counts add up
            self._take(zip(names.to_pylist(), counted[seen].tolist(), strict=True))

    def _take(self, counts: Iterable[tuple[str, int]]) -> None:
        if self._counts is None:
            return
        for text, count in counts:
            self._counts[text] = self._counts.get(text, 0) + count
        if len(self._counts) > MAX_COUNTED:
            self._counts = None

    def merge(self, other: ColumnProfile) -> None:
        self._count += other._count
        self._missing += other._missing
        self._numbers.merge(other._numbers)
        self._distinct.merge(other._distinct)
        self._lengths.merge(other._lengths)
        if other._counts is None:
            self._counts = None
        else:
            self._take(other._counts.items())
        if other._ends is not None:
            low, high = self._ends or other._ends
            self._ends = min(low, other._ends[0]), max(high, other._ends[1])

    def to_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"type": self.kind, "count": self._count, "missing": self._missing}
        if self.kind in ("number", "integer"):
            return told | self._numbers.to_json()
        if self.kind == "timestamp":
            low, high = self._ends or (None, None)
            return told | {"min": low if low is None else low / 1e6, "max": high if high is None else high / 1e6}
        if self.kind == "text":
            return told | {"lengths": self._lengths.to_json(), "distinct": self._distinct.count}
        told["counts"] = None if self._counts is None else dict(sorted(self._counts.items()))
        return told | ({"distinct": self._distinct.count} if self.kind == "category" else {})


class Profiler:
    """The profile of all columns of a contract that a table has."""

    def __init__(self, contract: Contract) -> None:
        # a key is not a category whose values are worth counting: each row has its own
        self.columns = {
            name: ColumnProfile("text" if column.type == "category" and name in contract.data.key else column.type)
            for name, column in contract.data.columns.items()
        }
        self.rows = 0

    def add(self, columns: Iterable[tuple[str, pa.Array]], rows: int) -> None:
        self.rows += rows
        for name, values in columns:
            if name in self.columns:
                self.columns[name].add(values)

    def merge(self, other: Profiler) -> None:
        self.rows += other.rows
        for name, column in other.columns.items():
            self.columns[name].merge(column)

    def profile(self, dataset_id: str) -> dict[str, Any]:
        columns = {name: column.to_json() for name, column in self.columns.items()}
        return {"format": 1, "datasets": [dataset_id], "rows": self.rows, "columns": columns}


def _lengths(texts: pa.Array) -> np.ndarray:
    """The number of characters of each text, as float64."""
    offsets, body = offsets_and_bytes(texts)
    if not len(body) or body.max() < 0x80:
        return np.diff(offsets).astype(np.float64)
    counted: np.ndarray = pc.utf8_length(texts).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return counted


def _category_names(texts: pa.Array) -> pa.Array:
    """`category_text` of each; nearly always each of them is its own."""
    if are_category_names(texts):
        return texts
    other = pc.or_(pc.not_equal(pc.utf8_trim(texts, BLANKS), texts), pc.match_substring_regex(texts, _MAY_BE_OTHER))
    if not pc.any(other, min_count=0).as_py():
        return texts
    return pa.array([category_text(text) for text in texts.to_pylist()], pa.string())


def _present(values: pa.Array) -> pa.Array:
    return values.drop_null() if values.null_count else values
