"""Cells of Parquet of which no value can be made, and types that mean the same as their text."""

from __future__ import annotations

import io
import json
import uuid
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import UnreadableFileError
from sluice.intake.arrow_cells import cells_as_text, read_cells, typed_cells
from sluice.intake.arrow_types import CODED
from sluice.intake.rules import ARROW_TYPES, judge
from tests.unit.intake.test_validation import contract, run

NOT_UTF8 = pc.cast(
    pa.array([b"a", b"\xffb", None, b"\xc3\xbc"]), options=pc.CastOptions(pa.string(), allow_invalid_utf8=True)
)


def parquet(columns: dict[str, pa.Array], **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, **options)
    return out.getvalue()


def read(tmp_path: Path, kinds: dict[str, str], columns: dict[str, pa.Array], **options: Any) -> Any:
    rules = contract({name: {"type": kind} for name, kind in kinds.items()})
    return run(parquet(columns, **options), tmp_path, rules)


@pytest.mark.parametrize("kind", ["text", "category", "integer"])
@pytest.mark.parametrize("form", ["string", "dictionary", "binary"])
def test_bytes_that_are_not_utf8_quarantine_their_row(kind: str, form: str, tmp_path: Path) -> None:
    values = {"string": NOT_UTF8, "binary": NOT_UTF8.cast(pa.binary()), "dictionary": NOT_UTF8.dictionary_encode()}[
        form
    ]
    kinds = {"v": kind, "n": "integer"}
    outcome, accepted, refused = read(tmp_path, kinds, {"v": values, "n": pa.array([1, 2, 3, 4])})
    assert next(row for row in refused if row["row"] == 2) == {
        "row": 2,
        "reasons": [
            {"column": "v", "rule": "parquet", "message": "'v' holds bytes that are not UTF-8, where text is expected"}
        ],
        "values": {"v": "\\xffb", "n": "2"},
    }
    assert outcome.reasons["parquet", "v"] == 1
    if kind != "integer":
        assert [(row["v"], row["n"]) for row in accepted] == [("a", 1), (None, 3), ("ü", 4)]


def test_binary_columns_are_read_as_text(tmp_path: Path) -> None:
    values = pa.array([b"12", None, "é".encode()], pa.large_binary())
    _, accepted, refused = read(tmp_path, {"v": "text"}, {"v": values, "spare": pa.array([1, 2, 3])})
    assert (refused, [row["v"] for row in accepted]) == ([], ["12", None, "é"])


def test_a_name_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    body = parquet({"vvvv": pa.array([1])}, store_schema=False)
    with pytest.raises(UnreadableFileError, match=r"UTF-8|damaged"):
        run(body.replace(b"vvvv", b"v\xff\xffv"), tmp_path, contract({"v": {"type": "integer"}}))


def test_a_row_with_several_bad_cells_counts_once(tmp_path: Path) -> None:
    columns = {"v": NOT_UTF8, "n": pa.array([1.0, float("inf"), float("-inf"), 4.0])}
    outcome, accepted, refused = read(tmp_path, {"v": "text", "n": "number"}, columns)
    assert (outcome.rows, outcome.quarantined, len(accepted), len(refused)) == (2, 2, 2, 2)
    assert "; 'n' holds an infinite number" in refused[0]["reasons"][0]["message"]
    assert refused[0]["values"] == {"v": "\\xffb", "n": "infinity"}
    assert refused[1]["values"] == {"v": None, "n": "infinity"}


def test_nan_is_missing_and_counted(tmp_path: Path) -> None:
    nan = float("nan")
    columns = {
        "v": pa.array([1.0, nan, None, nan]),
        "w": pa.array(np.array([1, 2, nan, 4], np.float16)),
        "c": pa.array([nan, 1.0, nan, 1.0]).dictionary_encode(),
        "n": pa.array([1.0, 2.0, 3.0, 4.0]),
    }
    kinds = {"v": "number", "w": "integer", "c": "category", "n": "number"}
    outcome, accepted, _ = read(tmp_path, kinds, columns)
    assert outcome.notes.nan == {"v": 2, "w": 1, "c": 2}
    assert [row["v"] for row in accepted] == [1.0, None, None, None]
    assert [row["c"] for row in accepted] == [None, "1", None, "1"]


