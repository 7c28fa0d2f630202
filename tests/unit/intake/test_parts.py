"""A file that is judged in parts ends as in one pass, whatever the size of the parts."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sluice.contract import Contract
from sluice.errors import InputError
from sluice.intake.key_columns import KeyColumns
from sluice.intake.limits import UNLIMITED
from sluice.intake.opening import Arrival
from sluice.intake.part_outcomes import joined, refused, to_json
from sluice.intake.validation import recognised, validate_file, validate_part
from sluice.profile.kept import kept, restored
from sluice.profile.profiler import Profiler

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
CONTRACT = Contract.model_validate(
    {
        "project": "shop",
        "problem": {"type": "regression", "target": "n"},
        "data": {
            "key": ["id"],
            "columns": {"id": {"type": "text"}, "n": {"type": "number", "max": 50}, "kind": {"type": "category"}},
            "expectations": {"max_invalid_rows": 0.9, "max_nulls": 0.9},
        },
    }
)


def in_one(body: bytes, contract: Contract) -> dict[str, Any]:
    profiler = Profiler(contract)
    with TemporaryDirectory() as folder:
        try:
            outcome = validate_file(arrival(body), contract, NOW, Path(folder), count=profiler.add)
        except InputError as error:
            return refused(error)
        accepted = pq.read_table(outcome.accepted_path)
        return ended(outcome, profiler, accepted.to_pylist(), outcome.quarantine_path.read_text())


def in_parts(body: bytes, contract: Contract, size: int) -> dict[str, Any]:
    """What the three functions do, one after the other, with the JSON that they hand on."""
    profiler, results = Profiler(contract), []
    rows: list[Any] = []
    lines = ""
    try:
        with TemporaryDirectory() as folder:
            source = recognised(arrival(body), contract, Path(folder), UNLIMITED, KeyColumns({}, contract))
            parts = list(source.parts(size))
            text = b"".join(source.opened.chunks()) if source.opened.path is None else b""
            assert b"".join(text[part.start : part.end] for part in parts) == text
        for part in parts:
            own = Profiler(contract)
            with TemporaryDirectory() as folder:
                opener = chunks_of(text[part.start : part.end])
                try:
                    outcome = validate_part(arrival(body), part, opener, contract, NOW, Path(folder), count=own.add)
                except InputError as error:
                    results.append(refused(error))
                    continue
                rows += pq.read_table(outcome.accepted_path).to_pylist()
                lines += outcome.quarantine_path.read_text()
            results.append(json.loads(json.dumps(to_json(outcome))))
            profiler.merge(restored(json.loads(json.dumps(kept(own)))))
        whole = joined(results, contract, source.opened.chunks)
    except InputError as error:
        return refused(error)
    return ended(whole, profiler, rows, lines)


def arrival(body: bytes) -> Arrival:
    return Arrival(chunks_of(body), seekable=io.BytesIO(body))


def chunks_of(body: bytes) -> Any:
    def chunks() -> Iterator[bytes]:
        yield from (body[at : at + 700] for at in range(0, len(body), 700))

    return chunks


def ended(outcome: Any, profiler: Profiler, rows: list[Any], lines: str) -> dict[str, Any]:
    told = to_json(outcome)
    told.pop("tables")
    told["reasons"], told["refusals"] = outcome.reason_counts, outcome.refusals
    profile = profiler.profile("d")
    return told | {"accepted": rows, "refused": lines, "profile": json.loads(json.dumps(profile), parse_float=rounded)}


def rounded(digits: str) -> Any:
    return pytest.approx(float(digits), rel=1e-9, abs=1e-9)


NASTY = [
    *(
        "a,1,x",
        "b,60,y",
        "c,nan,z",
        "d,,",
        '"e ""q""",2,"x y"',
        '"f\nover\nlines",3,x',
        "short",
        "too,many,fields,here",
    ),
    *("", "  ", "id,n,kind", 'g,4,"open', 'h,5,stray" quote', '"i" ,6, "padded"', "j,7,é", "k,8,x\r", "l,\0,x"),
    *("id,n,kind,more", "1,2,3,4", "5,6,7,8", "\r", "m,9,x\rn,1,y"),
    # what an open quote takes, and where it ends
    *('o,"2,x', 'o,2,"x', 'p,3,", y"', 'q,"', 'b,c d",4'),
]
HEADERS = ["id,n,kind\n", "id;n;kind\n", "title\n\nid,n,kind\n", "\ufeffid,n,kind\r\n", "kind,n,id,extra\n"]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(HEADERS),
    st.lists(st.sampled_from(NASTY[:8] * 3 + NASTY), max_size=60),
    st.booleans(),
    st.integers(1, 300),
)
@example("id,n,kind\n", ["a,1,x"] * 9 + ["id,n,kind,more", "1,2,3,4", "5,6,7,8"] + ["b,2,y"] * 4, True, 20)
@example("id,n,kind\n", ["a,1,x"] * 9 + ["1,2,3,4", "id,n,kind,more", "1,2,3,4", "b,2,y", "1,2,3,4"], True, 8)
@example("id,n,kind\n", ['a,1,"open'] + ["b,2,y"] * 600 + ['c,"3",z'] * 9, False, 100)
@example("id,n,kind\n", ["a,1,x", 'o,"2,x', 'q,"', 'b,c d",4', 'o,"2,x', 'p,3,", y"', "a,1,x"] * 3, True, 12)
@example("id,n,kind\n", ['o,2,"x', 'q,"', 'b,c d",4', 'o,2,"x', "a,1,x", "a,1,x", 'q,"', 'b,c d",4'] * 3, True, 12)
@example("kind,n,id,extra\n", [*["id,n,kind,more"] * 2, "a,1,x", *["id,n,kind,more"] * 3], False, 1)
def test_any_csv_ends_in_parts_as_in_one_pass(header: str, rows: list[str], ended: bool, size: int) -> None:
    body = (header + "\n".join(rows) + "\n" * ended).encode()
    whole = in_one(body, CONTRACT)
    # a second table of the same width is found where the end of the first one and its header are in one part
    if "seems to be the header of a second one" not in str(whole):
        assert in_parts(body, CONTRACT, size) == whole


