"""Files as people write them: what is found in them, what the contract must name, and what is refused in words."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sluice.contract import Contract
from sluice.contract.file import FOUND, FileLayout
from sluice.errors import HeaderMismatchError, SluiceError, UnreadableFileError
from sluice.intake.arrow_types import plan_of
from sluice.intake.batches import Notes
from sluice.intake.blocks import Blocks
from sluice.intake.csv_rows import read_csv
from sluice.intake.dialect import sniff
from sluice.intake.rules import judge
from tests.unit.intake.test_validation import run

COLUMNS = {"id": {"type": "text"}, "n": {"type": "integer"}}


def rules(columns: dict[str, Any] | None = None, **layout: Any) -> Contract:
    data = {"columns": columns or COLUMNS, "expectations": {"max_invalid_rows": 1.0}, "file": layout}
    return Contract.model_validate({"project": "shop", "problem": {"type": "clustering"}, "data": data})


def read(body: bytes, path: Path, contract: Contract | None = None) -> tuple[list[tuple[Any, ...]], Any, list[Any]]:
    """Line and values of each accepted row, what the reader noticed, and rule and values of each refused one."""
    outcome, accepted, refused = run(body, path, contract or rules())
    names = [*(contract or rules()).data.columns]
    told = [(row["_row"], *(row[name] for name in names)) for row in accepted]
    return told, outcome.notes, [(row["row"], row["reasons"][0]["rule"], row["values"]) for row in refused]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("id,n\na,1\n", "comma, UTF-8, header at line 1"),
        ("Sales of May\n\nid;n\na;1\n", "semicolon, UTF-8, header at line 3, 1 preamble line"),
        ("# a, b\n# c\n\n\nid\tn\na\t1\n", "tab, UTF-8, header at line 5, 2 preamble lines"),
        ('"a title\nof two lines",\nid,n\na,1\n', "comma, UTF-8, header at line 3, 2 preamble lines"),
        ('title "of\nid|n\na|1\n', "vertical bar, UTF-8, header at line 2, 1 preamble line"),
        ("sep=;\nid;n\na;1\n", "semicolon, UTF-8, header at line 2"),
        ("id,n\na,1,\nb,2,\n", "comma, UTF-8, header at line 1, a delimiter at the end of the rows"),
        ('"id", "n"\n"a", "1"\n', "comma, UTF-8, header at line 1"),
    ],
)
def test_what_was_found_is_told(body: str, told: str, tmp_path: Path) -> None:
    accepted, notes, refused = read(body.encode(), tmp_path)
    assert notes.read_as == told
    assert refused == []
    assert accepted[0][1:] == ("a", 1)
    assert (
        accepted[0][0]
        == body.replace('"', "")
        .replace(" ", "")
        .split("\n")
        .index(
            next(
                line
                for line in body.replace('"', "").replace(" ", "").split("\n")
                if line.startswith("a") and "1" in line
            )
        )
        + 1
    )


def test_a_row_above_the_header_is_quarantined_and_never_left_out(tmp_path: Path) -> None:
    """As in a file that was sorted, header and all."""
    accepted, notes, refused = read(b"a,1\nb,2\nid,n\nx,3\n", tmp_path)
    assert accepted == [(4, "x", 3)]
    assert refused == [(1, "above_header", ["a", "1"]), (2, "above_header", ["b", "2"])]
    assert notes.read_as == "comma, UTF-8, header at line 3"


def test_a_row_with_a_columns_name_is_not_taken_for_the_header(tmp_path: Path) -> None:
    with pytest.raises(HeaderMismatchError, match="'n' is missing"):
        read(b"id,m\nn,1\nid,2\n", tmp_path)
    with pytest.raises(HeaderMismatchError, match=r"data\.file\.header: 0"):
        read(b"a,1,x\nid,2,secret\n", tmp_path)


def test_a_file_without_a_header_has_the_contracts_columns(tmp_path: Path) -> None:
    accepted, notes, refused = read(b"a;1\nb;2;\nc;3\n", tmp_path, rules(header=0))
    assert accepted == [(1, "a", 1), (3, "c", 3)]
    assert [each[:2] for each in refused] == [(2, "fields")]
    assert notes.read_as == "semicolon, UTF-8, no header"
    accepted, notes, _ = read(b'id,,"n\n\na,1\n', tmp_path, rules(header=0, skip=1))
    assert accepted == [(3, "a", 1)]
    assert notes.read_as == "comma, UTF-8, no header, 1 preamble line"


def test_a_header_in_a_file_that_has_none_by_the_contract_is_no_row(tmp_path: Path) -> None:
    texts = {"id": {"type": "text"}, "name": {"type": "text"}}
    accepted, notes, _ = read(b"id,name\na,b\n", tmp_path, rules(texts, header=0))
    assert accepted == [(2, "a", "b")]
    assert notes.repeated_headers == 1


@pytest.mark.parametrize("header", [2, None])
def test_a_header_that_the_contract_names_is_taken(header: int | None, tmp_path: Path) -> None:
    body = b"n,id\nid,n\na,1\n"
    accepted, _, _ = read(body, tmp_path, rules({"id": {"type": "text"}, "n": {"type": "text"}}, header=header))
    assert accepted[-1] == ((3, "a", "1") if header else (3, "1", "a"))


def test_a_repeated_header_is_no_row(tmp_path: Path) -> None:
    texts = rules({"id": {"type": "text"}, "name": {"type": "category"}})
    body = b'id,name\nid,name\na,b\n"id" , name\nid,x\n'
    accepted, notes, refused = read(body, tmp_path, texts)
    assert accepted == [(3, "a", "b"), (5, "id", "x")]
    assert (notes.repeated_headers, refused) == (2, [])


@pytest.mark.parametrize("second", ["id;n;more", "n;id;x;y"])
def test_several_tables_are_refused_in_words(second: str, tmp_path: Path) -> None:
    row = ";".join("1" for _ in second.split(";"))
    with pytest.raises(UnreadableFileError, match=r"several tables .* line 4"):
        read(f"id;n\na;1\nb;2\n{second}\n{row}\n{row}\n".encode(), tmp_path)


@pytest.mark.parametrize("layout", [{}, {"delimiter": "|"}])
def test_rows_without_a_header_may_end_with_a_delimiter(layout: dict[str, Any], tmp_path: Path) -> None:
    """Under a wrong delimiter, a single row has the right number of fields."""
    texts = rules({"id": {"type": "text"}, "name": {"type": "text"}}, header=0, **layout)
    accepted, notes, refused = read(b"a|x|\nb|1,5|\nc||\nd|y|z\n", tmp_path, texts)
    assert accepted == [(1, "a", "x"), (2, "b", "1,5"), (3, "c", None)]
    assert [each[:2] for each in refused] == [(4, "fields")]
    assert notes.read_as == "vertical bar, UTF-8, no header, a delimiter at the end of the rows"


def test_rows_with_other_fields_are_no_table(tmp_path: Path) -> None:
    _, _, refused = read(b"id,n\na,1\nb,2,3\nc,4,5\nd,6,7\n", tmp_path)
    assert [each[:2] for each in refused] == [(3, "fields"), (4, "fields"), (5, "fields")]


@pytest.mark.parametrize("count", [3, 60])
def test_a_row_that_lacks_a_field_is_not_completed_by_the_delimiter_at_its_end(count: int, tmp_path: Path) -> None:
    body = b"id,n\n" + b"a,1,\n" * count + b"2,\nb,3,x\nc,4,\n"
    accepted, _, refused = read(body, tmp_path)
    assert [row[1:] for row in accepted] == [("a", 1)] * count + [("c", 4)]
    assert refused == [(count + 2, "fields", ["2", ""]), (count + 3, "fields", ["b", "3", "x"])]


@pytest.mark.parametrize("exact", [False, True])
def test_a_value_behind_the_last_column_is_never_left_out(exact: bool, tmp_path: Path) -> None:
    quoted = b'x, "y",\n' if exact else b""
    texts = rules({"id": {"type": "text"}, "n": {"type": "text"}})
    accepted, _, refused = read(b"id,n\n" + quoted + b"a,1,\n" * 60 + b"b,2,lost\n", tmp_path, texts)
    assert len(accepted) == 60 + exact
    assert [each[1:] for each in refused] == [("fields", ["b", "2", "lost"])]


def test_a_name_that_is_there_twice_matters_only_where_the_contract_needs_it(tmp_path: Path) -> None:
    accepted, _, refused = read(b"id,x,n,x,,\na,1,2,3,4,5\nb,1,z,3,4,5\n", tmp_path)
    assert accepted == [(2, "a", 2)]
    assert [list(values.values()) for _, _, values in refused] == [["b", "1", "z", "3", "4", "5"]]
    with pytest.raises(HeaderMismatchError, match="'n' more than once"):
        read(b"id,n,n\na,1,2\n", tmp_path)


def test_quote_and_escape_are_the_contracts(tmp_path: Path) -> None:
    accepted, notes, _ = read(b"id,n\n'a, \\'b\\'',1\n", tmp_path, rules(quote="'", escape="\\"))
    assert accepted == [(2, "a, 'b'", 1)]
    assert notes.read_as == "comma, UTF-8, quote ', escape \\, header at line 1"


@pytest.mark.parametrize(
    ("encoding", "text"), [("cp1252", "é€"), ("latin-1", "é"), ("iso-8859-7", "αβ"), ("big5", "中文"), ("gbk", "中文")]
)
def test_an_encoding_is_read_if_the_contract_names_it(encoding: str, text: str, tmp_path: Path) -> None:
    body = f"id,n\n{text},1\n".encode(encoding)
    with pytest.raises(UnreadableFileError, match=r"position 5 .*data\.file\.encoding"):
        read(body, tmp_path)
    accepted, _, _ = read(body, tmp_path, rules(encoding=encoding))
    assert accepted == [(2, text, 1)]


def test_another_encoding_than_the_named_one_is_not_read_as_it(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="the text is UTF-8"):
        read("id,n\né,1\n".encode(), tmp_path, rules(encoding="latin-1"))
    with pytest.raises(UnreadableFileError, match="position 5 does not belong"):
        read(b"id,n\n\x81,1\n", tmp_path, rules(encoding="cp1252"))
    for mark in ("utf-8-sig", "utf-16"):
        accepted, _, _ = read("id,n\né,1\n".encode(mark), tmp_path, rules(encoding="latin-1"))
        assert accepted == [(2, "é", 1)]
    accepted, notes, _ = read("id,n\né,1\n".encode("utf-16-le"), tmp_path)
    assert (accepted, notes.encoding) == ([(2, "é", 1)], "utf-16-le")


def test_a_zip_archive_is_read_and_told_apart_from_a_workbook(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("day.csv", "id,n\na,1\n")
    assert read(out.getvalue(), tmp_path)[0] == [(2, "a", 1)]


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ({"encoding": "klingon"}, "no encoding"),
        ({"encoding": "base64"}, "not an encoding of texts"),
        ({"delimiter": "x"}, "letter"),
        ({"quote": "''"}, "at most 1"),
        ({"delimiter": "'", "quote": "'"}, "both"),
        ({"header": 2, "skip": 2}, "leaves out"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(layout: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        FileLayout.model_validate(layout)


LAYOUTS = [FOUND, FileLayout(quote="'"), FileLayout(escape="\\"), FileLayout(delimiter=";", header=0)]
TYPED = rules({"a": {"type": "text"}, "b": {"type": "category"}, "no": {"type": "boolean"}})


@pytest.mark.parametrize("block", [12, 10_000])
@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=150, deadline=None)
@given(body=st.text(st.sampled_from("aabbno1 ,;'\"\\\n"), max_size=60))
@example(body="a,b,no\nx,y,no\n")
@example(body='1, "a, b",no\n')
@example(body='x,"a,no\nb,"\n1,a b",no\n')
@example(body='x,"a,no\nb,a,", b"\nb,a,no\n')
@example(body='x,a,"no\nb,"\n1,a b",no\nb,a,no\n')
@example(body='x,a,"no\nb,a,no\nb,a,no\nb,"\nb,a,no\n1,a b",no\nb,a,no\n')
def test_both_ways_of_reading_agree_on_every_layout(block: int, layout: FileLayout, body: str) -> None:
    """Where the fast way gives an answer it is that of the exact way, whatever the blocks; headers among rows too."""
    text = ("a,b,no\n" * (layout.header != 0) + body).encode()

    def rows(exact: bool) -> Any:
        notes = Notes("csv")
        found: list[Any] = []
        opener: Any = lambda: iter([text])  # noqa: E731
        try:
            dialect = sniff(opener, list(TYPED.data.columns), layout=layout)
            for batch in read_csv(opener, dialect, notes, plan=plan_of(TYPED), exact=exact):
                columns = []
                for name, column in TYPED.data.columns.items():
                    typed, broken = judge(name, column, batch.columns[name], key=False)
                    columns += [typed.to_pylist(), broken[0].mask.to_pylist() if broken else [False] * len(typed)]
                found += zip(batch.rows.to_pylist(), batch.texts(range(len(batch.rows))), *columns, strict=True)
                found += [(each.row, each.rule, each.message) for each in batch.broken]
        except SluiceError as error:
            return type(error)
        return sorted(found, key=lambda row: row[0]), notes.blank_lines, notes.repeated_headers

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Blocks, "block_size", block)
        assert rows(exact=False) == rows(exact=True)


@pytest.mark.parametrize(
    "text", ['[{"id": "%s", "n": 1}, {"id": "b", "n": NaN}]', '{"id": "%s", "n": 1}\n{"id": "b", "n": NaN}\n']
)
def test_json_too_is_read_in_the_encoding_that_the_contract_names(text: str, tmp_path: Path) -> None:
    body = (text % "Zoë").encode("cp1252")
    accepted, notes, refused = read(body, tmp_path, rules(encoding="cp1252", delimiter=";", header=0))
    assert [row[1:] for row in accepted] == [("Zoë", 1), ("b", None)]
    assert (refused, notes.encoding, notes.nan) == ([], "cp1252", {"n": 1})
    with pytest.raises(UnreadableFileError, match=r"the byte at position 1\d is not UTF-8.*data\.file\.encoding"):
        read(body, tmp_path)


RETURNS = 'id,n\ra\nb,1\r"c\nd, e",2\r\rf\n,x\rg,"3\n"\r'


def test_line_feeds_in_cells_where_records_end_with_returns(tmp_path: Path) -> None:
    accepted, notes, refused = read(RETURNS.encode(), tmp_path, rules(line_end="\r"))
    assert accepted == [(2, "a\nb", 1), (3, "c\nd, e", 2), (6, "g", 3)]
    assert refused == [(5, "type", {"id": "f\n", "n": "x"})]
    assert notes.read_as == "comma, UTF-8, header at line 1, records end with a carriage return"
    assert notes.blank_lines == 1


def test_categories_and_rows_that_do_not_fit_keep_their_line_feeds(tmp_path: Path) -> None:
    body = "id,n\r" + 'x\ny,"1"\r' * 400 + "z\n,1,2\r"
    contract = rules({"id": {"type": "category"}, "n": {"type": "integer"}}, line_end="\r")
    accepted, _, refused = read(body.encode("utf-16"), tmp_path, contract)
    assert [each[1:] for each in accepted] == [("x\ny", 1)] * 400
    assert refused == [(402, "fields", ["z\n", "1", "2"])]
    with pytest.raises(UnreadableFileError, match="vertical tab"):
        read((body + "a\vb,1\r").encode(), tmp_path, contract)
    with pytest.raises(ValidationError, match="line_end"):
        rules(line_end="\n")
