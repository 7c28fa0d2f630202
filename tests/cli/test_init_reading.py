"""`sluice init` finds how a file is written: header, encoding, sheet, nested members, signs, markers, bad rows."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.contract import load_contract
from tests.cli.tables import ROWS, as_csv, table
from tests.messy.workbooks import number, rows, text, workbook


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_other_formats_are_read_as_the_intake_reads_them(sluice, tmp_path, kind):
    columns, out = table(), tmp_path / "p.yaml"
    source = tmp_path / f"data.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table(columns), source)
    else:
        names = list(columns)
        rows = zip(*columns.values(), strict=True)
        source.write_text("\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows))
    code, printed, error = sluice("init", str(source), "--project", "shop", "-o", str(out))
    assert code == 0, error
    assert "200 rows of the file are accepted and 0 refused" in printed
    assert load_contract(out.read_text()).data.columns["pages"].type == "integer"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"a,b\n", "no data row"),
        (b"a,a\n1,2\n", "more than once"),
        (b"\xff\xfe\x00", "UTF-16"),
    ],
)
def test_a_file_that_the_intake_would_refuse_is_refused(sluice, tmp_path, content, told):
    source = tmp_path / "bad.csv"
    source.write_bytes(content)
    code, _, error = sluice("init", str(source), "-o", str(tmp_path / "p.yaml"))
    assert code == 1
    assert told in error


def test_a_header_below_a_preamble_is_found_and_asked_about(sluice, tmp_path):
    source, out = tmp_path / "a.csv", tmp_path / "project.yaml"
    source.write_text("Sales of May\n\n# all shops; one line each\n" + as_csv(table()).replace(",", ";"))
    code, printed, error = sluice("init", str(source), "-o", str(out), "--target", "bought")
    assert code == 0, error
    assert list(load_contract(out.read_text()).data.columns) == list(table())
    assert "DECIDE the header seems to be on line 4 of the file" in printed
    assert f"{ROWS} rows of the file are accepted and 0 refused" in printed


@pytest.mark.parametrize(
    "body", ["x,y\n" + "1,2,\n" * 50, "x,y\n" + "1,2\n" * 50, "x\n" + "1\n" * 50, "x,,\n" + "1,,\n" * 50]
)
def test_a_header_on_the_first_line_is_not_looked_for_below(sluice, tmp_path, body):
    source, out = tmp_path / "a.csv", tmp_path / "project.yaml"
    source.write_text(body)
    code, printed, error = sluice("init", str(source), "-o", str(out), "--type", "clustering")
    assert code == 0, error
    assert "the header seems to be" not in printed
    assert next(iter(load_contract(out.read_text()).data.columns)) == "x"


def test_an_encoding_that_is_named_goes_into_the_contract(sluice, tmp_path):
    source, out = tmp_path / "a.csv", tmp_path / "project.yaml"
    source.write_bytes(
        as_csv({"größe": [f"ä{i % 3}" for i in range(ROWS)], "y": [i % 2 for i in range(ROWS)]}).encode("cp1252")
    )
    code, _, error = sluice("init", str(source), "-o", str(out), "--target", "y")
    assert (code, "Name it with --encoding (cp1252" in error) == (1, True)
    code, _, error = sluice("init", str(source), "-o", str(out), "--target", "y", "--encoding", "klingon")
    assert (code, "there is no encoding 'klingon'" in error) == (1, True)
    code, printed, error = sluice("init", str(source), "-o", str(out), "--target", "y", "--encoding", "cp1252")
    assert code == 0, error
    contract = load_contract(out.read_text())
    assert (list(contract.data.columns), contract.data.file.encoding) == (["größe", "y"], "cp1252")
    assert f"{ROWS} rows of the file are accepted" in printed


def test_columns_with_the_same_name_are_left_out_and_told(sluice, tmp_path):
    source, out = tmp_path / "a.csv", tmp_path / "project.yaml"
    source.write_text("x,a,a,y\n" + "".join(f"{i},1,2,{i % 2}\n" for i in range(ROWS)))
    code, printed, error = sluice("init", str(source), "-o", str(out), "--target", "y")
    assert code == 0, error
    assert list(load_contract(out.read_text()).data.columns) == ["x", "y"]
    assert "has them more than once: 'a'" in printed


def test_a_file_without_a_header_gets_names_by_place(sluice, tmp_path):
    source, out = tmp_path / "a.csv", tmp_path / "project.yaml"
    source.write_text("".join(f"{i},{i * 0.5},{'ab'[i % 2]}\n" for i in range(ROWS)))
    code, printed, error = sluice("init", str(source), "-o", str(out), "--target", "column_3")
    assert code == 0, error
    assert f"{ROWS} rows of the file are accepted and 0 refused" in printed
    assert "the file seems to have no header" in printed
    contract = load_contract(out.read_text())
    assert (list(contract.data.columns), contract.data.file.header) == (["column_1", "column_2", "column_3"], 0)
    code, printed, error = sluice("init", str(source), "-o", str(out), "--force", "--target", "a", "--header")
    assert code == 0, error
    assert f"{ROWS - 1} rows of the file are accepted" in printed


def test_a_sheet_of_a_workbook_is_drafted(sluice, tmp_path):
    source, out = tmp_path / "a.xlsx", tmp_path / "project.yaml"
    table = rows([text("title")], [text("x"), text("y")], *([number(i), number(i % 2)] for i in range(ROWS)))
    source.write_bytes(workbook(rows([text("notes")]), table))
    code, _, error = sluice("init", str(source), "-o", str(out), "--target", "y")
    assert (code, "read as: sheet 's1', not the sheet 's2'" in error) == (1, True)
    code, _, error = sluice("init", str(source), "-o", str(out), "--target", "y", "--sheet", "May")
    assert (code, "no sheet 'May', which --sheet names" in error) == (1, True)
    code, printed, error = sluice("init", str(source), "-o", str(out), "--target", "y", "--sheet", "s2")
    assert code == 0, error
    assert "the header seems to be on line 2 of the file" in printed
    assert f"{ROWS} rows of the file are accepted and 0 refused" in printed
    assert load_contract(out.read_text()).data.file.sheet == "s2"


TICKETS = [
    {
        "id": f"t{at}",
        "customer": {"city": "Oslo" if at % 2 else "Bergen", "plan": {"name": "pro", "seats": at}},
        "tags": ["billing", "late"],
        "messages": [{"from": "anna", "text": "hi"}],
        "solved": at % 3 == 0,
    }
    for at in range(60)
]


@pytest.mark.parametrize("form", ["lines", "array", "parquet"])
def test_members_of_objects_are_columns_and_lists_are_left_out(form, init, tmp_path):
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(TICKETS), tmp_path / "made.parquet")
        body = (tmp_path / "made.parquet").read_bytes()
    else:
        body = json.dumps(TICKETS) if form == "array" else "\n".join(map(json.dumps, TICKETS))
    contract, text = init("tickets.json", body, "--target", "solved")
    assert list(contract.data.columns) == ["id", "customer.city", "customer.plan.name", "customer.plan.seats", "solved"]
    assert (contract.data.file.flatten, contract.data.key) == (True, ["id"])
    assert "'tags'" in text
    assert "'messages'" in text
    assert "60 rows of the file are accepted and 0 refused" in text


def test_flat_json_needs_no_word(init):
    contract, text = init("flat.json", "\n".join(f'{{"a.b": {at}, "c": {at % 2}}}' for at in range(40)))
    assert (list(contract.data.columns), contract.data.file.flatten) == (["a.b", "c"], False)
    assert "left out" not in text


def test_two_spellings_of_a_value_are_asked_about(drafted):
    columns: dict[str, list[object]] = {
        "size": list(range(ROWS)),
        "state": [("Paid", "paid", "not paid", "not-paid", "A+", "A-", "A")[at % 7] for at in range(ROWS)],
    }
    _, text = drafted(columns, "--target", "size")
    assert "data.columns.state: 'Paid' and 'paid' are different values" in text
    assert "'not paid' and 'not-paid' are different values" in text
    assert "'A+'" not in text.split("columns:")[0]


@pytest.mark.parametrize(
    ("rows", "signs"),
    [
        ("id,note,n\n" + "a,'x, y',1\n" * 30, {"quote": "'"}),
        ("id,note,n\n" + 'a,"x \\"y, z\\"",1\n' * 30, {"escape": "\\"}),
        ("id,note,n\r" + "a\nb,x,1\r" * 30, {"line_end": "\r"}),
        ("id,note,n\n" + "a,it's,1\n" * 30, {}),
    ],
)
def test_other_signs_are_found_where_they_make_rows_whole(rows, signs, init):
    contract, text = init("rows.csv", rows, "--type", "anomaly")
    assert contract.data.file.model_dump(exclude_defaults=True) == signs
    assert "30 rows of the file are accepted and 0 refused" in text
    assert ("data.file: the rows seem to be written with" in text) == bool(signs)


def test_a_file_with_bad_rows_is_accepted_and_its_bad_rows_are_asked_about(init):
    contract, text = init("rows.csv", "id,x\n" + "a,1\n" * 80 + "a,1,2\n" * 20, "--type", "anomaly")
    assert contract.data.expectations.max_invalid_rows == 0.2
    assert "20.0% of the file's rows are quarantined" in text
    assert "80 rows of the file are accepted and 20 refused" in text
    contract, text = init("rows.csv", "id,x\n" + "a,1\n" * 20 + "a,1,2\n" * 80, "--type", "anomaly")
    assert contract.data.expectations.max_invalid_rows == 0.05
    assert "the file would be refused" in text


def test_a_file_of_one_row_hints_at_its_missing_header(sluice, tmp_path):
    (tmp_path / "one.csv").write_text("a,1,2\n")
    code, _, error = sluice("init", str(tmp_path / "one.csv"), "-o", str(tmp_path / "project.yaml"))
    assert code != 0
    assert "add --no-header" in error


def test_blank_cells_are_said_to_be_missing_values(init, sluice, tmp_path):
    rows = "id,charges,x,y\n" + "".join(f"{at},{' ' if at < 11 else at},{at % 3},{at % 2}\n" for at in range(60))
    _, text = init("rows.csv", rows, "--target", "y")
    assert "blank cells are missing values: charges (11)" in text
    (tmp_path / "again.csv").write_text(rows)
    code, printed, _ = sluice(
        "init", str(tmp_path / "again.csv"), "--target", "y", "-o", str(tmp_path / "n.yaml"), "--json"
    )
    assert (code, json.loads(printed)["missing"]) == (0, {"charges": 11})
