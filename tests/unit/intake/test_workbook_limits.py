"""What a small workbook could unpack to is refused in words, in little memory."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from sluice.errors import FileTooLargeError, UnreadableFileError
from sluice.intake import sheet_cells, workbook
from sluice.intake.limits import Limits
from tests.messy.memory import Growth
from tests.messy.workbooks import number, rows, text
from tests.messy.workbooks import workbook as written
from tests.unit.intake.test_dialects import rules
from tests.unit.intake.test_validation import run

IDS = rules({"id": {"type": "integer"}})
SHEET, OTHER_SHEET, STRINGS = "xl/sheet1.xml", "xl/sheet2.xml", "xl/strings.xml"
RELATIONS = "xl/_rels/workbook.xml.rels"
TABLE = f"<sheetData>{rows([text('id')], [number(1)])}</sheetData>".encode()
MEGABYTES = 60


def with_part(name: str, body: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A workbook of two sheets and shared texts, with `body` in place of one of its parts."""
    whole = zipfile.ZipFile(io.BytesIO(written(rows([text("id")], [number(1)]), rows([text("notes")]))))
    parts = {part: whole.read(part) for part in whole.namelist()}
    strings = b'<Relationship Id="t" Type="http://a/sharedStrings" Target="strings.xml"/></Relationships>'
    parts[RELATIONS] = parts[RELATIONS].replace(b"</Relationships>", strings)
    parts |= {STRINGS: b"<sst><si><t>a</t></si></sst>", name: body}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content, method if part == name else zipfile.ZIP_DEFLATED)
    return out.getvalue()


def refused(body: bytes, tmp_path: Path, why: str, limits: Limits | None = None) -> None:
    growth = Growth()
    with pytest.raises((FileTooLargeError, UnreadableFileError), match=why):
        run(body, tmp_path, IDS, limits or Limits())
    assert growth.megabytes() < MEGABYTES


def test_the_workbook_is_read_if_its_parts_are_small(tmp_path: Path) -> None:
    assert run(with_part(SHEET, b"<worksheet>" + TABLE + b"</worksheet>"), tmp_path, IDS)[0].rows == 1


@pytest.mark.parametrize(
    ("part", "start", "repeated"),
    [
        (SHEET, b"<worksheet><sheetData>", b"<x/>"),
        (SHEET, b"<worksheet>" + TABLE, b"<mergeCell/>"),
        (OTHER_SHEET, b"<worksheet><sheetData>", b"<row/>"),
        (STRINGS, b"<sst>", b"<si/>"),
        ("xl/styles.xml", b"<styleSheet><cellXfs>", b"<xf/>"),
    ],
)
def test_it_may_be_a_hundred_times_as_large_unpacked_and_no_more(
    part: str, start: bytes, repeated: bytes, tmp_path: Path
) -> None:
    padded = repeated.replace(b"/", b" " * 1000 + b"/")
    body = with_part(part, start + padded * (2**25 // len(padded)))
    assert len(body) < 100_000
    refused(body, tmp_path, "of the workbook unpack to .* at most 100 times as much is read.*, save the sheet as CSV")


def test_a_directory_that_tells_of_more_packed_bytes_changes_nothing(tmp_path: Path) -> None:
    body = with_part(SHEET, b"<worksheet>" + (b"<x" + b" " * 1000 + b"/>") * 2**16)
    archive = zipfile.ZipFile(io.BytesIO(body))
    size = archive.getinfo(SHEET).compress_size.to_bytes(4, "little")
    directory = body.index(b"PK\x01\x02")
    assert body.count(size, directory) == 1
    refused(body[:directory] + body[directory:].replace(size, b"\0\0\0\x70"), tmp_path, "unpack to|damaged|Overlapped")


@pytest.mark.parametrize(
    ("method", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")], ids=["bzip2", "lzma"]
)
def test_a_part_that_is_packed_with_another_method_is_not_unpacked(method: int, name: str, tmp_path: Path) -> None:
    """Python's zipfile would hold all that a few kilobytes of it unpack to."""
    body = with_part(SHEET, b"<worksheet>" + b" " * 2**27, method)
    assert len(body) < 60_000
    refused(body, tmp_path, f"packed with {name}; only deflate is read")


@pytest.mark.parametrize(
    ("xml", "why"),
    [
        (b"<worksheet>" + b"<a>" * 2**21, "nested more than 256 deep"),
        (b"<worksheet><a b='" + b"c" * 2**23, "a tag of more than 1.0 MB"),
        (b"<worksheet><!--" + b"c" * 2**23, "a tag of more than 1.0 MB"),
    ],
)
def test_xml_that_would_be_held_is_refused(xml: bytes, why: str, tmp_path: Path) -> None:
    refused(with_part(SHEET, xml), tmp_path, why)


def test_what_is_held_of_a_workbook_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = with_part(STRINGS, b"<sst>" + b"".join(b"<si><t>%d</t></si>" % at for at in range(20_000)) + b"</sst>")
    refused(texts, tmp_path, "texts of the workbook take more than 1.0 MB of memory", Limits(group_bytes=1_000_000))
    one = with_part(STRINGS, b"<sst><si><t>" + b"a" * 200_000)
    refused(one, tmp_path, "more than 0.1 MB", Limits(line_bytes=100_000))
    monkeypatch.setattr(sheet_cells, "_MAX_MERGED", 10)
    merged = b"".join(b'<mergeCell ref="A%d:B%d"/>' % (at, at) for at in range(1, 20))
    refused(with_part(SHEET, b"<worksheet>" + TABLE + merged + b"</worksheet>"), tmp_path, "more than 10 merged cells")
    monkeypatch.setattr(workbook, "_MAX_PART", 1000)
    refused(with_part("xl/styles.xml", b"<styleSheet>" + b"<xf/>" * 1000 + b"</styleSheet>"), tmp_path, "styles.xml")
