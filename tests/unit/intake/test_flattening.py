"""Objects within objects: their members are columns where the contract says so, and are refused by name where not."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.contract import Contract
from sluice.errors import HeaderMismatchError, UnreadableFileError
from sluice.intake.json_blocks import JsonBlocks
from tests.unit.intake.test_dialects import read, rules
from tests.unit.intake.test_validation import run

COLUMNS = {"id": {"type": "text"}, "at.city": {"type": "category"}, "at.place.x": {"type": "number"}}
NESTED = [
    {"id": "a", "at": {"city": "Bern", "place": {"x": 1.5}, "other": [1]}},
    {"id": "b", "at": {"city": None, "place": None}},
    {"id": "c", "at": {}},
    {"id": "d", "at": None},
    {"id": "e", "at.city": "Rom"},
]
FLAT = [("a", "Bern", 1.5), ("b", None, None), ("c", None, None), ("d", None, None), ("e", "Rom", None)]


def flat(columns: dict[str, Any] | None = None) -> Contract:
    return rules(columns or COLUMNS, flatten=True)


def lines(records: list[Any]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def parquet(records: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), out)
    return out.getvalue()


@pytest.mark.parametrize(
    "body", [lines(NESTED), json.dumps(NESTED).encode(), b"".join(lines([one]).strip() for one in NESTED)]
)
def test_members_of_json_objects(body: bytes, tmp_path: Path) -> None:
    accepted, _, refused = read(body, tmp_path, flat())
    assert ([row[1:] for row in accepted], refused) == (FLAT, [])
    outcome = run(body, tmp_path, flat())[0]
    assert "at.other" in outcome.extra_columns


def test_columns_within_parquet_columns(tmp_path: Path) -> None:
    accepted, _, refused = read(parquet(NESTED[:4]), tmp_path, flat())
    assert ([row[1:] for row in accepted], refused) == (FLAT[:4], [])
    deep = {"at.place.x": {"type": "integer"}}
    with pytest.raises(HeaderMismatchError, match=r"'at\.place\.y' is missing"):
        run(parquet(NESTED[:1]), tmp_path, flat({**deep, "at.place.y": {"type": "integer"}}))


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    twice = {"id": "a", "at": {"city": "Bern", "place": {"x": 1}}, "at.city": "Rom"}
    _, accepted, refused = run(lines([twice, NESTED[0]]), tmp_path, flat())
    assert [row["id"] for row in accepted] == ["a"]
    assert "the object has the name 'at.city' twice" in refused[0]["reasons"][0]["message"]
    with pytest.raises(HeaderMismatchError, match=r"has 'at\.city' more than once"):
        run(parquet([twice]), tmp_path, flat())


@pytest.mark.parametrize("at", ["Bern", 3, [{"city": "Bern"}]])
def test_what_is_not_an_object_quarantines_its_row(at: Any, tmp_path: Path) -> None:
    _, accepted, refused = run(lines([NESTED[0], {"id": "f", "at": at}]), tmp_path, flat())
    assert [row["id"] for row in accepted] == ["a"]
    reason = {"column": "at.city", "rule": "json", "message": "'at' is not an object, as 'at.city' needs it to be"}
    assert refused[0]["reasons"] == [reason]


def test_lists_are_refused_by_name(tmp_path: Path) -> None:
    columns = {"id": {"type": "text"}, "at.other": {"type": "text"}}
    _, _, refused = run(lines(NESTED[:2]), tmp_path, flat(columns))
    assert refused[0]["reasons"][0]["message"] == "'at.other' holds a list where one value is expected"
    with pytest.raises(UnreadableFileError, match=r"column 'at.other' is list<.*write its parts as columns"):
        run(parquet(NESTED[:1]), tmp_path, flat(columns))


def test_without_the_rule_objects_are_refused_by_name(tmp_path: Path) -> None:
    columns = {"id": {"type": "text"}, "at": {"type": "text"}}
    _, _, refused = run(lines(NESTED[:1]), tmp_path, rules(columns))
    assert refused[0]["reasons"][0]["message"] == "'at' holds an object where one value is expected"
    with pytest.raises(UnreadableFileError, match=r"column 'at' is struct<.*with data.file.flatten in the contract"):
        run(parquet(NESTED[:1]), tmp_path, rules(columns))


_VALUES = st.none() | st.integers(-5, 5) | st.sampled_from(["x", "1.5", True, 2.5, [1], {}])
_OBJECTS = st.recursive(
    st.dictionaries(st.sampled_from(["id", "at", "city", "place", "x", "at.city"]), _VALUES, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(["at", "place", "city"]), inner | _VALUES, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_OBJECTS, min_size=1, max_size=5))
def test_blocks_and_lines_are_read_alike(tmp_path_factory: pytest.TempPathFactory, records: list[Any]) -> None:
    body, path = lines([NESTED[0], *records]), tmp_path_factory.mktemp("flat")
    found = read(body, path, flat())
    with patch.object(JsonBlocks, "_read", return_value=None):
        exact = read(body, path, flat())
    assert found[0] == exact[0]
    assert found[2] == exact[2]
    assert set(found[1].columns) & set(COLUMNS) == set(exact[1].columns) & set(COLUMNS)
