"""A text means the same in whatever blocks and chunks it is read."""

from __future__ import annotations

import bz2
import gzip
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sluice.contract import Contract
from sluice.errors import UnreadableFileError
from sluice.intake.arrow_types import plan_of
from sluice.intake.batches import Notes
from sluice.intake.blocks import Blocks, lines_of
from sluice.intake.csv_blocks import BlockReader, Parsed
from sluice.intake.csv_rows import read_csv
from sluice.intake.dialect import Dialect
from sluice.intake.encodings import utf16_in_utf8, without_mark
from sluice.intake.limits import UNLIMITED
from sluice.intake.packing import unpacked

DIALECT = Dialect(",", ["a", "b"], 1)
TYPED = Contract.model_validate(
    {
        "project": "shop",
        "problem": {"type": "regression", "target": "a"},
        "data": {"columns": {"a": {"type": "number"}, "b": {"type": "timestamp"}}},
    }
)


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


def told(body: bytes, chunk: int, cores: int, block: int) -> list[Any]:
    """All that the reader hands on, batch by batch, and what it raises in the end."""
    found: list[Any] = []
    plan, notes = plan_of(TYPED), Notes("csv")
    before = pa.cpu_count()
    pa.set_cpu_count(cores)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Blocks, "block_size", block)
            for batch in read_csv(lambda: chunks(body, chunk), DIALECT, notes, plan=plan):  # type: ignore[arg-type, return-value]
                columns = {name: (str(column.type), column.to_pylist()) for name, column in batch.columns.items()}
                found.append((batch.rows.to_pylist(), columns, batch.broken))
    except UnreadableFileError as error:
        found.append(str(error))
    finally:
        pa.set_cpu_count(before)
    return [*found, notes.blank_lines, notes.repeated_headers]


@pytest.mark.parametrize("block", [9, 40])
@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(st.sampled_from(["1,2026-01-31", "2,2026-01-31T12:30:00Z", "x,1", '3,"4"', "a,b", '"5,6', "", "7"])),
    bad=st.none() | st.integers(0, 100),
    chunk=st.integers(1, 30),
)
@example(lines=["1,2026-01-31"] * 4 + ["2,2026-01-31T12:30:00Z"] * 9, bad=None, chunk=4)
def test_batches_and_errors_do_not_depend_on_the_cores(
    block: int, lines: list[str], bad: int | None, chunk: int
) -> None:
    text = "\n".join(["a,b", *lines]).encode()
    if bad is not None:
        text = text[:bad] + b"\xff" + text[bad:]
    assert told(text, chunk, 2, block) == told(text, chunk, 1, block)


def test_on_two_cores_two_blocks_are_parsed_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    both, parse = threading.Barrier(2, timeout=20), BlockReader.parse

    def met(*arguments: Any) -> Parsed:
        both.wait()
        return parse(*arguments)

    monkeypatch.setattr(Blocks, "block_size", 4)
    monkeypatch.setattr(pa, "cpu_count", lambda: 2)
    monkeypatch.setattr(BlockReader, "parse", met)
    text = b"a,b\n" + b"1,2\n" * 6
    batches = read_csv(lambda: chunks(text, 4), DIALECT, Notes("csv"))  # type: ignore[arg-type, return-value]
    assert [len(batch.rows) for batch in batches] == [1] * 6


@pytest.mark.parametrize("cores", [1, 2])
def test_a_source_that_broke_off_is_not_taken_for_ended(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Blocks, "block_size", 30_000)
    monkeypatch.setattr(pa, "cpu_count", lambda: cores)

    def broken() -> Iterator[bytes]:
        yield b"a,b\n" + b"1,2\n" * 25_000
        raise OSError("the connection was lost")

    batches = read_csv(broken, DIALECT, Notes("csv"))  # type: ignore[arg-type]
    assert [len(next(batches).rows) for _ in range(3)] == [7_500] * 3
    with pytest.raises(OSError, match="connection"):
        next(batches)


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
