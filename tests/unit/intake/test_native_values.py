"""Values that are no text at their source: digits are kept, and a type without plain values is refused by name."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.contract import Contract
from sluice.errors import UnreadableFileError
from tests.unit.intake.test_validation import contract, run


def parquet(tmp_path: Path, columns: dict[str, pa.Array], rules: Contract) -> tuple[list[dict], list[dict]]:
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    _, accepted, refused = run((tmp_path / "x.parquet").read_bytes(), tmp_path, rules)
    return accepted, refused


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([40000000002.0, 1e17, 1e-7, 3.0, 0.5, -0.0]),
         ["40000000002", "1" + 17 * "0", "0.0000001", "3", "0.5", "0"]),
        (pa.array([0.1, 4e10], pa.float32()), ["0.1", "40000000000"]),
        (pa.array(np.array([1.5, 3.0], np.float16)), ["1.5", "3"]),
        (pa.array([Decimal("40000000002.00"), Decimal("0.10")]), ["40000000002", "0.1"]),
        (pa.array([40000000002, -3]), ["40000000002", "-3"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([4e10, None, 3.0]).dictionary_encode(), ["40000000000", None, "3"]),
        (pa.array([date(2026, 1, 31)]), ["2026-01-31"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["text", "category"])
def test_a_number_keeps_its_digits(values: pa.Array, texts: list[str], kind: str, tmp_path: Path) -> None:
    accepted, refused = parquet(tmp_path, {"v": values, "spare": values}, contract({"v": {"type": kind}}))
    assert refused == []
    assert [row["v"] for row in accepted] == texts


def test_a_phone_number_in_a_double_is_an_integer(tmp_path: Path) -> None:
    values = pa.array([49301234568.0, None, float("nan"), 0.5, 2.0**63])
    accepted, refused = parquet(tmp_path, {"v": values, "spare": values}, contract({"v": {"type": "integer"}}))
    assert [row["v"] for row in accepted] == [49301234568, None, None]
    assert [row["row"] for row in refused] == [4, 5]


def test_the_same_account_in_parquet_json_and_csv_is_the_same_key(tmp_path: Path) -> None:
    rules = contract({"account": {"type": "text"}, "n": {"type": "number"}, "y": {"type": "boolean"}}, ["account"])
    columns = {"account": pa.array([40000000002.0]), "n": pa.array([1]), "y": pa.array([True])}
    accepted, _ = parquet(tmp_path, columns, rules)
    for body in (b"account,n,y\n40000000002,1,true\n", b'{"account": 4.0000000002e10, "n": 1, "y": true}\n'):
        _, others, _ = run(body, tmp_path, rules)
        assert others[0]["account"] == accepted[0]["account"] == "40000000002"


@pytest.mark.parametrize(
    ("values", "metadata", "told"),
    [
        (pa.array([672]), {"ARROW:extension:name": "pandas.period"}, r"'v' is of the type pandas.period; .*2026-01"),
        (pa.array([{"left": 1}]), {"ARROW:extension:name": "pandas.interval"}, "'v' is of the type pandas.interval"),
        (pa.array([b"x"], pa.binary(1)), {}, "'v' is fixed_size_binary"),
        (pa.array([[1]]), {}, "'v' is list"),
        (pa.array([{"a": 1}]), {}, "'v' is struct"),
        (pa.array([5], pa.duration("s")), {}, "'v' is duration"),
    ],
)
def test_a_type_without_plain_values_is_named(
    values: pa.Array, metadata: dict[str, str], told: str, tmp_path: Path
) -> None:
    schema = pa.schema([pa.field("v", values.type, metadata=metadata or None), ("spare", pa.string())])
    pq.write_table(pa.table([values, pa.array(["x"])], schema=schema), tmp_path / "x.parquet")
    with pytest.raises(UnreadableFileError, match=told):
        run((tmp_path / "x.parquet").read_bytes(), tmp_path, contract({"v": {"type": "text"}}))
    # a column that the contract does not have may be of any type
    accepted, _ = parquet(
        tmp_path, {"v": values, "w": pa.array([1]), "spare": pa.array(["x"])}, contract({"w": {"type": "integer"}})
    )
    assert len(accepted) == 1


@pytest.mark.parametrize("kind", ["number", "integer", "category", "text", "boolean", "timestamp"])
def test_infinity_is_refused_in_every_column(kind: str, tmp_path: Path) -> None:
    rules = contract({"v": {"type": kind}})
    values = pa.array([float("inf"), None, float("-inf")])
    accepted, refused = parquet(tmp_path, {"v": values, "spare": values}, rules)
    assert [row["row"] for row in refused] == [1, 3]
    assert [row["_row"] for row in accepted] == [2]
    lines = [f'{{"v": {text}, "spare": "x"}}' for text in ("Infinity", "1e400", "9" * 400, "NaN", "null")]
    _, accepted, refused = run("\n".join(lines).encode(), tmp_path, rules)
    assert [row["row"] for row in refused] == [1, 2, 3]
    assert [row["v"] for row in accepted] == [None, None]


FORM = {"missing": ["NA", "-999"], "decimal": ",", "thousands": ".", "currency": ["€"]}


def test_a_reading_format_is_of_text_only(tmp_path: Path) -> None:
    rules = contract({"v": {"type": "number", **FORM}, "t": {"type": "timestamp", "dates": ["%d.%m.%Y"]}})
    lines: list[Any] = [
        {"v": "1.234,5 €", "t": "31.01.2026"},
        {"v": 12.5, "t": None},
        {"v": "NA", "t": ""},
        {"v": -999, "t": None},
        {"v": "12.5", "t": None},
        {"v": 1, "t": "2026-01-31"},
    ]
    _, accepted, refused = run("\n".join(map(json.dumps, lines)).encode(), tmp_path, rules)
    assert [row["v"] for row in accepted] == [1234.5, 12.5, None, None]
    assert accepted[0]["t"] == datetime(2026, 1, 31)
    assert [(row["row"], row["reasons"][0]["column"]) for row in refused] == [(5, "v"), (6, "t")]
    assert "format that the contract gives" in refused[0]["reasons"][0]["message"]
    columns = {"v": pa.array([12.5, -999.0]), "t": pa.array([datetime(2026, 1, 31)] * 2)}
    accepted, refused = parquet(tmp_path, columns, rules)
    assert refused == []
    assert [row["v"] for row in accepted] == [12.5, None]
