"""Excel workbooks: what their cells are, which sheet is read, and what no program could know is refused in words.

Two files are as their programs wrote them (openpyxl 3.1 and XlsxWriter 3.3); the others are written here, part by part.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sluice.contract import Contract
from sluice.errors import EmptyFileError, FileTooLargeError, HeaderMismatchError, SluiceError, UnreadableFileError
from sluice.intake.labels import read_label_file
from sluice.intake.limits import Limits
from sluice.intake.scoring import read_scoring_file
from tests.messy.workbooks import cell, number, rows, text, workbook
from tests.unit.intake.test_dialects import read, rules
from tests.unit.intake.test_validation import run

WRITTEN = Path(__file__).parent / "workbooks"
IDS = {"id": {"type": "integer"}}


def test_a_workbook_of_openpyxl(tmp_path: Path) -> None:
    columns = {
        "id": {"type": "integer"},
        "amount": {"type": "number", "decimal": ",", "thousands": "."},
        "code": {"type": "text"},
        "at": {"type": "timestamp", "dates": ["%d.%m.%Y"]},
        "paid": {"type": "boolean"},
    }
    accepted, notes, refused = read((WRITTEN / "openpyxl.xlsx").read_bytes(), tmp_path, rules(columns))
    assert accepted == [
        (4, 1, 0.3, "00123", datetime(2024, 1, 2, 3, 4, 5, 678_000), True),
        (5, 2, 1e22, "7", datetime(2024, 2, 29), False),
        (8, 5, 1.0, "a", None, None),
        (10, 7, 2.0, "z", None, None),
        (11, 8, 3.0, "00123", None, None),
    ]
    assert [(row, rule) for row, rule, _ in refused] == [(6, "sheet"), (7, "sheet"), (9, "merged")]
    assert notes.read_as == "sheet 'orders', not the hidden sheet 'old', header at row 3, 1 preamble row"
    assert notes.told()["hidden_rows"] == 1
    assert notes.told()["unnamed_columns"] == {"H": 1}


def test_a_workbook_of_xlsxwriter_keeps_rich_text_and_refuses_a_formula_that_nobody_computed(tmp_path: Path) -> None:
    columns = {"id": {"type": "integer"}, "at": {"type": "timestamp"}, "text": {"type": "text"}}
    accepted, _, refused = read((WRITTEN / "xlsxwriter.xlsx").read_bytes(), tmp_path, rules(columns))
    assert accepted == [
        (2, 1, datetime(2024, 5, 1, 12, 30), "plain bold"),
        (3, 2, datetime(2024, 5, 2, 12, 30), "0012"),
    ]
    assert [(row, rule) for row, rule, _ in refused] == [(4, "sheet")]


@pytest.mark.parametrize(
    ("xml", "value"),
    [
        (number("12"), "12"),
        (number("1.2E+3"), "1200"),
        (number("0.30000000000000004"), "0.30000000000000004"),
        (number("123456789012345678901"), "123456789012345678901"),
        (number("45293", s="1"), "2024-01-02"),
        (number("45293.25", s="1"), "2024-01-02 06:00:00"),
        # 15 digits, as LibreOffice writes them, and the 17 of a double
        (number("45720.3333333333", s="1"), "2025-03-04 08:00:00"),
        (number("45720.333333333336", s="1"), "2025-03-04 08:00:00"),
        (number("0.75", s="2"), "18:00:00"),
        (number("1.5", s="3"), "36:00:00"),
        (number("137", s="4"), "00137"),
        (number("7", s="5"), "7"),
        (number("1", t="b"), "true"),
        (cell("<f>A1</f><v>x</v>", t="str"), "x"),
        (cell("<f>A1</f><v></v>", t="str"), None),
        (cell("<is><r><t>a </t></r><rPh><t>no</t></rPh><r><t>b_x0041_</t></r></is>", t="inlineStr"), "a bA"),
        (cell("<v/>"), None),
        (text("NA"), "NA"),
    ],
)
def test_what_a_cell_is(xml: str, value: str | None, tmp_path: Path) -> None:
    body = workbook(rows([text("id"), text("n")], [text("a"), xml]))
    accepted, _, refused = read(body, tmp_path, rules({"id": {"type": "text"}, "n": {"type": "text"}}))
    assert (accepted, refused) == ([(2, "a", value)], [])


@pytest.mark.parametrize(
    ("xml", "why"),
    [
        (cell("<v>#DIV/0!</v>", t="e"), "'n' holds the error #DIV/0!, in cell B2"),
        (cell("<f>A1</f>"), "'n' holds a formula whose value no program has computed, in cell B2"),
        (number("60", s="1"), "'n' holds a date that there is not, such as one before 1900, in cell B2"),
        (number("-1", s="1"), "'n' holds a date that there is not, such as one before 1900, in cell B2"),
        (number("nan"), "'n' holds not a number, or beyond the range of a double, in cell B2"),
        (number("1e999"), "'n' holds not a number, or beyond the range of a double, in cell B2"),
        (number("9", t="s"), "'n' holds a text that the workbook does not have, in cell B2"),
        (number("9", t="?"), "'n' holds a value of the unknown type '?', in cell B2"),
    ],
)
def test_a_cell_without_a_value_quarantines_its_row(xml: str, why: str, tmp_path: Path) -> None:
    body = workbook(rows([text("id"), text("n")], [text("a"), xml], [text("b"), number(1)]))
    outcome, accepted, refused = run(body, tmp_path, rules({"id": {"type": "text"}, "n": {"type": "text"}}))
    assert [row["id"] for row in accepted] == ["b"]
    assert [reason["message"] for row in refused for reason in row["reasons"]] == [why]
    assert outcome.reason_counts == [{"rule": "sheet", "column": "n", "rows": 1}]


def test_a_formula_is_not_trusted_where_its_writer_asks_for_a_computation(tmp_path: Path) -> None:
    body = workbook(rows([text("id")], [cell("<f>A1</f><v>0</v>")]), book='<calcPr fullCalcOnLoad="1"/>')
    assert run(body, tmp_path, rules(IDS))[0].quarantined == 1
    assert run(workbook(rows([text("id")], [cell("<f>A1</f><v>0</v>")])), tmp_path, rules(IDS))[0].rows == 1


def test_days_may_be_counted_from_1904(tmp_path: Path) -> None:
    body = workbook(rows([text("t")], [number(1, s="1")]), book='<workbookPr date1904="1"/>')
    assert read(body, tmp_path, rules({"t": {"type": "text"}}))[0] == [(2, "1904-01-02")]


def test_the_first_sheet_that_is_not_hidden_is_read_and_the_others_are_told(tmp_path: Path) -> None:
    table, other = rows([text("id")], [number(1)]), rows([text("id")], [number(2)])
    body = workbook(other, table, other, "<row/>", hidden=(1,))
    accepted, notes, _ = read(body, tmp_path, rules(IDS))
    assert accepted == [(2, 1)]
    assert notes.read_as == "sheet 's2', not the sheet 's3', not the hidden sheet 's1', header at row 1"
    accepted, notes, _ = read(body, tmp_path, rules(IDS, sheet="s1"))
    assert accepted == [(2, 2)]
    with pytest.raises(UnreadableFileError, match=r"no sheet 's9', .* it has 's1', 's2', 's3', 's4'"):
        read(body, tmp_path, rules(IDS, sheet="s9"))
    with pytest.raises(EmptyFileError, match=r"sheet 's4', not the sheets 's2', 's3'.*has no value; name the sheet"):
        read(body, tmp_path, rules(IDS, sheet="s4"))


def test_header_rows_as_in_a_csv_file(tmp_path: Path) -> None:
    two = {"id": {"type": "text"}, "n": {"type": "text"}}
    head, row = [text("id"), text("n")], [text("a"), text("1")]
    below = workbook(rows([text("title")], row, head, row, head, row))
    accepted, notes, refused = read(below, tmp_path, rules(two))
    assert accepted == [(4, "a", "1"), (6, "a", "1")]
    assert [(number, rule) for number, rule, _ in refused] == [(2, "above_header")]
    assert notes.repeated_headers == 1
    assert read(below, tmp_path, rules(two, header=3))[2] == []
    without = workbook(rows([text("x")], row, [*row, text("beyond")]))
    accepted, _, refused = read(without, tmp_path, rules(two, header=0, skip=1))
    assert accepted == [(2, "a", "1")]
    assert [(number, rule) for number, rule, _ in refused] == [(3, "fields")]
    with pytest.raises(HeaderMismatchError, match="'n' is missing"):
        read(workbook(rows([text("id"), text("m")], row)), tmp_path, rules(two))
    with pytest.raises(HeaderMismatchError, match="more than once"):
        read(workbook(rows([text("id"), text("n"), text("n")], row)), tmp_path, rules(two))


def test_blank_rows_are_counted_and_those_at_the_end_are_none(tmp_path: Path) -> None:
    body = workbook(
        rows([text("id")], [number(1)]) + rows([text(" ")], [number(2)], first=9) + rows([cell("", s="1")], first=500)
    )
    accepted, notes, _ = read(body, tmp_path, rules(IDS))
    assert accepted == [(2, 1), (10, 2)]
    assert notes.blank_lines == 7


def test_only_the_first_of_merged_cells_has_their_value(tmp_path: Path) -> None:
    head = [text("id", "A1"), text("n", "B1"), text("other", "C1")]
    table = rows(head, *([number(at, f"A{at}"), *([number(7, "B2")] if at == 2 else [])] for at in range(2, 6)))
    merged = '<mergeCells><mergeCell ref="B2:B4"/><mergeCell ref="C2:C5"/></mergeCells>'
    two = {"id": {"type": "integer"}, "n": {"type": "integer"}}
    accepted, _, refused = read(workbook(table, behind=merged), tmp_path, rules(two))
    assert accepted == [(2, 2, 7), (5, 5, None)]
    assert [(number, rule) for number, rule, _ in refused] == [(3, "merged"), (4, "merged")]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('<row r="2"></row><row r="1"></row>', "not in the order"),
        ('<row r="1"><c r="B1"/><c r="A1"/></row>', "not in the order"),
        ('<row r="1"><c r="XFE1"/></row>', "not in the order"),
        ('<row r="1"><c', "the workbook is damaged"),
    ],
)
def test_a_damaged_sheet_is_refused(content: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=why):
        run(workbook(rows([text("id")]) + content), tmp_path, rules(IDS))


def test_what_a_workbook_could_do_to_its_reader_is_refused(tmp_path: Path) -> None:
    entity = '<!DOCTYPE x [<!ENTITY a "aaaa">]>'
    with pytest.raises(UnreadableFileError, match="document type"):
        run(workbook(rows([text("id")]), first=entity), tmp_path, rules(IDS))
    large = workbook(rows([text("id")], [text("x" * 2_000_000)]))
    for limits in (Limits(file_bytes=100_000), Limits(line_bytes=100_000)):
        with pytest.raises(FileTooLargeError):
            run(large, tmp_path, rules(IDS), limits=limits)


def test_any_prefix_of_a_workbook_is_refused_in_words(tmp_path: Path) -> None:
    body = (WRITTEN / "xlsxwriter.xlsx").read_bytes()
    for size in range(40, len(body), 331):
        with pytest.raises(SluiceError):
            run(body[:size], tmp_path, rules(IDS))


def test_labels_and_files_to_score_may_be_workbooks(tmp_path: Path) -> None:
    data: dict[str, Any] = {"columns": {"id": {"type": "text"}, "x": {"type": "number"}, "y": {"type": "category"}}}
    problem = {"type": "binary", "target": "y", "positive": "a"}
    contract = Contract.model_validate({"project": "shop", "problem": problem, "data": {**data, "key": ["id"]}})
    path = tmp_path / "f.xlsx"
    path.write_bytes(
        workbook(rows([text("id"), text("x"), text("y")], [text("1"), number(2), text("a")], [text("2"), text("?")]))
    )
    assert read_label_file(path, contract, tmp_path).labels == {("1",): "a"}
    scored = read_scoring_file(path, contract, tmp_path)
    assert (scored.scored, scored.quarantined) == (1, 1)
