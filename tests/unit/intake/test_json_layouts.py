"""JSON in an array, or one object behind the other: as JSON lines, and cut anywhere by the chunks of a stream."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import EmptyFileError, FileTooLargeError, HeaderMismatchError, UnreadableFileError
from sluice.intake.blocks import Opener
from sluice.intake.json_texts import layout, pieces
from sluice.intake.limits import Limits
from tests.messy.memory import Growth
from tests.unit.intake.test_validation import contract, run

RULES = {"id": {"type": "text"}, "n": {"type": "integer"}}


def opener(body: bytes, size: int = 2**20) -> Opener:
    def chunks() -> Generator[bytes]:
        yield from (body[at : at + size] for at in range(0, len(body), size))

    return chunks


def texts(body: bytes, size: int = 2**20) -> list[str]:
    return [piece.text for piece in pieces(opener(body, size))]


MEMBERS = st.dictionaries(
    st.text(max_size=3),
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.lists(st.integers()),
    max_size=3,
)


@given(
    st.lists(MEMBERS, min_size=2, max_size=6),
    st.sampled_from(["", " ", "\n\n", ",", " , \n"]),
    st.integers(1, 40),
    st.booleans(),
)
def test_objects_are_cut_where_they_end(records: list[dict], between: str, size: int, in_array: bool) -> None:
    text = between.join(json.dumps(record, ensure_ascii=False) for record in records)
    if in_array:
        text = "[" + text.replace("\n\n", ",") + "\n]\n"
    body = text.encode("utf-8", "surrogatepass")
    found = [json.loads(text) for text in texts(body, size) if text]
    assert found == records


@pytest.mark.parametrize(
    ("body", "how"),
    [
        (b'{"a": 1}\n{"a": 2}\n', "lines"),
        (b'\n  {"a": 1} \n', "lines"),
        (b'{"a": oops}\n{"a": 2}', "lines"),
        (b'{"a": 1} oops\n{"a": 2}', "lines"),
        (b'{"a":\n{"a": 2}\n', "lines"),
        (b'{"a": "' + b"x" * 300_000 + b'"}\n{"a": 2}\n', "lines"),
        (b'{"a": 1}\n{"a": 2}{"a": 3}\n', "stream"),
        (b'{"a": 1}\n{"a": "}{"}\n', "lines"),
        (b'{"a": 1}\n{"a": 2}{"a": \n', "lines"),
        (b'{"a": 1}{"a": 2}', "stream"),
        (b'{"a": 1} {"a": 2}\n', "stream"),
        (b'{\n  "a": 1\n}\n{\n  "a": 2\n}', "stream"),
        (b"[]", "stream"),
        (b'[ {"a": 1}]', "stream"),
        (b'[\n{"a": 1}]', "stream"),
        (b"[a,b\n1,2\n", None),
        (b"a,b\n", None),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
@pytest.mark.parametrize("size", [3, 2**20])
def test_the_layout_shows_at_the_start(body: bytes, how: str | None, size: int) -> None:
    if size == 3 and len(body) > 1000:
        size = 50_000
    assert layout(opener(body, size)) == how


@pytest.mark.parametrize("size", [1, 5, 100])
def test_a_damaged_value_spoils_no_other(size: int) -> None:
    body = b'[{"a":1} , {"a": oops, "b": "]}"}, 12, null, "x,]{", tru, [1, {"a": 2}], {"a":3,"a":4},, {"a":5}]'
    assert texts(body, size) == [
        *('{"a":1}', '{"a": oops, "b": "]}"}', "12", "null", '"x,]{"', "tru"),
        *('[1, {"a": 2}]', '{"a":3,"a":4}', '{"a":5}'),
    ]
    assert texts(b'{"a":1}{"a":2} x ] {"a":3}', size) == ['{"a":1}', '{"a":2}', "x", "]", '{"a":3}']


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'[{"a": 1}, {"a": 2}', "the JSON array has no end"),
        (b'[{"a": 1}, {"a": 2', "begins at character 11 has no end"),
        (b'{"a": 1}{"a": 2}{"a": "3}', "begins at character 16 has no end"),
        (b'{"a": 1}{"a": "\xff"}', "the byte at position 15 is not UTF-8"),
        (b'{"a": 1}{"a": "\xc3', "the byte at position 15 is not UTF-8"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_file_that_was_cut_off_is_refused(body: bytes, told: str, size: int) -> None:
    with pytest.raises(UnreadableFileError, match=told):
        texts(body, size)


@pytest.mark.parametrize("text", [b"x" * 2**22, b"\\n" * 2**21, b"x\\n" * 2**20])
def test_a_text_that_never_ends_takes_little_more_than_itself(text: bytes) -> None:
    growth = Growth()
    with pytest.raises(UnreadableFileError, match="has no end"):
        list(pieces(opener(b'{"a": 1}{"a": "' + text, 2**16)))
    assert growth.megabytes() < 60


def test_memory_is_bounded_by_an_object() -> None:
    one = b'{"a": "' + b"x" * 900 + b'"}'
    limits = Limits(line_bytes=2000)
    assert sum(1 for _ in pieces(opener(one * 200, 64), limits)) == 200
    with pytest.raises(FileTooLargeError):
        list(pieces(opener(one + b'{"a": "' + b"x" * 9000 + b'"}', 64), limits))


@pytest.mark.parametrize("form", ["array", "concatenated", "lines", "pretty"])
def test_each_layout_gives_the_same_rows(form: str, tmp_path: Path) -> None:
    records: list[Any] = [
        {"id": "a", "n": 1},
        {"n": "x", "id": "b"},
        {"id": "c", "n": {"deep": 1}},
        {"id": "d", "extra": 0},
    ]
    dumped = [json.dumps(record, indent=2 if form == "pretty" else None) for record in records]
    ends = {"array": ",", "concatenated": "", "lines": "\n", "pretty": "\n"}[form]
    body = ends.join(dumped)
    outcome, accepted, refused = run((f"[{body}]" if form == "array" else body).encode(), tmp_path, contract(RULES))
    assert [(row["id"], row["n"], row["_row"]) for row in accepted] == [("a", 1, 1), ("d", None, 4)]
    assert [(row["row"], row["reasons"][0]["rule"], row["reasons"][0]["column"]) for row in refused] == [
        (2, "type", "n"),
        (3, "json", "n"),
    ]
    assert outcome.notes.format == ("jsonl" if form == "lines" else "json")
    assert outcome.extra_columns == ["extra"]


def test_nan_is_counted(tmp_path: Path) -> None:
    body = b'[{"id": "a", "n": NaN}, {"id": "NaN", "n": 1}, {"id": "", "n": null}]'
    outcome, accepted, _ = run(body, tmp_path, contract(RULES))
    assert outcome.notes.nan == {"n": 1}
    assert [row["id"] for row in accepted] == ["a", "NaN", None]


def test_an_array_without_objects_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmptyFileError):
        run(b"[]", tmp_path, contract(RULES))
    with pytest.raises(HeaderMismatchError, match="value 1: one JSON object is expected"):
        run(b"[\n1, 2]", tmp_path, contract(RULES))
