"""A text means the same in whatever blocks and chunks it is read."""

from __future__ import annotations

import bz2
import gzip
import itertools
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sluice.errors import UnreadableFileError
from sluice.intake.batches import Notes
from sluice.intake.blocks import Blocks, lines_of
from sluice.intake.csv_rows import read_csv
from sluice.intake.dialect import Dialect
from sluice.intake.encodings import utf16_in_utf8, without_mark
from sluice.intake.limits import UNLIMITED
from sluice.intake.packing import unpacked

DIALECT = Dialect(",", ["a", "b"], 1)


def chunks(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def rows(body: bytes, chunk: int, exact: bool) -> tuple[list[Any], int]:
    notes = Notes("csv")
    found: list[Any] = []
    for batch in read_csv(lambda: chunks(body, chunk), DIALECT, notes, exact=exact):  # type: ignore[arg-type, return-value]
        columns = {name: column.to_pylist() for name, column in batch.columns.items()}
        assert batch.texts(range(len(batch.rows))) == [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
        found += zip(batch.rows.to_pylist(), *columns.values(), strict=True)
        found += [(broken.row, broken.rule, broken.message, broken.values) for broken in batch.broken]
    found.sort(key=lambda row: row[0])
    return found, notes.blank_lines


@pytest.mark.parametrize("block", [1, 9, 40])
@settings(max_examples=150, deadline=None)
@given(body=st.text(st.sampled_from('ab1ä ,"\n\r;'), max_size=80), chunk=st.integers(1, 30))
@example(body='1,"2\n3"\n"4,5\n6,7\n8,"9"\n', chunk=3)  # a stray quote turns the parity of all that follows
@example(body="\n".join(["1,2"] * 9), chunk=5)
def test_rows_do_not_depend_on_the_blocks(block: int, body: str, chunk: int) -> None:
    text = ("a,b\n" + body).encode()
    whole = rows(text, len(text), exact=True)
    assert rows(text, len(text), exact=False) == whole
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Blocks, "block_size", block)
        assert rows(text, chunk, exact=False) == whole
        assert rows(text, chunk, exact=True) == whole


@pytest.mark.parametrize("block", [1, 13])
@given(body=st.text(st.sampled_from('a"\n\rä'), max_size=60), chunk=st.integers(1, 9))
def test_lines_do_not_depend_on_the_blocks(block: int, body: str, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Blocks, "block_size", block)
        found = list(lines_of(chunks(body.encode(), chunk)))  # type: ignore[arg-type]
    assert "".join(found) == body
    assert all(line.endswith(("\n", "\r")) for line in found[:-1])
    assert not any("\n" in line[:-1] or "\r" in line[:-1].removesuffix("\r") for line in found)


@pytest.mark.parametrize("at", [0, 5, 77])
def test_a_byte_that_is_not_text_is_told_with_its_place(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Blocks, "block_size", 10)
    body = bytearray(b"abc\n" * 25)
    body[at] = 0xE9
    with pytest.raises(UnreadableFileError, match=f"position {at} "):
        list(lines_of(chunks(bytes(body), 7)))  # type: ignore[arg-type]


def zstandard(body: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(body))


@pytest.mark.parametrize(("pack", "how"), [(gzip.compress, "gzip"), (bz2.compress, "bzip2"), (zstandard, "Zstandard")])
@settings(max_examples=30, deadline=None)
@given(parts=st.lists(st.binary(min_size=1, max_size=3_000).map(lambda part: part * 40), min_size=1, max_size=3))
def test_what_was_packed_comes_back_from_any_chunks(pack: Any, how: str, parts: list[bytes]) -> None:
    """Firehose writes several packed parts behind each other."""
    body = b"".join(map(pack, parts))
    for size in (1 + len(body) // 7, len(body)):
        assert b"".join(unpacked(chunks(body, size), how, UNLIMITED)) == b"".join(parts)  # type: ignore[arg-type]
    with pytest.raises(UnreadableFileError, match="damaged or cut off"):
        list(unpacked(chunks(body[:-3], 50), how, UNLIMITED))  # type: ignore[arg-type]


def test_what_is_behind_a_packed_file_is_not_taken_for_rows() -> None:
    padded, damaged = gzip.compress(b"a,b\n") + bytes(512), gzip.compress(b"a,b\n") + b"more"
    assert b"".join(unpacked(chunks(padded, 100), "gzip", UNLIMITED)) == b"a,b\n"  # type: ignore[arg-type]
    with pytest.raises(UnreadableFileError, match="after 4 unpacked bytes"):
        list(unpacked(chunks(damaged, 100), "gzip", UNLIMITED))  # type: ignore[arg-type]


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_other_encodings_become_utf8_from_any_chunks(text: str) -> None:
    for size in (1, 3, 50):
        assert b"".join(utf16_in_utf8(chunks(text.encode("utf-16"), size), "utf-16")).decode() == text  # type: ignore[arg-type]
        marked = itertools.islice(chunks(text.encode("utf-8-sig"), size), None)
        assert b"".join(without_mark(marked)).decode() == text  # type: ignore[arg-type]