def test_a_second_table_of_the_same_width_within_a_part_refuses_the_file() -> None:
    body = b"id,n,kind\n" + b"a,1,x\n" * 50 + b"\nid,n,name\n" + b"b,2,y\n" * 50
    for size in (len(body), 200):
        assert "seems to be the header of a second one" in str(in_parts(body, CONTRACT, size)), size


OBJECTS = [
    *('{"id": "a", "n": 1, "kind": "x"}', '{"id": "b", "n": 99, "kind": "y"}', '{"id": "c", "n": NaN, "kind": null}'),
    *(
        '{"id": "d"}',
        "",
        "{broken",
        '{"id": "e", "n": 1, "kind": "z", "more": 2}',
        '{"kind": "q\\"", "n": 2, "id": "f"}',
    ),
]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(OBJECTS), max_size=40), st.sampled_from(["\n", "\r\n"]), st.integers(1, 300))
def test_any_json_lines_end_in_parts_as_in_one_pass(rows: list[str], end: str, size: int) -> None:
    body = end.join([OBJECTS[0], *rows]).encode()
    assert in_parts(body, CONTRACT, size) == in_one(body, CONTRACT)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0.5, 60.0, float("nan"), None]), min_size=1, max_size=80), st.integers(1, 2_000))
def test_parquet_ends_by_row_groups_as_in_one_pass(values: list[float | None], size: int) -> None:
    ids = [f"r{number}" for number in range(len(values))]
    table = pa.table({"id": ids, "n": pa.array(values, pa.float64()), "kind": ["x"] * len(values)})
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=7)
    assert in_parts(sink.getvalue(), CONTRACT, size) == in_one(sink.getvalue(), CONTRACT)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_text_in_another_encoding_is_cut_in_utf_8(encoding: str) -> None:
    body = ("id,n,kind\n" + "ä,1,é\n" * 50).encode(encoding)
    assert in_parts(body, CONTRACT, 60) == in_one(body, CONTRACT)
    assert in_one(body, CONTRACT)["rows"] == 50


def test_more_parts_than_one_are_tried() -> None:
    body = b"id,n,kind\n" + b"a,1,x\n" * 100
    with TemporaryDirectory() as folder:
        source = recognised(arrival(body), CONTRACT, Path(folder), UNLIMITED, KeyColumns({}, CONTRACT))
        assert source.opened.shift == 0
        parts = list(source.parts(60))
        assert len(parts) > 5
        assert [part.before for part in parts] == [body[: part.start].count(b"\n") for part in parts]
