"""What becomes of one accepted dataset under another contract, counted as the cleaning job will read it.

The job (jobs/glue) is shipped to Spark alone, so its rules are here a second time, on
`sluice.model.values`; tests/jobs/test_changed_contract.py holds the two against each other.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sluice.changes.differences import Differences
from sluice.contract import Column, Contract
from sluice.errors import DamagedRecordError
from sluice.model.values import canonical_text, category_text, is_missing, parse_json

BATCH_ROWS = 65_536
MAX_REMEMBERED = 100_000
"""Different values of a column whose verdict is remembered."""
MAX_CLASSES = 10_000
MAX_KEYS = 3_000_000
"""Different keys that are remembered, about 200 MB; beyond them repeated keys are not counted."""


@dataclass
class Counts:
    """Values of one column under the new contract."""

    kept: int = 0
    lost: int = 0
    """There, and no value of the new type."""
    marked: int = 0
    """Missing now, because the contract names them under `missing`."""
    outside: int = 0
    """Outside of the new limits."""


@dataclass
class DatasetFacts:
    """`kinds`: the dataset's own columns and types. `unlabelled`, `undated`: rows that a run leaves out."""

    dataset: str
    rows: int = 0
    kinds: dict[str, str] = field(default_factory=dict)
    counts: dict[str, Counts] = field(default_factory=dict)
    unlabelled: int = 0
    undated: int = 0
    classes: Counter[str] = field(default_factory=Counter)


@dataclass
class Keys:
    """The keys of all datasets, to count rows that a later row replaces. `rows` have a whole key."""

    seen: set[int] = field(default_factory=set)
    rows: int = 0

    @property
    def replaced(self) -> int | None:
        return None if len(self.seen) >= MAX_KEYS else self.rows - len(self.seen)


@dataclass(frozen=True)
class Verdict:
    """What one value becomes (None: missing), and why it is not kept unchanged."""

    value: Any = None
    there: bool = False
    lost: bool = False
    marked: bool = False
    outside: bool = False


_NOTHING = Verdict()


def kind_of(arrow: pa.DataType) -> str:
    """The contract's name of an accepted column's type; a category is text."""
    if pa.types.is_boolean(arrow):
        return "boolean"
    if pa.types.is_integer(arrow):
        return "integer"
    if pa.types.is_floating(arrow):
        return "number"
    return "timestamp" if pa.types.is_timestamp(arrow) else "text"


def count_rows(
    path: Path, dataset: str, contract: Contract, changed: Differences, keys: Keys, expired: Callable[[], bool]
) -> DatasetFacts:
    """Reads the columns that decide, batch by batch. Raises TimeoutError, DamagedRecordError."""
    try:
        with pq.ParquetFile(path) as file:
            return _count(file, dataset, contract, changed, keys, expired)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, TimeoutError):
            raise
        # Arrow's message may quote a value
        raise DamagedRecordError(f"dataset {dataset} cannot be read: {type(error).__name__}") from None


def _count(
    file: pq.ParquetFile,
    dataset: str,
    contract: Contract,
    changed: Differences,
    keys: Keys,
    expired: Callable[[], bool],
) -> DatasetFacts:
    schema = file.schema_arrow
    facts = DatasetFacts(dataset, file.metadata.num_rows)
    facts.kinds = {each.name: kind_of(each.type) for each in schema if not each.name.startswith("_")}
    deciders = {name: _Judge(contract, name, kind) for name, kind in needed(facts.kinds, contract, changed).items()}
    facts.counts = {name: Counts() for name in deciders}
    if not deciders:
        return facts
    whole_key = changed.key and bool(contract.data.key) and all(name in deciders for name in contract.data.key)
    for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=list(deciders)):
        if expired():
            raise TimeoutError
        verdicts = {name: _verdicts(batch.column(name), deciders[name]) for name in deciders}
        for name, (each, indices) in verdicts.items():
            _add(facts.counts[name], each, indices)
        _add_rows(facts, contract, verdicts, len(batch))
        if whole_key:
            _add_keys(keys, contract, verdicts)
    return facts


def needed(kinds: dict[str, str], contract: Contract, changed: Differences) -> dict[str, str]:
    """The dataset's columns whose values must be read, with their types: what decides about rows, and what converts."""
    data = contract.data
    roles = {contract.problem.learned_target, *([data.time] if data.split.by == "time" else [])}
    roles |= set(data.key) if changed.key else set()
    found = {}
    for name, kind in kinds.items():
        column = data.columns.get(name)
        if column is None:
            continue
        converts = kind != column.type and not (kind == "text" and column.type == "category")
        if name in roles or converts or name in changed.columns or name in changed.limits:
            found[name] = kind
    return found


