"""Files as programs write them: missing values behind an escape, columns aligned by blanks, rows on another sheet.
What refuses a file in raw/ refuses it in batch/ and labels/, with the same hint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sluice.contract.models import Contract
from sluice.errors import EmptyFileError, HeaderMismatchError, UnreadableFileError
from sluice.intake.blocks import Blocks
from sluice.intake.labels import read_label_file
from sluice.intake.scoring import read_scoring_file
from tests.messy.workbooks import number, rows, text, workbook
from tests.unit.intake.test_dialects import read, rules

NUMBERS = {"id": {"type": "text"}, "n": {"type": "integer"}}


def _null(escape: str, missing: list[str]) -> Contract:
    columns = {"id": {"type": "text", "missing": missing}, "n": {"type": "integer", "missing": missing}}
    return rules(columns, escape=escape, header=0)


@pytest.mark.parametrize("quoted", [False, True])
def test_a_missing_value_of_mysql_is_no_letter(quoted: bool, tmp_path: Path) -> None:
    """`INTO OUTFILE` writes `\\N`; read as an escaped N it would be the text N, silently."""
    first = '"a \\"b\\", c\\\\d"' if quoted else 'a \\"b\\"\\, c\\\\d'
    body = f"{first},\\N\n\\N,1\r\n \\N ,2\n\\Nx,\\3\n".encode()
    accepted, _, refused = read(body, tmp_path, _null("\\", ["\\N"]))
    assert accepted == [(1, 'a "b", c\\d', None), (2, None, 1), (3, None, 2), (4, "Nx", 3)]
    assert refused == []


def test_a_missing_value_that_the_contract_does_not_name_stays_visible(tmp_path: Path) -> None:
    accepted, _, refused = read(b"\\N,1\nb,\\N", tmp_path, _null("\\", []))
    assert accepted == [(1, "\\N", 1)]
    assert refused == [(2, "type", {"id": "b", "n": "\\N"})]


def test_only_a_backslash_writes_a_missing_value(tmp_path: Path) -> None:
    accepted, _, _ = read(b"^N,1\n\\N,2\n", tmp_path, _null("^", ["\\N"]))
    assert accepted == [(1, "N", 1), (2, None, 2)]


@pytest.mark.parametrize("block", [24, 2**20])
def test_a_value_in_a_gap_of_an_aligned_header_never_shifts(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line 3 has as many blanks as the header, so 2 stood where no column has a name, and `id` was missing."""
    monkeypatch.setattr(Blocks, "block_size", block)
    columns = {name: {"type": "number"} for name in ("id", "temp", "rh")}
    body = b"  id   temp  rh\n   1   2.50  80\n   2  -1.00  81\n"
    with pytest.raises(UnreadableFileError, match=r"aligned by runs of blanks.* line 3 has a value in field 4"):
        read(body, tmp_path, rules(columns, delimiter=" "))


@pytest.mark.parametrize(
    ("body", "unnamed"),
    [
        (b"id  n\na  1\nb  2\n", {}),
        (b" id n\n a 1\n b 2\n", {}),
        (b'"" "id" "n"\n"1" "a" 1\n"2" "b" 2\n', {"field 1": 2}),
        (b"id n \na 1 \nb 2 \n", {}),
    ],
)
def test_blanks_that_are_the_same_in_each_row_are_read(body: bytes, unnamed: dict[str, int], tmp_path: Path) -> None:
    accepted, notes, refused = read(body, tmp_path, rules(NUMBERS, delimiter=" "))
    assert ([row[1:] for row in accepted], refused) == ([("a", 1), ("b", 2)], [])
    assert dict(notes.unnamed_columns) == unnamed


def _readers(body: bytes, folder: Path, columns: dict[str, Any], target: str, key: str) -> list[Any]:
    path = folder / "file"
    path.write_bytes(body)
    data = {"key": [key], "columns": {**columns, "x": {"type": "number"}}}
    supervised = {"project": "shop", "problem": {"type": "regression", "target": target}, "data": data}
    to_score = {"project": "shop", "problem": {"type": "clustering"}, "data": {"columns": columns}}
    return [
        lambda: read(body, folder, rules(columns)),
        lambda: read_scoring_file(path, Contract.model_validate(to_score), folder),
        lambda: read_label_file(path, Contract.model_validate(supervised), folder),
    ]


@pytest.mark.parametrize("reader", range(3))
@pytest.mark.parametrize(
    "body", ["id,n\na,1\nb,2\n\nshop,total\nc,3\nd,4\n", "id,n\na,1\nb,2\n,\nshop,total\nc,3\nd,4\n"]
)
def test_a_second_table_is_no_row_to_score_and_no_label(reader: int, body: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="several tables"):
        _readers(body.encode(), tmp_path, NUMBERS, "n", "id")[reader]()


@pytest.mark.parametrize("reader", range(3))
def test_a_table_on_another_sheet_is_named(reader: int, tmp_path: Path) -> None:
    title, table = rows([text("About this workbook")]), rows([text("id"), text("n")], [text("a"), number(1)])
    with pytest.raises(HeaderMismatchError, match=r"on sheet 's1', not the sheet 's2'.* data\.file\.sheet"):
        _readers(workbook(title, table), tmp_path, NUMBERS, "n", "id")[reader]()
    with pytest.raises(HeaderMismatchError) as alone:
        _readers(workbook(title), tmp_path, NUMBERS, "n", "id")[reader]()
    assert "sheet" not in str(alone.value)


@pytest.mark.parametrize("reader", range(3))
def test_rows_within_an_object_are_named(reader: int, tmp_path: Path) -> None:
    body = json.dumps({"Records": [{"id": "a", "n": 1}]}).encode()
    with pytest.raises(HeaderMismatchError, match="rows seem to be in 'Records', a list of objects"):
        _readers(body, tmp_path, NUMBERS, "n", "id")[reader]()


@pytest.mark.parametrize("reader", range(3))
def test_a_header_without_rows_says_what_was_read(reader: int, tmp_path: Path) -> None:
    with pytest.raises(EmptyFileError, match=r"a header but no data row \(read as: semicolon"):
        _readers(b"id;n\n", tmp_path, NUMBERS, "n", "id")[reader]()
