"""A file to score is read as raw/ is: equal values make equal requests, and each row that is left out is reported."""

from __future__ import annotations

import gzip
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
from sluice.errors import EmptyFileError, HeaderMismatchError, UnreadableFileError
from sluice.intake.scoring import read_scoring_file
from sluice.ports import Json, World
from sluice.steps.finish_batch import finish_batch
from sluice.steps.plan_batch import plan_batch
from tests.unit.steps.release_world import build

SESSIONS = Contract.model_validate(
    yaml.safe_load((Path(__file__).parents[2] / "e2e" / "projects" / "sessions.yaml").read_text())
)
HEADER = (
    "browsing_minutes,pages_viewed,cart_additions,searches,search_terms,discount_percent,channel,device,"
    "returning_visitor\n"
)
PLAIN = HEADER + "12.5,4,0,1,size guide,20,ads,mobile,false\n3.1,2,1,0,sale,,email,desktop,true\n"
ROWS: list[Json] = [
    {"browsing_minutes": 12.5, "pages_viewed": 4, "cart_additions": 0, "searches": 1, "search_terms": "size guide"}
    | {"discount_percent": 20.0, "channel": "ads", "device": "mobile", "returning_visitor": False},
    {"browsing_minutes": 3.1, "pages_viewed": 2, "cart_additions": 1, "searches": 0, "search_terms": "sale"}
    | {"discount_percent": None, "channel": "email", "device": "desktop", "returning_visitor": True},
]
SPELLINGS: dict[str, bytes] = {
    "plain": PLAIN.encode(),
    "semicolons": PLAIN.replace(",", ";").encode(),
    "UTF-16": PLAIN.encode("utf-16"),
    "Excel's UTF-8": PLAIN.encode("utf-8-sig"),
    "gzip": gzip.compress(PLAIN.encode()),
    "line ends of Windows": PLAIN.replace("\n", "\r\n").encode(),
    "blanks around categories and numbers": PLAIN.replace(",ads,mobile,", ", ads , mobile , ")
    .replace("sale,,", "sale, ,")
    .replace("12.5,4", " 12.5 , 4")
    .encode(),
    "JSON lines": "".join(json.dumps(row) + "\n" for row in ROWS).encode(),
}


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), out)
    return out.getvalue()


def scored(body: bytes, folder: Path, contract: Contract = SESSIONS) -> list[Json]:
    (folder / "arrival").write_bytes(body)
    return [json.loads(line) for line in read_scoring_file(folder / "arrival", contract, folder).path.open()]


@pytest.mark.parametrize("body", [*SPELLINGS.values(), parquet()], ids=[*SPELLINGS, "Parquet"])
def test_equal_values_make_equal_requests(body: bytes, tmp_path: Path) -> None:
    assert scored(body, tmp_path) == ROWS


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (b"", EmptyFileError, "no bytes"),
        (HEADER.encode(), EmptyFileError, "the file has no data row"),
        (b"MZ\x90\x00\x03", UnreadableFileError, "byte"),
        (b"pages_viewed\n1\n", HeaderMismatchError, "'browsing_minutes' is missing"),
    ],
)
def test_what_is_no_table_says_why(body: bytes, error: type[Exception], message: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=message):
        scored(body, tmp_path)


def test_a_time_is_written_as_a_request_would_carry_it(tmp_path: Path) -> None:
    plain: Json = SESSIONS.model_dump(mode="json")
    plain["data"]["columns"] = {
        "session_id": {"type": "text"},
        "started_at": {"type": "timestamp"},
        "day": {"type": "timestamp", "dates": ["%d.%m.%Y"]},
        "seen": {"type": "timestamp"},
        "purchase": {"type": "boolean"},
    }
    contract = Contract.model_validate(plain)
    body = b"day;seen\n24.12.2025;2025-12-24T08:00:00+02:00\n"
    assert scored(body, tmp_path, contract) == [{"day": "24.12.2025", "seen": "2025-12-24T06:00:00Z"}]


