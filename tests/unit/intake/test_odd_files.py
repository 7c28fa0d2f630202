"""Files that were dropped by mistake, or that a program has changed: refused with the name of what they are, or read
with a note on what the program did to them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from sluice.errors import HeaderMismatchError, UnreadableFileError
from sluice.intake.labels import read_label_file
from tests.unit.intake.test_dialects import read, rules
from tests.unit.intake.test_validation import contract, run

TEXTS = rules({"id": {"type": "text"}, "note": {"type": "text"}})


def tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo("data.csv")
        member.size = 6
        archive.addfile(member, io.BytesIO(b"id,n\na"))
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (tar(), "a tar archive"),
        (gzip.decompress(tar()), "a tar archive"),
        (b"ARROW1\0\0", "Arrow"),
        (b"SQLite format 3\0", "SQLite"),
        (b"\x80\x04\x95\x10", "pickle"),
        (b"\x93NUMPY\x01", "NumPy"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS"),
        (b"<table><tr><td>id</td></tr></table>", "HTML"),
        (bytes(range(256)), "binary data"),
        (b"\x7fELF\x02\x01\x01\x00\xff", "binary data"),
        ("id\x01name\x02\x03caf\xe9\n".encode("latin-1"), "is not UTF-8, and other encodings are not guessed"),
        (b"<Error><Code>AccessDenied</Code></Error>", "XML"),
    ],
)
def test_what_is_no_table_is_named(body: bytes, what: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=what):
        read(body, tmp_path)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            {"data": [{"id": "a", "n": 1}], "next": None},
            r"'data', 'next'\. The rows seem to be in 'data'",
        ),
        ({"columns": ["id", "n"], "data": [["a", 1]]}, "in 'data', a list of lists, and each row must be an object"),
        ({"a1": {"n": 1}, "a2": {"n": 2}}, "The header found is: 'a1', 'a2'$"),
    ],
)
def test_json_whose_rows_are_elsewhere_says_where(value: object, told: str, tmp_path: Path) -> None:
    with pytest.raises(HeaderMismatchError, match=told):
        read(json.dumps(value).encode(), tmp_path)


@pytest.mark.parametrize("body", ['["id", "n"]\n["a", 1]\n', '[["id", "n"], ["a", 1]]'])
def test_json_lists_are_named(body: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="JSON lists; one object"):
        read(body.encode(), tmp_path)


def test_a_header_in_brackets_is_no_json(tmp_path: Path) -> None:
    names = rules({"[id]": {"type": "text"}, "[n]": {"type": "integer"}})
    assert read(b"[id],[n]\na,1\n", tmp_path, names)[0] == [(2, "a", 1)]


@pytest.mark.parametrize("count", [1, 300])
def test_a_header_behind_the_mark_of_an_appended_file_is_no_row(count: int, tmp_path: Path) -> None:
    part = b"\xef\xbb\xbfid,note\n" + b"a,x\n" * count
    accepted, notes, refused = read(part * 3, tmp_path, TEXTS)
    assert ([row[1:] for row in accepted], refused) == ([("a", "x")] * 3 * count, [])
    assert notes.repeated_headers == 2


@pytest.mark.parametrize("encoding", ["latin-1", "iso-8859-15", "iso-8859-7"])
def test_letters_of_windows_are_no_latin_1(encoding: str, tmp_path: Path) -> None:
    body = "id,note\na,5 \u20ac\n".encode("cp1252")
    named = {"columns": {"id": {"type": "text"}, "note": {"type": "text"}}, "encoding": encoding}
    with pytest.raises(UnreadableFileError, match=r"byte at position 12 is a control character.*cp1252"):
        read(body, tmp_path, rules(**named))
    assert read(body, tmp_path, rules(**named | {"encoding": "cp1252"}))[0] == [(2, "a", "5 \u20ac")]


def test_keys_that_a_spreadsheet_has_shortened_are_counted(tmp_path: Path) -> None:
    columns = {"id": {"type": "text"}, "note": {"type": "text"}, "y": {"type": "boolean"}}
    body = b"id,note,y\n1.23457E+11,1.2E+05,true\n1.23457E+11,x,true\n4E+12,x,no\n12E3,x,no\n"
    outcome, accepted, _ = run(body, tmp_path, contract(columns, key=["id"]))
    assert (len(accepted), outcome.notes.told()["shortened"]) == (4, {"id": 3})
    coded = columns | {"id": {"type": "category"}}
    outcome, _, _ = run(body + b"4E+12,x,no\n" * 100, tmp_path, contract(coded, key=["id"]))
    assert outcome.notes.told()["shortened"] == {"id": 103}
    assert read_label_file(tmp_path / "arrival", contract(columns, key=["id"]), tmp_path).notes.shortened["id"] == 103
