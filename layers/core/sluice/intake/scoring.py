"""A file to score against a contract: its good rows as the requests that they would be, and what was refused.

What a row means is judged as in raw/, on the features alone: a file to score needs no key and no target. The key's
columns, where the file has them, go beside each row, so that its answer can be joined to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import pyarrow as pa
import pyarrow.compute as pc

from sluice.contract.models import Contract
from sluice.errors import EmptyFileError, HeaderMismatchError
from sluice.intake.arrow_types import as_text
from sluice.intake.batches import Batch, Notes
from sluice.intake.changed_cells import count_changed
from sluice.intake.header import check_columns
from sluice.intake.json_rows import no_object
from sluice.intake.key_columns import KeyColumns
from sluice.intake.limits import UNLIMITED, Limits
from sluice.intake.opening import Arrival
from sluice.intake.refusals import Tally, any_of, write_refused
from sluice.intake.rules import Violation, judge
from sluice.intake.source import open_source
from sluice.model.values import Reading, canonical_text, parse_text

MAX_ROW_BYTES = 6 * 2**20
"""SageMaker's limit for one record of a transform job, and of a request to an endpoint."""
_TOO_LARGE = f"makes the row larger than the {MAX_ROW_BYTES:,} bytes that SageMaker takes as one request"


@dataclass
class ScoringFile(Tally):
    """What became of the rows of a file to score. `path` holds the good ones in their order, one JSON object in
    each line."""

    path: Path
    index_path: Path
    """A JSON list for each line of `path`: the row's number, then the values of `key_columns`."""
    refused_path: Path
    notes: Notes
    unused_columns: list[str]
    """Columns that are not features of the model, among them a target."""
    key_columns: list[str]
    """Those of the contract's key that the file has."""
    rows: int = 0
    scored: int = 0


def read_scoring_file(
    path: Path,
    contract: Contract,
    scratch: Path,
    limits: Limits = UNLIMITED,
    today: Contract | None = None,
    in_key: Mapping[str, str | None] | None = None,
) -> ScoringFile:
    """Judges every row of the file at `path`; `scratch` is a folder for unpacked and written files.

    `today`: the contract that says how files are laid out, if `contract` is the older one that the model learned by.
    `in_key`: columns whose value stands in the key of the file (`sluice.keys.columns_in`).

    Raises UnreadableFileError (FileTooLargeError too), EmptyFileError, HeaderMismatchError.
    """

    found = _read(path, contract, scratch, limits, today or contract, in_key or {})
    if not found.rows:
        raise EmptyFileError(found.notes.no_row())
    return found


def _read(
    path: Path, contract: Contract, scratch: Path, limits: Limits, today: Contract, in_key: Mapping[str, str | None]
) -> ScoringFile:
    features, of_key = contract.feature_columns, KeyColumns(in_key, contract)
    source = open_source(
        Arrival.on_disk(path), scratch, limits, of_key.in_fields(list(today.data.columns)), today.data.file
    )
    header = of_key.header(source.header())
    if not header and source.notes.is_json:
        raise HeaderMismatchError(no_object(source.opened.chunks))
    keys = [name for name in contract.data.key if name in header]
    # of a key that the header has twice, either value could be meant
    with source.place_named():
        check_columns(header, list(dict.fromkeys([*features, *keys])), contract, source.notes.has_names)
        unused = check_columns(header, features, contract)
    found = ScoringFile(
        path=scratch / "scoring.jsonl",
        index_path=scratch / "index.jsonl",
        refused_path=scratch / "rows.jsonl",
        notes=source.notes,
        unused_columns=unused,
        key_columns=keys,
    )
    # a row is found again by its key, whether it is scored or refused
    wanted = list(dict.fromkeys([*features, *found.key_columns]))
    # the older contract need not have each column of today's
    plan = as_text({**contract.data.columns, **today.data.columns})
    batches = of_key.filled(source.batches(of_key.asked(wanted, source.notes), plan), wanted, source.notes)
    with (
        closing(batches),
        found.path.open("wb") as scored,
        found.index_path.open("w", encoding="utf-8") as index,
        found.refused_path.open("w", encoding="utf-8") as refused,
    ):
        for batch in batches:
            limits.check_time()
            _take(batch, contract, found, scored, index, refused)
    return found