def dropped(body: bytes, name: str = "a.csv") -> tuple[World, str, str, Json]:
    world, key = build(), f"batch/shop/{name}"
    world.objects.write(key, body)
    version = str(world.objects.version(key))
    return world, key, version, plan_batch(world, key, version, len(body), 60)


def test_refused_rows_are_counted_named_and_kept() -> None:
    world, key, version, plan = dropped(b"id,pages,bought\n1,3,yes\n2,many,no\n3,-1,no\n4,,no\n5,2\n")
    source = plan["input_uri"].removeprefix("s3://data/")
    assert world.objects.read(source) == b'{"pages":3.0}\n{"pages":null}\n'
    kept = world.objects.read(plan["file"]["refused_uri"].removeprefix("s3://data/")).decode().splitlines()
    refused: list[Any] = [json.loads(line) for line in kept]
    assert [row["row"] for row in refused] == [3, 4, 6]
    assert refused[0]["reasons"][0]["message"] == "is not a finite number with a decimal point"
    assert refused[0]["values"]["id"] == "2"
    assert world.alerts.kinds == []
    finish_batch(world, "shop", key, version, "scored", plan["output_uri"], file=plan["file"])
    (told,) = world.alerts.published
    assert "5 rows, 2 scored, 3 refused" in told.message
    assert "1 × type in 'pages'" in told.message
    assert plan["file"]["refused_uri"] in told.message
    assert "The target 'bought' in it was ignored in 5 rows" in told.message
    record = world.ledger.arrival("data", key, version)
    assert record is not None
    assert (record["file"]["rows"], record["file"]["quarantined_rows"]) == (5, 3)


def test_a_file_of_refused_rows_alone_fails_with_its_reasons() -> None:
    world, key, version, answer = dropped(b"pages\nmany\nmore\n")
    assert answer["decision"] == "refused"
    assert not world.executions.started
    (told,) = world.alerts.published
    assert told.kind == "Batch Failed"
    assert "no row can be scored. 2 rows, 0 scored, 2 refused. 2 × type in 'pages'" in told.message
    assert any(found.key.endswith("/rows.jsonl") for found in world.objects.list("quarantine/shop/"))
    record = world.ledger.arrival("data", key, version)
    assert record is not None
    assert record["file"]["quarantined_rows"] == 2


def test_a_file_without_a_data_row_is_not_scored() -> None:
    world, *_, answer = dropped(b"pages\n")
    assert (answer["decision"], world.executions.started) == ("refused", {})
    (told,) = world.alerts.published
    assert (told.kind, told.message) == ("Batch Failed", "batch/shop/a.csv: the file has no data row")


@pytest.mark.parametrize(("name", "accept"), [("a.csv", "text/csv"), ("rows", "application/jsonlines")])
def test_the_answers_have_the_form_of_the_file(name: str, accept: str) -> None:
    *_, plan = dropped(b"pages\n1\n" if accept == "text/csv" else b'{"pages": 1}\n', name)
    assert plan["accept"] == accept


def test_the_contract_of_the_serving_run_reads_the_file() -> None:
    world, key = build(), "batch/shop/a.csv"
    record = json.loads(world.objects.read(keys.run("shop", "r1", "run.json")))
    record["contract"]["data"]["columns"]["pages"]["missing"] = ["n/a"]
    world.objects.write(keys.run("shop", "r1", "run.json"), json.dumps(record).encode())
    world.objects.write(key, b"pages\nn/a\n")
    plan = plan_batch(world, key, str(world.objects.version(key)))
    assert world.objects.read(plan["input_uri"].removeprefix("s3://data/")) == b'{"pages":null}\n'


def test_a_run_without_its_contract_refuses_the_file() -> None:
    world, key = build(), "batch/shop/a.csv"
    world.objects.write(key, b"pages\n1\n")
    world.objects.remove(keys.run("shop", "r1", "run.json"))
    assert plan_batch(world, key, str(world.objects.version(key)))["decision"] == "refused"
    assert world.alerts.kinds == ["Batch Failed"]
