"""A file to score against a contract: its good rows as the requests that they would be, and what was refused.

What a row means is judged as in raw/, on the features alone: a file to score needs no key and no target.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.compute as pc

from sluice.contract.models import Contract
from sluice.errors import EmptyFileError, HeaderMismatchError
from sluice.intake.batches import Batch, Notes
from sluice.intake.header import check_columns
from sluice.intake.json_rows import no_object
from sluice.intake.limits import UNLIMITED, Limits
from sluice.intake.opening import Opened
from sluice.intake.refusals import Tally, any_of, write_refused
from sluice.intake.rules import judge
from sluice.intake.source import open_source, read_judged
from sluice.model.values import canonical_text


@dataclass
class ScoringFile(Tally):
    """What became of the rows of a file to score. `path` holds the good ones in their order, a JSON object a line."""

    path: Path
    refused_path: Path
    notes: Notes
    unused_columns: list[str]
    """Columns that are no features of the model, among them a target."""
    rows: int = 0
    scored: int = 0


def read_scoring_file(path: Path, contract: Contract, scratch: Path, limits: Limits = UNLIMITED) -> ScoringFile:
    """Judges every row of the file at `path`; `scratch` is a folder for unpacked and written files.

    Raises UnreadableFileError (FileTooLargeError too), EmptyFileError, HeaderMismatchError.
    """

    def read(opened: Opened, exact: bool) -> ScoringFile:
        return _read(opened, contract, scratch, limits, exact=exact)

    found = read_judged(path, scratch, limits, read)
    if not found.rows:
        raise EmptyFileError("the file has no data row")
    return found


def _read(opened: Opened, contract: Contract, scratch: Path, limits: Limits, *, exact: bool) -> ScoringFile:
    features = contract.feature_columns
    source = open_source(opened, list(contract.data.columns))
    header = source.header()
    if not header and source.notes.format == "jsonl":
        raise HeaderMismatchError(no_object(opened.path))
    unused = check_columns(header, features, contract)
    found = ScoringFile(scratch / "scoring.jsonl", scratch / "rows.jsonl", source.notes, unused)
    # a refused row is found again by its key
    batches = source.batches([*features, *(name for name in contract.data.key if name in header)], exact=exact)
    with (
        closing(batches),
        found.path.open("w", encoding="utf-8") as scored,
        found.refused_path.open("w", encoding="utf-8") as refused,
    ):
        for batch in batches:
            limits.check_time()
            _take(batch, contract, found, scored, refused)
    return found


def _take(batch: Batch, contract: Contract, found: ScoringFile, scored: TextIO, refused: TextIO) -> None:
    columns: dict[str, list[Any]] = {}
    violations = []
    for name in contract.feature_columns:
        text, native = batch.columns[name], batch.native.get(name, False)
        column, reading = contract.data.columns[name], contract.reading(name)
        typed, broken = judge(name, column, text, key=False, reading=reading, native=native)
        violations += broken
        columns[name] = _as_requested(typed, text, native, reading.dates)
    bad = any_of(violations, len(batch.rows))
    write_refused(batch, violations, bad, found, refused)
    found.rows += len(batch.rows) + len(batch.broken)
    for place in pc.indices_nonzero(pc.invert(bad)).to_pylist():
        row = {name: values[place] for name, values in columns.items()}
        scored.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
        found.scored += 1


def _as_requested(typed: pa.Array, text: pa.Array, native: pa.Array | bool, dates: tuple[str, ...]) -> list[Any]:
    """The values as a request carries them: a time is text, in the column's format where the contract gives one."""
    values: list[Any] = typed.to_pylist()
    if not pa.types.is_timestamp(typed.type):
        return values
    if not dates:
        # Arrow's times have no zone here, and mean UTC
        return [None if value is None else canonical_text(value.replace(tzinfo=UTC)) for value in values]
    was_native = [native] * len(values) if isinstance(native, bool) else native.to_pylist()
    return [
        None if value is None else value.strftime(dates[0]) if own else cell
        for value, cell, own in zip(values, text.to_pylist(), was_native, strict=True)
    ]
