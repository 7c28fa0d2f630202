"""Reading a request column by column gives the matrix of the careful path, or leaves the request to it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.model.columns import ColumnReader
from sluice.model.encoder import Encoder
from sluice.model.errors import InputError
from sluice.model.schema import Schema

TYPES = {"n": "number", "i": "integer", "b": "boolean", "c": "category"}
SCHEMA = Schema(TYPES, tuple(TYPES))
ROWS = [{"n": 1.5, "i": 2.0, "b": True, "c": c} for c in ("ads", "mail") for _ in range(6)]
ENCODER = Encoder.fit(SCHEMA, {}, ROWS)
READER = ColumnReader(ENCODER)

usual = st.fixed_dictionaries(
    {},
    optional={
        "n": st.none() | st.floats(-1e6, 1e6) | st.integers(-9, 9),
        "i": st.none() | st.integers(-(2**53), 2**53) | st.sampled_from([3.0, -0.0]),
        "b": st.none() | st.booleans(),
        "c": st.sampled_from(["ads", "mail", "never seen", "", None]),
        "unknown": st.just([1]),
    },
)
odd = st.sampled_from(["7", 7, True, [1], {}, 1e39, -1e300, float("inf"), float("nan"), 2.5, 10**400, 3.0e38, ""])


@given(st.lists(usual, min_size=8, max_size=20))
def test_usual_values_are_read_as_the_careful_path_reads_them(records: list[dict[str, Any]]) -> None:
    matrix = READER.matrix(records)
    assert matrix is not None
    expected = ENCODER.encode([SCHEMA.typed_json(record) for record in records])
    assert matrix.tobytes() == expected.tobytes()


@given(st.lists(usual, min_size=8, max_size=12), st.sampled_from(list(TYPES)), odd, st.integers(0, 7))
def test_odd_values_are_read_alike_or_left_to_the_careful_path(
    records: list[dict[str, Any]], name: str, value: Any, place: int
) -> None:
    records[place] = {**records[place], name: value}
    try:
        expected = ENCODER.encode([SCHEMA.typed_json(record) for record in records])
    except InputError:
        assert READER.matrix(records) is None
        return
    matrix = READER.matrix(records)
    assert matrix is None or np.array_equal(matrix, expected, equal_nan=True)


def test_few_rows_other_columns_and_what_is_no_object_are_left_to_the_careful_path() -> None:
    assert READER.matrix([{}] * 7) is None
    assert READER.matrix([[]] * 9) is None
    timed = Schema({"t": "timestamp"}, ("t",))
    assert ColumnReader(Encoder.fit(timed, {}, [{"t": 0.0}])).matrix([{}] * 9) is None
    both = Schema({"a": "number", "b": "number"}, ("a", "b"))
    crossed = Encoder.fit(both, {"interactions": True}, [{"a": 1.0, "b": 2.0}])
    assert ColumnReader(crossed).matrix([{}] * 9) is None


def test_huge_numbers_from_json_are_no_error() -> None:
    records = [json.loads('{"n": ' + "9" * 400 + "}")] * 9
    assert READER.matrix(records) is None
    assert SCHEMA.typed_json(records[0])["n"] == pytest.approx(3.0e38)
