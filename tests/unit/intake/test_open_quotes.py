"""A quote that is never closed takes what stands in the next quoted field for rows: such rows are never accepted."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sluice.errors import SluiceError
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
        # the record fits, and only what stands below it shows that it may be none
        (['r2,1,2,"x', 'r3,"', 'y,z w",4,5'], {3: ["r2", "1", "2", '"x'], 4: ["r3", "\ny,z w", "4", "5"]}),
        (['r2,1,"x,2', 'r3,5,",', 'y,1, z w",7'], {3: ["r2", "1", '"x', "2"], 4: ["r3", "5", ",\ny,1, z w", "7"]}),
        # it begins with a delimiter: what stands behind it would be a field
        (['r2,"x,1,2', 'r3,5,", y",7'], {3: ["r2", '"x', "1", "2"], 4: ["r3", "5", ", y", "7"]}),
        (['r2,"x,1,2', "r3,1,1,1", 'r4,5,", y",7'], {3: None, 4: ["r3", "1", "1", "1"], 5: None}),
        # neither reading is right: the record of three lines is short, and the last one by itself is too long
        (['r2,"x,1,2', "r3,1,1,1", 'r4,"', 'y",5,6,7'], {3: None, 4: ["r3", "1", "1", "1"], 5: None}),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("block", [16, 32, 10_000])
def test_rows_that_can_be_read_in_two_ways_are_refused(
    rows: list[str],
    refused: dict[int, list[str] | None],
    end: str,
    block: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Blocks, "block_size", block)
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
        ['r2,1,2,"two\nlines\n"', 'r3,12",1,2'],
        # the lines are rows, and no quote stands behind text: a row within a cell is legal
        ['r2,"x,1,2\nr3,y",1,2'],
        ['r2,"x,1,2\nr3,",1,2', "r4,1,1,1"],
    ],
)
def test_a_record_beyond_doubt_is_accepted(rows: list[str], tmp_path: Path) -> None:
    accepted, _, told = read(in_file(*rows), tmp_path, TEXTS)
    assert told == []
    assert len(accepted) == len(rows) + 2


LINES = [
    *(
        "a,b,1",
        'a,"b\nc",1',
        'a,1,"b\n"',
        '"a\n",b,1',
        "a,b",
        'a,12",c',
        'a,"""x""",2',
        'e,",","\n"',
        "",
        ",,",
        'z,"",1',
    ),
    *(
        'o,2,"x',
        'o,"2,x',
        '"o,2,x',
        'q,"',
        '"',
        'z,1,"',
        'b,c d",4',
        'b c,d",4',
        'p,3,", y"',
        'p,", y",3',
        'p,",\nb,c,d",1',
    ),
]


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=14), block=st.sampled_from([8, 20, 40, 90]))
def test_both_ways_of_reading_doubt_the_same_records(lines: list[str], block: int) -> None:
    """Wherever a block ends: what decides may stand in the next one."""
    opener: Any = lambda: iter(["\n".join(["h,i,j", *lines]).encode()])  # noqa: E731

    def rows(exact: bool) -> Any:
        found: list[Any] = []
        try:
            for batch in read_csv(opener, sniff(opener, ["h", "i", "j"]), Notes("csv"), exact=exact):
                found += zip(batch.rows.to_pylist(), map(str, batch.texts(range(len(batch.rows)))), strict=True)
                found += [(each.row, f"{each.rule} {each.message} {each.values}") for each in batch.broken]
        except SluiceError as error:
            return type(error)
        return sorted(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Blocks, "block_size", block)
        assert rows(exact=False) == rows(exact=True)


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
