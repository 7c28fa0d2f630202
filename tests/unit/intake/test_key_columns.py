"""Columns whose value stands in the folders of a file's key, as Hive and Spark write them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from sluice import keys
from sluice.contract import Contract
from sluice.errors import HeaderMismatchError, InputError
from sluice.intake.scoring import read_scoring_file
from sluice.intake.validation import validate_file
from sluice.steps.validate_dataset import validate_dataset
from testing.fakes import world
from tests.unit.intake.test_dialects import rules
from tests.unit.intake.test_validation import ARRIVED

COLUMNS = {
    "id": {"type": "text"},
    "month": {"type": "integer", "min": 1, "max": 12},
    "day": {"type": "timestamp"},
    "shop": {"type": "category"},
    "rate": {"type": "number", "decimal": ","},
}
IN_KEY = {"month": "05", "day": "2024-05-01", "shop": "a b", "rate": "1.5", "region": "eu"}


def parquet(**columns: list[Any]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def read(body: bytes, path: Path, in_key: dict[str, str | None], contract: Contract) -> tuple[Any, list[Any], str]:
    (path / "arrival").write_bytes(body)
    outcome = validate_file(path / "arrival", contract, ARRIVED, path, in_key=in_key)
    accepted = pq.read_table(outcome.accepted_path).to_pylist()
    return (
        outcome,
        [[row[name] for name in contract.data.columns] for row in accepted],
        (path / "rows.jsonl").read_text(),
    )


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("raw/shop/year=2024/month=05/part-0.parquet", {"year": "2024", "month": "05"}),
        ("raw/shop/a%20b=c%3Dd/x=__HIVE_DEFAULT_PARTITION__/day=1.csv", {"a b": "c=d", "x": None}),
        ("raw/shop/plain/=x/f=.csv", {}),
        ("raw/shop/e=/f.csv", {"e": ""}),
        ("raw/shop/corrects=0123456789abcdef/year=2024/f.csv", {}),
        ("raw/shop/f.csv", {}),
    ],
)
def test_the_folders_of_a_key(key: str, found: dict[str, str | None]) -> None:
    assert keys.columns_in(key) == found


def test_a_name_that_is_there_twice_is_refused() -> None:
    with pytest.raises(InputError, match="two folders are named 'a'"):
        keys.columns_in("raw/shop/a=1/a=2/f.csv", {"a"})
    assert keys.columns_in("raw/shop/a=1/a=2/f.csv", {"b"}) == {"a": "2"}


@pytest.mark.parametrize(
    "body",
    [
        b"id\nr1\nr2\n",
        b"month;id\n5;r1\n05;r2\n",
        b"id,month\nr1,\nr2,5.0\n",
        b'{"id": "r1"}\n{"id": "r2", "month": 5}\n',
        parquet(id=["r1", "r2"]),
        parquet(id=["r1", "r2"], month=[5, 5]),
        parquet(id=["r1", "r2"], month=[None, 5]),
    ],
)
def test_a_value_counts_for_each_row_of_every_format(body: bytes, tmp_path: Path) -> None:
    outcome, accepted, _ = read(body, tmp_path, IN_KEY, rules(COLUMNS))
    day = ARRIVED.replace(2024, 5, 1, 0, tzinfo=None)
    assert accepted == [[name, 5, day, "a b", 1.5] for name in ("r1", "r2")]
    assert outcome.notes.told()["key_columns"] == ["month", "day", "shop", "rate"]
    assert outcome.notes.told()["key_columns_ignored"] == ["region"]
    assert outcome.extra_columns == []


def test_without_a_header_the_fields_are_the_other_columns(tmp_path: Path) -> None:
    two = {"id": {"type": "text"}, "month": {"type": "integer"}, "n": {"type": "integer"}}
    _, accepted, _ = read(b"r1,7\n", tmp_path, {"month": "5"}, rules(two, header=0))
    assert accepted == [["r1", 5, 7]]


@pytest.mark.parametrize(
    "body",
    [b"id,month\nr1,5\nr2,6\n", b'{"id": "r1"}\n{"id": "r2", "month": "x"}\n', parquet(id=["r1", "r2"], month=[5, 6])],
)
def test_a_file_with_another_value_is_refused(body: bytes, tmp_path: Path) -> None:
    with pytest.raises(HeaderMismatchError, match="the key and the file differ") as refused:
        read(body, tmp_path, IN_KEY, rules(COLUMNS))
    assert "another 'month' than the folder month=…" in str(refused.value)


@pytest.mark.parametrize(("value", "why"), [("May", "is not an integer"), ("13", "is greater than 12")])
def test_a_value_that_the_contract_does_not_allow_is_refused(value: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(HeaderMismatchError, match=f"the folder month=… in the key: its value {why}"):
        read(b"id\nr1\n", tmp_path, IN_KEY | {"month": value}, rules(COLUMNS))


def test_the_missing_value_of_hive_is_missing(tmp_path: Path) -> None:
    two = {"id": {"type": "text"}, "month": {"type": "integer"}}
    assert read(b"id\nr1\n", tmp_path, {"month": None}, rules(two))[1] == [["r1", None]]
    with pytest.raises(HeaderMismatchError, match="the key and the file differ"):
        read(b"id,month\nr1,5\n", tmp_path, {"month": None}, rules(two))


def test_a_refused_row_shows_the_value_of_the_key(tmp_path: Path) -> None:
    two = {"id": {"type": "integer"}, "month": {"type": "integer"}}
    _, accepted, refused = read(b"id\n1\nx\n", tmp_path, {"month": "5"}, rules(two))
    assert accepted == [[1, 5]]
    assert json.loads(refused)["values"] == {"id": "x", "month": "5"}


def test_a_file_to_score_has_them_too(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("id,pages\na,3\n")
    columns = {
        "id": {"type": "text"},
        "pages": {"type": "integer"},
        "month": {"type": "integer"},
        "y": {"type": "category"},
    }
    problem = {"type": "binary", "target": "y", "positive": "a"}
    contract = Contract.model_validate(
        {"project": "shop", "problem": problem, "data": {"key": ["id"], "columns": columns}}
    )
    found = read_scoring_file(tmp_path / "f.csv", contract, tmp_path, in_key={"month": "05"})
    assert json.loads(found.path.read_text()) == {"pages": 3, "month": 5}


def test_an_upload_tells_what_its_key_said() -> None:
    at = world()
    contract = {
        "project": "shop",
        "problem": {"type": "clustering"},
        "data": {"columns": {"id": {"type": "text"}, "month": {"type": "integer"}}},
    }
    at.objects.write("projects/shop/project.yaml", yaml.safe_dump(contract).encode())
    key = "raw/shop/year=2024/month=05/part-0.csv"
    at.objects.write(key, b"id\na\n")
    record = at.call(validate_dataset, "data", key, at.objects.version(key), 5)
    assert (record["status"], record["notes"]["key_columns_ignored"]) == ("accepted", ["year"])
    told = next(sent for sent in at.alerts.published if sent.kind == "Dataset Accepted")
    assert "Columns that are in the key: month. In the key, but not read: year." in told.message
    key = "raw/shop/month=May/part-0.csv"
    at.objects.write(key, b"id\na\n")
    record = at.call(validate_dataset, "data", key, at.objects.version(key), 5)
    assert (record["status"], record["error"]) == ("failed", "HeaderMismatchError")