def _take(
    batch: Batch, contract: Contract, found: ScoringFile, scored: BinaryIO, index: TextIO, refused: TextIO
) -> None:
    columns: dict[str, list[Any]] = {}
    violations = []
    for name in contract.feature_columns:
        text, native = batch.columns[name], batch.native.get(name, False)
        column, reading = contract.data.columns[name], contract.reading(name)
        typed, broken = judge(name, column, text, key=False, reading=reading, native=native)
        violations += broken
        count_changed(name, text, typed, found.notes, reading, native)
        columns[name], cut = _as_requested(typed, text, native, reading)
        if cut:
            found.notes.cut_times[name] += cut
    bad = any_of(violations, len(batch.rows))
    found.rows += len(batch.rows) + len(batch.broken)
    numbers, keys = batch.rows.to_pylist(), [_as_found(batch, name) for name in found.key_columns]
    too_large: dict[str, list[int]] = {}
    for place in pc.indices_nonzero(pc.invert(bad)).to_pylist():
        row = {name: values[place] for name, values in columns.items()}
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if len(line) > MAX_ROW_BYTES:
            too_large.setdefault(max(row, key=lambda name: len(str(row[name]))), []).append(place)
            continue
        scored.write(line)
        index.write(json.dumps([numbers[place], *(values[place] for values in keys)]) + "\n")
        found.scored += 1
    for name, places in too_large.items():
        mask = pc.is_in(pa.array(range(len(numbers))), value_set=pa.array(places))
        violations.append(Violation(name, "max_payload", _TOO_LARGE, mask))
        bad = pc.or_(bad, mask)
    write_refused(batch, violations, bad, found, refused)


def _as_found(batch: Batch, name: str) -> list[Any]:
    """Values of a key's column as the file has them: `007` stays a text, and a number of JSON or Parquet a number."""
    values, native = batch.columns[name].to_pylist(), batch.native.get(name, False)
    if native is False:
        return values
    own = [True] * len(values) if native is True else native.to_pylist()
    return [_number(value) if is_own else value for value, is_own in zip(values, own, strict=True)]


def _number(text: str | None) -> Any:
    """The number or truth that the text is in JSON; else the text: a time of a Parquet file."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text


def _as_requested(typed: pa.Array, text: pa.Array, native: pa.Array | bool, reading: Reading) -> tuple[list[Any], int]:
    """The values as a request carries them, and how many times it cannot carry completely.

    A time is text, in the column's format if the contract gives one. A time that the file has as text is in that format
    already; one of a Parquet file may have parts that no pattern of the column can write.
    """
    values: list[Any] = typed.to_pylist()
    if not pa.types.is_timestamp(typed.type):
        return values, 0
    if not reading.dates:
        # Arrow's times have no zone here, and mean UTC
        return [None if value is None else canonical_text(value.replace(tzinfo=UTC)) for value in values], 0
    was_native = [native] * len(values) if isinstance(native, bool) else native.to_pylist()
    written: list[str | None] = []
    cut = 0
    for value, cell, own in zip(values, text.to_pylist(), was_native, strict=True):
        if value is None or not own:
            written.append(None if value is None else cell)
            continue
        in_format, complete = _in_format(value, reading)
        written.append(in_format)
        cut += not complete
    return written, cut


def _in_format(moment: datetime, reading: Reading) -> tuple[str, bool]:
    """The time in the first pattern that can write all of it; in the first of all, and False, if none can."""
    written = [moment.strftime(pattern) for pattern in reading.dates]
    complete = next((text for text in written if _moment(text, reading) == moment), None)
    return (written[0], False) if complete is None else (complete, True)


def _moment(text: str, reading: Reading) -> datetime | None:
    try:
        found = parse_text(text, "timestamp", reading)
    except ValueError:
        return None
    return found.replace(tzinfo=None) if isinstance(found, datetime) else None