@pytest.mark.parametrize("kind", ["timestamp", "text", "category"])
def test_int96_holds_the_years_beyond_nanoseconds(kind: str, tmp_path: Path) -> None:
    times = [datetime(2024, 1, 1, 20, 34, 56, 123456), None, datetime(1999, 12, 31)]
    columns = {"v": pa.array(times, pa.timestamp("us")), "spare": pa.array([1, 2, 3])}
    old = {"use_deprecated_int96_timestamps": True, "compression": "none", "use_dictionary": False}
    body = parquet(columns, **old)
    # 9999-12-31 and the year 290,000, by their Julian days
    julian = (2451544).to_bytes(4, "little")
    assert body.count(julian) == 1
    outcomes = []
    for day in (5373484, 107_000_000, 2**32 - 1):
        changed = body.replace(julian, day.to_bytes(4, "little"))
        rules = contract({"v": {"type": kind}})
        outcomes.append(run(changed, tmp_path, rules))
    _, accepted, refused = outcomes[0]
    assert refused == []
    wanted = datetime(9999, 12, 31)
    assert accepted[2]["v"] == (wanted if kind == "timestamp" else f"{wanted}.000000")
    for _, accepted, refused in outcomes[1:]:
        assert len(accepted) == 2
        assert (refused[0]["row"], refused[0]["reasons"][0]["column"]) == (3, "v")
        assert "outside the years 1 to 9999" in refused[0]["reasons"][0]["message"]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([2**62, 0, None], pa.timestamp("us")),
        pa.array([2**62, 0, None], pa.timestamp("ms", "UTC")),
        pa.array([2_932_897, 0, None], pa.int32()).cast(pa.date32()),
        pa.array([-719_163, 0, None], pa.int32()).cast(pa.date32()),
    ],
)
@pytest.mark.parametrize("kind", ["timestamp", "text"])
def test_times_outside_the_calendar_quarantine_their_row(values: pa.Array, kind: str, tmp_path: Path) -> None:
    _, accepted, refused = read(tmp_path, {"v": kind}, {"v": values, "spare": pa.array([1, 2, 3])})
    assert [row["row"] for row in refused] == [1]
    assert "outside the years" in refused[0]["reasons"][0]["message"]
    assert str(accepted[0]["v"]).startswith("1970-01-01")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_page_that_is_not_what_its_checksum_says_refuses_the_file(version: str, tmp_path: Path) -> None:
    columns = {"v": pa.array(np.arange(1000)), "spare": pa.array([1] * 1000)}
    options = {"compression": "none", "use_dictionary": False, "data_page_version": version}
    for checked in (True, False):
        body = bytearray(parquet(columns, write_page_checksum=checked, **options))
        at = body.index((777).to_bytes(8, "little"))
        body[at] ^= 1
        rules = contract({"v": {"type": "integer"}})
        if checked:
            with pytest.raises(UnreadableFileError, match="checksum"):
                run(bytes(body), tmp_path, rules)
        else:
            assert run(bytes(body), tmp_path, rules)[0].rows == 1000


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_a_limit_is_compared_with_any_integer(kind: str, tmp_path: Path) -> None:
    rules = contract({"v": {"type": kind, "min": 1.5, "max": 10**17}})
    values = pa.array([2**63 - 1, 2**62 + 1, 2**53 + 1, 1, 2, None])
    _, accepted, refused = run(parquet({"v": values, "spare": values}), tmp_path, rules)
    assert [row["row"] for row in refused] == [1, 2, 4]
    assert accepted[0]["v"] == (2**53 + 1 if kind == "integer" else 2.0**53)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Africa/Monrovia", "Asia/Kolkata", "UTC", "-03:30"])
def test_a_time_whose_offset_has_seconds_keeps_them_in_its_text(zone: str) -> None:
    seconds = [-2_422_054_409, -86_400, None, 10**8]
    times = pa.array(seconds, pa.int64()).view(pa.timestamp("s", zone))
    text = cells_as_text(read_cells(times).values)
    read, violations = judge("v", contract({"v": {"type": "timestamp"}}).data.columns["v"], text, key=False)
    assert not violations
    assert read.cast(pa.timestamp("s")).view(pa.int64()).to_pylist() == seconds


