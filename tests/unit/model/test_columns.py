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
from sluice.model.values import Reading

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


def test_numbers_beyond_a_double_are_refused_on_both_paths() -> None:
    records = [json.loads('{"n": ' + "9" * 400 + "}")] * 9
    assert READER.matrix(records) is None
    with pytest.raises(InputError, match="beyond the range of a double"):
        SCHEMA.typed_json(records[0])


@pytest.mark.parametrize("text", [" ads", "ads\t", "", "  ", "NA", "TRUE", "3.0", "3", "new"])
def test_a_category_in_another_spelling_is_the_same_category(text: str) -> None:
    rows = [{"c": c} for c in ("ads", "true", "3") for _ in range(6)]
    encoder = Encoder.fit(Schema({"c": "category"}, ("c",), {"c": Reading(missing=("NA",))}), {}, rows)
    matrix = ColumnReader(encoder).matrix([{"c": text}] * 9)
    assert matrix is not None
    assert matrix.tobytes() == encoder.encode([encoder.schema.typed_json({"c": text})] * 9).tobytes()


def test_a_number_that_is_missing_takes_the_careful_path() -> None:
    encoder = Encoder.fit(Schema({"n": "number"}, ("n",), {"n": Reading(missing=("-999",))}), {}, [{"n": 1.0}])
    assert ColumnReader(encoder).matrix([{"n": -999}] * 9) is None
    assert encoder.schema.typed_json({"n": -999}) == {"n": None}
