"""A file of delayed labels against a contract: which row of which identity has which label, and what was left out.

Rows without a label are counted: their outcome is not known yet. Such a label is blank, a missing marker of the
contract, or a usual one such as NA, unless that is a value of the target. In a target of texts or categories without
`values` it is a value, as in raw/; such labels are counted (`like_missing`). A row whose label the target cannot have,
or whose identity is missing, is refused with its reason. It never counts as a "no".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.compute as pc

from sluice.contract.file import FileLayout
from sluice.contract.models import Column, Contract
from sluice.errors import EmptyFileError, HeaderMismatchError
from sluice.intake.arrow_types import as_text
from sluice.intake.batches import Batch, Notes
from sluice.intake.changed_cells import count_changed, count_shortened
from sluice.intake.header import check_columns
from sluice.intake.json_rows import no_object
from sluice.intake.key_columns import KeyColumns
from sluice.intake.limits import UNLIMITED, Limits
from sluice.intake.opening import Arrival
from sluice.intake.refusals import Tally, any_of, write_refused
from sluice.intake.rules import Violation, judge
from sluice.intake.source import open_source
from sluice.model.values import NO_LABEL, PLAIN, Reading, canonical_text

INFERENCE_ID = "inference_id"


@dataclass
class LabelFile(Tally):
    """What became of the rows of a label file. `path` is where its accepted labels are written.

    `duplicates` repeat an identity with the same label, `conflicts` with another one: then the last label counts.
    """

    path: Path
    refused_path: Path
    notes: Notes
    identity: list[str]
    extra_columns: list[str]
    rows: int = 0
    without_label: int = 0
    """Rows that keep the contract and whose outcome is not known yet."""
    duplicates: int = 0
    conflicts: int = 0
    labels: dict[tuple[str, ...], str] = field(default_factory=dict)
    """The label that counts of each identity."""
    contradicted: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    """Labels that a later row of the file contradicts, in its order."""


def read_label_file(
    path: Path,
    contract: Contract,
    scratch: Path,
    limits: Limits = UNLIMITED,
    in_key: Mapping[str, str | None] | None = None,
) -> LabelFile:
    """Judges every row of the file at `path`; `scratch` is a folder for unpacked and written files.

    `in_key`: columns whose value stands in the key of the file (`sluice.keys.columns_in`). Raises UnreadableFileError
    (FileTooLargeError too), EmptyFileError, HeaderMismatchError.
    """

    found = _read(path, contract, scratch, limits, in_key or {})
    if not found.rows:
        raise EmptyFileError(found.notes.no_row())
    return found


def _read(path: Path, contract: Contract, scratch: Path, limits: Limits, in_key: Mapping[str, str | None]) -> LabelFile:
    if contract.label_column is None:
        raise HeaderMismatchError(
            f"{contract.project}, of type {contract.problem.type}, has no problem.target: there is nothing that a "
            "label could be compared with"
        )
    target, column = contract.label_column
    # another system writes the labels: of its files only the encoding is known
    layout = FileLayout(encoding=contract.data.file.encoding)
    expected = [INFERENCE_ID, *contract.data.key, target]
    columns = {name: contract.data.columns.get(name, Column(type="category")) for name in expected}
    # a label may be missing whatever the rows to learn from must have
    columns[target] = column.model_copy(update={"nullable": True})
    # a text means what it means in raw/ and in a request: read otherwise, 1.234 would be another number, silently
    readings = {name: contract.readings.get(name, PLAIN) for name in expected}
    of_key = KeyColumns(in_key, contract, columns)
    source = open_source(Arrival.on_disk(path), scratch, limits, of_key.in_fields(expected), layout)
    header = of_key.header(source.header())
    if not header and source.notes.is_json:
        raise HeaderMismatchError(no_object(source.opened.chunks))
    with source.place_named():
        identity = _identity(header, target, contract)
        wanted = [*identity, target]
        extra = check_columns(header, wanted, contract, source.notes.has_names)
    found = LabelFile(scratch / "labels.jsonl", scratch / "rows.jsonl", source.notes, identity, extra)
    asked = of_key.asked(wanted, source.notes)
    batches = of_key.filled(source.batches(asked, as_text(columns)), wanted, source.notes)
    with closing(batches), found.refused_path.open("w", encoding="utf-8") as refused:
        for batch in batches:
            limits.check_time()
            _take(batch, columns, readings, target, found, refused)
    return found


def _identity(header: list[str], target: str, contract: Contract) -> list[str]:
    """The columns that say which answer a label belongs to. Raises HeaderMismatchError."""
    if INFERENCE_ID in header:
        return [INFERENCE_ID]
    if not contract.data.key:
        check_columns(header, [target], contract)
        raise HeaderMismatchError(
            f"the file has no column {INFERENCE_ID!r}, and the contract has no data.key by which a label could find "
            "its request"
        )
    return contract.data.key


def _take(
    batch: Batch,
    columns: Mapping[str, Column],
    readings: Mapping[str, Reading],
    target: str,
    found: LabelFile,
    refused: TextIO,
) -> None:
    """Sorts the rows of a batch into labels, rows without one, and refused ones."""

    def typed(name: str, text: pa.Array, *, key: bool) -> tuple[pa.Array, list[Violation]]:
        reading, native = readings[name], batch.native.get(name, False)
        values, broken = judge(name, columns[name], text, key=key, reading=reading, native=native)
        count_changed(name, text, values, found.notes, reading, native)
        return values, broken

    column = columns[target]
    text = pc.fill_null(batch.columns[target], "")
    like_missing = _among(text, NO_LABEL - {value.strip().lower() for value in column.values or ()})
    is_value = column.values is None and column.type in ("category", "text")
    given_text = text if is_value else pc.if_else(like_missing, pa.scalar(None, pa.string()), text)
    labels, violations = typed(target, given_text, key=False)
    parts: list[list[Any]] = []
    for name in found.identity:
        values, broken = typed(name, batch.columns[name], key=True)
        violations += broken
        count_shortened(name, values, found.notes)
        parts.append(values.to_pylist())
    bad = any_of(violations, len(batch.rows))
    write_refused(batch, violations, bad, found, refused)
    found.rows += len(batch.rows) + len(batch.broken)
    if is_value and (odd := pc.sum(pc.and_(pc.and_(like_missing, pc.is_valid(labels)), pc.invert(bad))).as_py()):
        found.notes.like_missing[target] += odd
    given = labels.to_pylist()
    for place in pc.indices_nonzero(pc.invert(bad)).to_pylist():
        if given[place] is None:
            found.without_label += 1
            continue
        identity = tuple(_canonical(part[place]) for part in parts)
        label = _canonical(given[place])
        before = found.labels.get(identity)
        found.duplicates += before == label
        if before is not None and before != label:
            found.conflicts += 1
            found.contradicted.append((identity, before))
        found.labels[identity] = label


def _among(text: pa.Array, words: Collection[str]) -> pa.Array:
    return pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(text)), value_set=pa.array(sorted(words), pa.string()))


def _canonical(value: Any) -> str:
    # Arrow's times have no zone here, and mean UTC
    return canonical_text(value.replace(tzinfo=UTC) if isinstance(value, datetime) else value)