DRAWN = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
    pa.uint64(): st.integers(0, 2**64 - 1) | st.integers(0, 3),
    pa.int8(): st.integers(-128, 127),
    pa.float64(): st.floats() | st.sampled_from([-0.0, 0.0, 1e300, 5e-324, 1e18, 2.0**63, 3.0]),
    pa.float32(): st.floats(width=32),
    pa.float16(): st.floats(width=16).map(np.float16),
    pa.decimal128(20, 3): st.decimals(-(10**12), 10**12, places=3, allow_nan=False, allow_infinity=False).map(Decimal),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=3) | st.sampled_from(["NA", "1", "1.0", "true", " a "]),
    pa.timestamp("us"): st.integers(-(2**62), 2**62) | st.integers(-(10**15), 10**15),
    pa.timestamp("ms", "Europe/Berlin"): st.integers(-(2**50), 2**50),
    pa.timestamp("ns", "UTC"): st.integers(-(2**63) + 1, 2**63 - 1),
    pa.date32(): st.integers(-(10**6), 10**7),
}


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(list(DRAWN)), st.sampled_from(list(ARROW_TYPES)))
def test_a_type_means_what_its_text_means(data: st.DataObject, source: pa.DataType, kind: str) -> None:
    drawn = data.draw(st.lists(st.none() | DRAWN[source], min_size=1, max_size=8))
    repeated = drawn * (4 if pa.types.is_string(source) else 1)
    integers = pa.types.is_temporal(source)
    values = pa.array(repeated, (pa.int32() if pa.types.is_date32(source) else pa.int64()) if integers else source)
    cells = read_cells(values.view(source) if integers else values).values
    target = CODED if kind == "category" else ARROW_TYPES[kind]
    column = contract({"v": {"type": kind}}).data.columns["v"]
    by_text, violations = judge("v", column, cells_as_text(cells), key=False, native=not pa.types.is_string(source))
    typed = typed_cells(cells, target)
    if typed is None:
        return
    found, broken = judge("v", column, typed, key=False)
    plain = found.dictionary_decode() if pa.types.is_dictionary(found.type) else found
    assert plain.to_pylist() == by_text.to_pylist()
    assert [str(value) for value in plain.to_pylist()] == [str(value) for value in by_text.to_pylist()]
    assert [(one.rule, one.mask.to_pylist()) for one in broken] == [
        (one.rule, one.mask.to_pylist()) for one in violations
    ]


@pytest.mark.parametrize("stored", [True, False])
def test_a_uuid_is_its_text(stored: bool, tmp_path: Path) -> None:
    one = uuid.UUID("01234567-89ab-cdef-0123-456789abcdef")
    values = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([one.bytes, None], pa.binary(16)))
    _, accepted, refused = read(
        tmp_path, {"v": "text", "y": "integer"}, {"v": values, "y": pa.array([1, 2])}, store_schema=stored
    )
    assert ([row["v"] for row in accepted], refused) == ([str(one), None], [])


@pytest.mark.parametrize("kind", ["timestamp", "text"])
def test_times_that_are_cut_to_microseconds_are_counted(kind: str, tmp_path: Path) -> None:
    values = pa.array([1_000, 1_001, -1, None, 2_000], pa.timestamp("ns"))
    outcome, accepted, _ = read(tmp_path, {"v": kind, "y": "integer"}, {"v": values, "y": pa.array([1, 2, 3, 4, 5])})
    assert outcome.notes.told()["cut_times"] == {"v": 2}
    assert len(accepted) == 5


@pytest.mark.parametrize("form", ["csv", "json"])
def test_times_of_text_that_are_cut_are_counted_too(form: str, tmp_path: Path) -> None:
    times = ["2026-01-02T03:04:05.1234567Z", "2026-01-02 03:04:05.123456000", "2026-01-02 03:04:05.000000001", ""]
    rules = contract({"v": {"type": "timestamp"}, "y": {"type": "integer"}})
    body = "v,y\n" + "".join(f"{time},1\n" for time in times)
    if form == "json":
        body = "".join(json.dumps({"v": time, "y": 1}) + "\n" for time in times)
    outcome, accepted, refused = run(body.encode(), tmp_path, rules)
    at = datetime(2026, 1, 2, 3, 4, 5)
    assert [row["v"] for row in accepted] == [at.replace(microsecond=123456)] * 2 + [at, None]
    assert (outcome.notes.told()["cut_times"], refused) == ({"v": 2}, [])