class _Judge:
    """What each value of a column becomes; remembers the values that it has seen."""

    def __init__(self, contract: Contract, name: str, source: str) -> None:
        self.column: Column = contract.data.columns[name]
        self.source = source
        self._reading = contract.reading(name)
        self._known: dict[Any, Verdict] = {}

    def __call__(self, cell: Any) -> Verdict:
        found = self._known.get(cell)
        if found is None:
            found = self._judge(cell)
            if len(self._known) < MAX_REMEMBERED:
                self._known[cell] = found
        return found

    def _judge(self, cell: Any) -> Verdict:
        if is_missing(cell):
            return _NOTHING
        if self._is_marker(cell):
            return Verdict(marked=True)
        value, lost = converted(cell, self.column.type)
        if value is not None and not lost and self._is_named(value):
            return Verdict(marked=True)
        # text and categories take any value
        lost = lost and self.column.type not in ("text", "category")
        return Verdict(value, there=True, lost=lost, outside=value is not None and self._outside(value))

    def _is_marker(self, cell: Any) -> bool:
        if isinstance(cell, str) and self.column.type != "text" and category_text(cell) in self._reading.markers:
            return True
        return is_missing(cell, self._reading)

    def _is_named(self, value: Any) -> bool:
        """Whether a marker names the value, in another spelling."""
        if isinstance(value, datetime):
            return value in self._reading.missing_times
        return not isinstance(value, str) and is_missing(value, self._reading)

    def _outside(self, value: Any) -> bool:
        column = self.column
        if column.known is not None:
            return str(value) not in column.known
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (column.min is not None and value < column.min) or (column.max is not None and value > column.max)


def converted(cell: Any, kind: str) -> tuple[Any, bool]:
    """The value of an accepted cell in a column of this type, and whether it cannot be kept unchanged."""
    if isinstance(cell, datetime):
        moment = cell.replace(tzinfo=UTC) if cell.tzinfo is None else cell
        if kind == "timestamp":
            return moment, False
        return (canonical_text(moment), False) if kind in ("category", "text") else (None, True)
    try:
        value = parse_json(cell, kind)
    except ValueError:
        return None, True
    inexact = isinstance(cell, int) and not isinstance(cell, bool) and kind == "number" and int(float(cell)) != cell
    return value, inexact


Judged = tuple[list[Verdict], list[int | None]]


def _verdicts(values: pa.Array, judge: _Judge) -> Judged:
    """The verdicts of the different values, and for each row which of them is its own."""
    if pa.types.is_timestamp(values.type):
        # Python's datetime has microseconds
        values = values.cast(pa.timestamp("us", tz=values.type.tz))
    encoded = values if isinstance(values, pa.DictionaryArray) else pc.dictionary_encode(values)
    return [judge(cell) for cell in encoded.dictionary.to_pylist()], encoded.indices.to_pylist()


def _add(counts: Counts, verdicts: list[Verdict], indices: list[int | None]) -> None:
    for index, rows in Counter(indices).items():
        verdict = _NOTHING if index is None else verdicts[index]
        counts.kept += rows * (verdict.there and not verdict.lost)
        counts.lost += rows * verdict.lost
        counts.marked += rows * verdict.marked
        counts.outside += rows * verdict.outside


def _rows_of(judged: Judged) -> Iterator[Any]:
    verdicts, indices = judged
    values = [verdict.value for verdict in verdicts]
    return (None if index is None else values[index] for index in indices)


def _add_rows(facts: DatasetFacts, contract: Contract, verdicts: dict[str, Judged], rows: int) -> None:
    """Rows without a label, labelled rows without a time, and the labels' classes."""
    target, moment = contract.problem.learned_target, contract.data.time
    labels: list[Any] = list(_rows_of(verdicts[target])) if target in verdicts else [True] * rows
    facts.unlabelled += sum(label is None for label in labels)
    if contract.data.split.by == "time" and moment in verdicts:
        times = _rows_of(verdicts[moment])
        facts.undated += sum(at is None and label is not None for at, label in zip(times, labels, strict=True))
    if target in verdicts and contract.problem.type != "regression" and len(facts.classes) < MAX_CLASSES:
        facts.classes.update(category_text(label) for label in labels if label is not None)


def _add_keys(keys: Keys, contract: Contract, verdicts: dict[str, Judged]) -> None:
    parts = [_rows_of(verdicts[name]) for name in contract.data.key]
    for row in zip(*parts, strict=True):
        if None in row:
            continue
        keys.rows += 1
        if len(keys.seen) < MAX_KEYS:
            keys.seen.add(hash(row))


def deadline(seconds: float) -> Callable[[], bool]:
    """A function that is true once `seconds` are over."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end
