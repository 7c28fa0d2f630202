"""A second table in a file refuses it in words, however wide it is; what only looks like one does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sluice.errors import UnreadableFileError
from sluice.intake.arrow_types import plan_of
from sluice.intake.batches import Notes
from sluice.intake.blocks import Blocks
from sluice.intake.csv_rows import read_csv
from sluice.intake.dialect import sniff
from tests.messy.workbooks import number, text, workbook
from tests.unit.intake.test_dialects import read, rules

COLUMNS = {"name": {"type": "text"}, "size": {"type": "number"}, "at": {"type": "timestamp"}, "note": {"type": "text"}}
RULES = rules(COLUMNS)
TOP = ["name,size,at,note", "a,1,2026-01-01,x", "b,2,2026-01-02,y"]
BELOW = ["c,3,2026-01-03,z", "d,4,2026-01-04,"]
TABLES = {
    "blank line": ["", "shop,total,since,remark", *BELOW],
    "blank lines and a title": ["", "", "Summary of May", "shop,total,since,remark", *BELOW],
    "a title alone": ["Summary of May", "shop,total,since,remark", *BELOW],
    "a padded title": [",,,", "Summary,,,", "shop,total,since,remark", *BELOW],
    "a blank row": [",,,", "shop,total,since,remark", *BELOW],
    "fewer columns": [",,,", "shop,total,,", "c,3,,", "d,4,,"],
    "names again": ["", "name,note,city,street", "c,3,5,z", "d,4,6,y"],
    "names in another order": ["", "note,at,size,name", "x,y,z,w", "d,e,f,g"],
}
ROWS = {
    "the same header": ["", *TOP],
    "a gap": ["", *BELOW],
    "a footer": ["", "Source: the register", "", "printed,by,me,today"],
    "a footer of rows": [",,,", "Total,3,,", "checked,by,hand,", ",,,", ",,,"],
    "a bad row": ["", "unknown,none,n/a,x", *BELOW],
    "a row of codes": ["", "c1,x,y,z", *BELOW],
    "no gap": ["shop,total,since,remark", *BELOW],
    "one row below": ["", "shop,total,since,remark", BELOW[0]],
    "equal words": ["", "x,x,x,x", *BELOW],
}


def lines(body: list[str]) -> bytes:
    return ("\n".join([*TOP, *body]) + "\n").encode()


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("body", TABLES.values(), ids=TABLES)
def test_a_second_table_is_refused(body: list[str], exact: bool, tmp_path: Path) -> None:
    first = ['e,5,2026-01-05,a "stray" quote'] if exact else []
    header = next(at for at, line in enumerate(body) if line.startswith(("shop,", "name,", "note,")))
    with pytest.raises(UnreadableFileError, match=f"several tables .* line {len(TOP) + len(first) + header + 1} "):
        read(lines([*first, *body]), tmp_path, RULES)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("body", ROWS.values(), ids=ROWS)
def test_what_only_looks_like_a_table_is_read(body: list[str], exact: bool, tmp_path: Path) -> None:
    first = ['e,5,2026-01-05,a "stray" quote'] if exact else []
    accepted, _, _ = read(lines([*first, *body]), tmp_path, RULES)
    assert [row[1] for row in accepted[:2]] == ["a", "b"]


@pytest.mark.parametrize("body", [*TABLES.values(), *ROWS.values()])
def test_blocks_of_any_size_find_the_same_table(body: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def found(exact: bool) -> str | None:
        def start() -> Any:
            yield lines(body)

        dialect = sniff(start, list(COLUMNS))
        try:
            list(read_csv(start, dialect, Notes("csv"), plan=plan_of(RULES), exact=exact))
        except UnreadableFileError as error:
            return str(error)
        return None

    whole = found(True)
    assert (whole is not None) == (body in TABLES.values())
    for size in range(20, 140, 7):
        monkeypatch.setattr(Blocks, "block_size", size)
        assert found(False) == whole


def test_names_that_are_numbers_are_values_as_well(tmp_path: Path) -> None:
    contract = rules({str(name): {"type": "integer"} for name in range(4)})
    body = "0,1,2,3\n5,6,7,8\n9,8,7,6\n\n3,2,1,9\n1,0,2,3\n0,1,2,4\n"
    accepted, _, refused = read(body.encode(), tmp_path, contract)
    assert (len(accepted), refused) == (5, [])


def test_a_second_table_of_a_sheet_is_refused(tmp_path: Path) -> None:
    def row(at: int, *cells: object) -> str:
        found = [text(cell) if isinstance(cell, str) else number(cell) for cell in cells]
        return f'<row r="{at}">{"".join(found)}</row>'

    top = [row(1, "name", "size"), row(2, "a", 1), row(3, "b", 2)]
    contract = rules({"name": {"type": "text"}, "size": {"type": "number"}})
    with pytest.raises(UnreadableFileError, match=r"several tables .* line 5 "):
        read(workbook("".join([*top, row(5, "shop", "total"), row(6, "c", 3), row(7, "d", 4)])), tmp_path, contract)
    accepted, notes, refused = read(
        workbook("".join([*top, row(5, "c", 3), row(6, "shop", "total")])), tmp_path, contract
    )
    assert ([each[1] for each in accepted], [each[0] for each in refused]) == (["a", "b", "c"], [6])
    assert notes.blank_lines == 1
