"""A file on disk against a contract: accepted rows as Parquet, refused rows as JSON lines with all their reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sluice.contract.file import FOUND
from sluice.contract.models import Contract
from sluice.errors import CorrectionError, EmptyFileError, HeaderMismatchError
from sluice.intake.accepted_file import AcceptedFile, Count
from sluice.intake.arrow_types import plan_of
from sluice.intake.batches import Batch, Batches, Notes
from sluice.intake.blocks import Opener
from sluice.intake.changed_cells import count_changed, count_shortened
from sluice.intake.corrections import Correction
from sluice.intake.header import check_header
from sluice.intake.json_rows import no_object, rows_within
from sluice.intake.key_columns import KeyColumns
from sluice.intake.limits import UNLIMITED, Limits
from sluice.intake.opening import Arrival
from sluice.intake.parts import Part
from sluice.intake.quarantine_columns import OWN, ROW
from sluice.intake.refusals import Tally, any_of, write_refused
from sluice.intake.rules import Violation, judge
from sluice.intake.source import Source, open_source
from sluice.intake.spellings import note_spellings
from sluice.intake.stages import ahead


@dataclass
class Outcome(Tally):
    """What became of the rows of a file. `refusals` say why the file as a whole was refused; then no row counts."""

    accepted_path: Path
    quarantine_path: Path
    notes: Notes
    extra_columns: list[str]
    rows: int = 0
    nulls: Counter[str] = field(default_factory=Counter)
    refusals: list[dict[str, Any]] = field(default_factory=list)


def validate_file(
    file: Path | Arrival,
    contract: Contract,
    arrived_at: datetime,
    scratch: Path,
    limits: Limits = UNLIMITED,
    *,
    count: Count | None = None,
    correction: Correction | None = None,
    in_key: Mapping[str, str | None] | None = None,
) -> Outcome:
    """Judges every row of the file; `scratch` is a folder for written files.

    `count`: is given the accepted rows, group by group: the typed columns of the contract, and their length.
    `correction`: the file has rows that come back from quarantine. What the contract expects of a file as a whole does
    not count then. `in_key`: columns whose value stands in the key of the file (`sluice.keys.columns_in`).

    Raises UnreadableFileError, EmptyFileError, HeaderMismatchError, FileTooLargeError, CorrectionError. What breaks an
    expectation of the contract raises nothing: it is in the outcome's `refusals`.
    """
    outcome = _read(file, contract, arrived_at, scratch, limits, count, correction, in_key or {})
    if correction is None:
        check_whole(outcome, contract)
        return outcome
    total = outcome.rows + outcome.quarantined
    if total == 0 and correction.accepted_before:
        raise CorrectionError(
            f"an earlier correction had accepted each of the {correction.accepted_before} rows; none is left"
        )
    _check_rows(outcome)
    if outcome.rows == 0:
        why = f"none of the {total} corrected rows can be accepted"
        outcome.refusals = [{"rule": "correction", "column": None, "rows": total, "message": why}]
    return outcome


def check_whole(outcome: Outcome, contract: Contract) -> None:
    """What the contract expects of a file as a whole, by the counts of all its rows: into the outcome's `refusals`.

    Raises EmptyFileError.
    """
    _check_rows(outcome)
    outcome.refusals = _broken_expectations(outcome, contract)


def _check_rows(outcome: Outcome) -> None:
    if outcome.rows + outcome.quarantined == 0:
        raise EmptyFileError(outcome.notes.no_row())


def validate_part(
    arrival: Arrival,
    part: Part,
    text: Opener,
    contract: Contract,
    arrived_at: datetime,
    scratch: Path,
    limits: Limits = UNLIMITED,
    *,
    count: Count | None = None,
    in_key: Mapping[str, str | None] | None = None,
) -> Outcome:
    """Judges the rows of one part as `validate_file` does, and no more: what is expected of the whole comes later.

    `arrival`: the whole file, of which the start shows how it is laid out; `text`: the part alone.
    """
    of_key = KeyColumns(in_key or {}, contract)
    source = recognised(arrival, contract, scratch, limits, of_key).only(part, text)
    notes = source.notes
    with source.place_named():
        extra = [] if notes.is_json else check_header(of_key.header(notes.columns), contract, notes.has_names)
    outcome = Outcome(scratch / "accepted.parquet", scratch / "rows.jsonl", notes, extra)
    _write(_batches(source, contract, of_key), contract, arrived_at, outcome, limits, count)
    return outcome


def recognised(arrival: Arrival, contract: Contract, scratch: Path, limits: Limits, of_key: KeyColumns) -> Source:
    """The file by its start. Raises what `validate_file` raises of it."""
    expected = of_key.in_fields(list(contract.data.columns))
    source = open_source(arrival, scratch, limits, expected, contract.data.file)
    if not source.notes.is_json:
        with source.place_named():
            check_header(of_key.header(source.notes.columns), contract, source.notes.has_names)
    return source


def _batches(source: Source, contract: Contract, of_key: KeyColumns) -> Batches:
    wanted = list(contract.data.columns)
    asked = of_key.asked(wanted, source.notes)
    return of_key.filled(source.batches(asked, plan_of(contract, asked)), wanted, source.notes)


def _read(
    file: Path | Arrival,
    contract: Contract,
    arrived_at: datetime,
    scratch: Path,
    limits: Limits,
    count: Count | None,
    correction: Correction | None,
    in_key: Mapping[str, str | None],
) -> Outcome:
    wanted, of_key = list(contract.data.columns), KeyColumns(in_key, contract)
    arrival = Arrival.on_disk(file) if isinstance(file, Path) else file
    # `sluice quarantine` writes files with a header and in UTF-8, however the file was laid out that they are from
    layout = contract.data.file if correction is None else FOUND
    own = [] if correction is None else [ROW]
    source = open_source(arrival, scratch, limits, [*of_key.in_fields(wanted), *own], layout)
    notes = source.notes
    with source.place_named():
        extra = [] if notes.is_json else check_header(of_key.header(notes.columns), contract, notes.has_names)
    if correction is None:
        batches = _batches(source, contract, of_key)
    else:
        if ROW not in source.header():
            raise CorrectionError(
                f"the file has no column {ROW!r}, which says which rows of dataset {correction.dataset} it corrects; "
                "correct the file that `sluice quarantine` writes"
            )
        batches = correction.batches(source.batches([*wanted, ROW]), wanted)
    outcome = Outcome(scratch / "accepted.parquet", scratch / "rows.jsonl", notes, extra)
    _write(batches, contract, arrived_at, outcome, limits, count)
    if notes.is_json and outcome.rows + outcome.quarantined:
        check_names(outcome, contract, source.opened.chunks, of_key)
    if correction is not None:
        outcome.extra_columns = [name for name in outcome.extra_columns if name not in OWN]
    return outcome


def check_names(outcome: Outcome, contract: Contract, text: Opener, of_key: KeyColumns) -> None:
    """The header of JSON: the names of all its objects, known when all rows were read. Raises HeaderMismatchError."""
    if not outcome.notes.columns:
        raise HeaderMismatchError(no_object(text))
    try:
        outcome.extra_columns = check_header(of_key.header(outcome.notes.columns), contract, has_names=True)
    except HeaderMismatchError as error:
        raise HeaderMismatchError(f"{error}{rows_within(text)}") from None


def _write(
    batches: Batches,
    contract: Contract,
    arrived_at: datetime,
    outcome: Outcome,
    limits: Limits,
    count: Count | None,
) -> None:
    arrived = pa.scalar(arrived_at.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us"))
    with (
        closing(ahead(batches)) as coming,
        AcceptedFile(outcome.accepted_path, contract, count) as accepted,
        outcome.quarantine_path.open("w", encoding="utf-8") as refused,
    ):

        def good_rows(batch: Batch) -> pa.Table:
            limits.check_time()
            columns, violations = _judge(batch, contract, outcome.notes)
            bad = any_of(violations, len(batch.rows))
            write_refused(batch, violations, bad, outcome, refused)
            table = accepted.table([*columns, pa.repeat(arrived, len(batch.rows)), batch.rows])
            if violations:
                table = table.filter(pc.invert(bad))
            outcome.rows += table.num_rows
            for name, values in zip(contract.data.columns, table.itercolumns()):
                outcome.nulls[name] += values.null_count
            outcome.notes.empty_rows += _without_a_value(table.select(list(contract.data.columns)))
            return table

        # no batch is kept while its rows are written, nor while the next one is read
        for table in map(good_rows, coming):
            accepted.add(table)


def _without_a_value(table: pa.Table) -> int:
    """The rows that are null in every column."""
    if not all(column.null_count for column in table.itercolumns()):
        return 0
    empty = reduce(pc.and_, map(pc.is_null, table.itercolumns()))
    return int(pc.sum(empty, min_count=0).as_py())


def _judge(batch: Batch, contract: Contract, notes: Notes) -> tuple[list[pa.Array], list[Violation]]:
    columns: list[pa.Array] = []
    violations: list[Violation] = []
    for name, column in contract.data.columns.items():
        reading, native = contract.reading(name), batch.native.get(name, False)
        key = name in contract.data.key
        typed, broken = judge(name, column, batch.columns[name], key=key, reading=reading, native=native)
        count_changed(name, batch.columns[name], typed, notes, reading, native)
        if key:
            count_shortened(name, typed, notes)
        columns.append(typed)
        violations += broken
    booleans = {name: typed for name, typed in zip(contract.data.columns, columns) if pa.types.is_boolean(typed.type)}
    note_spellings(batch, booleans, notes)
    return columns, violations


def _broken_expectations(outcome: Outcome, contract: Contract) -> list[dict[str, Any]]:
    """The contract's expectations that the file as a whole does not meet."""
    expectations = contract.data.expectations
    refusals: list[dict[str, Any]] = []

    def refuse(rule: str, column: str | None, rows: int, message: str) -> None:
        refusals.append({"rule": rule, "column": column, "rows": rows, "message": message})

    total = outcome.rows + outcome.quarantined
    share = outcome.quarantined / total
    if share > expectations.max_invalid_rows:
        limit = f"data.expectations.max_invalid_rows allows {expectations.max_invalid_rows:.2%}"
        refuse("max_invalid_rows", None, outcome.quarantined, f"{share:.2%} of {total} rows are invalid; {limit}")
    if outcome.rows < expectations.min_rows:
        message = f"{outcome.rows} good rows; data.expectations.min_rows requires {expectations.min_rows}"
        refuse("min_rows", None, outcome.rows, message)
    for name, nulls in outcome.nulls.items():
        # labels may come later, so missing targets say nothing about the file
        if name == contract.problem.target or not outcome.rows:
            continue
        if nulls / outcome.rows > expectations.max_nulls:
            message = (
                f"{nulls / outcome.rows:.2%} of the values of {name!r} are missing; "
                f"data.expectations.max_nulls allows {expectations.max_nulls:.2%}"
            )
            refuse("max_nulls", name, nulls, message)
    return refusals
