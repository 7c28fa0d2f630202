"""A quote that is never closed takes what stands in the next quoted field for rows: such rows are never accepted."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sluice.intake.batches import Notes
from sluice.intake.blocks import Blocks
from sluice.intake.csv_rows import read_csv
from sluice.intake.dialect import sniff
from tests.unit.intake.test_dialects import read, rules

NAMES = ["id", "a", "b", "c"]
TEXTS = rules({name: {"type": "text"} for name in NAMES})


def in_file(*rows: str) -> bytes:
    return "\n".join(["id,a,b,c", "r1,1,2,3", *rows, "r9,1,2,3", ""]).encode()


@pytest.mark.parametrize(
    ("rows", "refused"),
    [
        # the field that the quote ends at begins with a line end: its second line would be a row
        (['r2,"x,1,2', 'r3,"', ' y,z, w",4,5'], {3: ["r2", '"x', "1", "2"], 4: ["r3", "\n y,z, w", "4", "5"]}),
        (['r2,"x,1,2', "r3,1,1,1", 'r4,"', ' y,z, w",4,5'], {3: ["r2", '"x', "1", "2"], 4: None, 5: None}),
        (['r2, "x,1,2', 'r3,1,"', 'y,z,w,v",5'], {3: ["r2", ' "x', "1", "2"], 4: None}),
        # it begins with a delimiter: what stands behind it would be a field
        (['r2,"x,1,2', 'r3,5,", y",7'], {3: ["r2", '"x', "1", "2"], 4: ["r3", "5", ", y", "7"]}),
        (['r2,"x,1,2', "r3,1,1,1", 'r4,5,", y",7'], {3: None, 4: ["r3", "1", "1", "1"], 5: None}),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_that_can_be_read_in_two_ways_are_refused(
    rows: list[str], refused: dict[int, list[str] | None], end: str, tmp_path: Path
) -> None:
    accepted, _, told = read(in_file(*rows).replace(b"\n", end.encode()), tmp_path, TEXTS)
    assert [row[1] for row in accepted] == ["r1", "r9"]
    assert [(row, rule) for row, rule, _ in told] == [(line, "quoting") for line in refused]
    for row, _, values in told:
        cells = [value.replace("\r\n", "\n") for value in (values.values() if isinstance(values, dict) else values)]
        assert refused[row] in (None, cells)


@pytest.mark.parametrize(
    "rows",
    [
        ['r2,"two\nlines",1,2'],
        # a quote stands behind text, as in sizes in inches, and the lines are no rows
        ['r2,"two\nlines",12",2'],
        ['r2,"two\nlines",1,2', 'r3,12",1,2'],
        # the lines are rows, and no quote stands behind text: a row within a cell is legal
        ['r2,"x,1,2\nr3,y",1,2'],
        ['r2,"x,1,2\nr3,",1,2', "r4,1,1,1"],
    ],
)
def test_a_record_beyond_doubt_is_accepted(rows: list[str], tmp_path: Path) -> None:
    accepted, _, told = read(in_file(*rows), tmp_path, TEXTS)
    assert told == []
    assert len(accepted) == len(rows) + 2


CELLS = st.text(st.sampled_from('ab1 ,"\n'), max_size=12)


@settings(max_examples=300, deadline=None)
@given(
    table=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=6),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    exact=st.booleans(),
    block=st.sampled_from([12, 10_000]),
)
@example(table=[["x,1,2\nr", "y", ""], [",a\n", "\n,", '"']], quoting=csv.QUOTE_ALL, exact=True, block=12)
def test_no_row_of_a_file_that_a_program_wrote_is_doubted(
    table: list[list[str]], quoting: Any, exact: bool, block: int
) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=quoting, lineterminator="\n").writerows(
        [NAMES, *([f"r{at}", *cells] for at, cells in enumerate(table))]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Blocks, "block_size", block)
        opener: Any = lambda: iter([out.getvalue().encode()])  # noqa: E731
        batches = list(read_csv(opener, sniff(opener, NAMES), Notes("csv"), exact=exact))
    assert [list(row.values()) for batch in batches for row in batch.texts(range(len(batch.rows)))] == [
        [f"r{at}", *cells] for at, cells in enumerate(table)
    ]
    assert not any(batch.broken for batch in batches)
