"""A file to score is read as raw/ is: equal values make equal requests, and each row that is left out is reported."""

from __future__ import annotations

import gzip
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.datasets.batch_answers import join_answers
from sluice.errors import AnswersError, EmptyFileError, HeaderMismatchError, UnreadableFileError
from sluice.intake.scoring import MAX_ROW_BYTES, read_scoring_file
from sluice.ports import Json
from sluice.steps.finish_batch import finish_batch
from sluice.steps.plan_batch import plan_batch
from testing.release_world import build

SESSIONS = Contract.model_validate(
    yaml.safe_load((Path(__file__).parents[3] / "testing" / "sessions.yaml").read_text())
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
        (b"", EmptyFileError, "the file is empty"),
        (HEADER.encode(), EmptyFileError, r"a header but no data row \(read as: comma, UTF-8, header at line 1\)"),
        (b"MZ\x90\x00\x03", UnreadableFileError, "binary data"),
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


@pytest.mark.parametrize("key", [["session_id"], ["started_at"]])
def test_a_time_that_is_a_feature_by_its_seasons_goes_into_the_request(key: list[str], tmp_path: Path) -> None:
    plain: Json = SESSIONS.model_dump(mode="json")
    plain["data"] |= {"time": "started_at", "key": key}
    plain["data"]["columns"]["started_at"]["nullable"] = True
    plain["features"] |= {"time": "seasonal", "drop": ["session_id"]}
    contract = Contract.model_validate(plain)
    header, *rows = PLAIN.splitlines()
    times = ["started_at", "2025-12-24T08:00:00+02:00", ""]
    body = "\n".join(f"{line},{time}" for line, time in zip([header, *rows], times, strict=True)).encode()
    told = [each["started_at"] for each in scored(body, tmp_path, contract)]
    assert told == ["2025-12-24T06:00:00Z", None]
    with pytest.raises(HeaderMismatchError, match="'started_at' is missing"):
        scored(PLAIN.encode(), tmp_path, contract)


@pytest.mark.parametrize(("dates", "cut"), [(["%d.%m.%Y"], 1), (["%d.%m.%Y", "%d.%m.%Y %H:%M"], None)])
def test_a_time_of_parquet_is_written_whole_or_counted(dates: list[str], cut: int | None, tmp_path: Path) -> None:
    """A request carries it as text in the column's format; a pattern without a clock would lose the hour."""
    plain: Json = SESSIONS.model_dump(mode="json")
    plain["data"]["columns"] = {
        "session_id": {"type": "text"},
        "started_at": {"type": "timestamp"},
        "day": {"type": "timestamp", "dates": dates},
        "purchase": {"type": "boolean"},
    }
    out = io.BytesIO()
    moments = [datetime(2025, 12, 24), datetime(2025, 12, 24, 8, 30), None]
    pq.write_table(pa.table({"day": pa.array(moments, pa.timestamp("us"))}), out)
    (tmp_path / "arrival").write_bytes(out.getvalue())
    found = read_scoring_file(tmp_path / "arrival", Contract.model_validate(plain), tmp_path)
    second = "24.12.2025" if cut else "24.12.2025 08:30"
    assert [json.loads(line)["day"] for line in found.path.open()] == ["24.12.2025", second, None]
    assert found.notes.told().get("cut_times") == (None if cut is None else {"day": cut})


def dropped(body: bytes, name: str = "a.csv") -> tuple[World, str, str, Json]:
    world, key = build(), f"batch/shop/{name}"
    world.objects.write(key, body)
    version = str(world.objects.version(key))
    return world, key, version, world.call(plan_batch, key, version, len(body), 60)


def finished(world: World, key: str, version: str, plan: Json, answers: bytes) -> Json:
    """After the transform job, which names its output after its input."""
    name = plan["input_uri"].rpartition("/")[2]
    world.objects.write(f"{plan['output_uri'].removeprefix('s3://data/')}/{name}.out", answers)
    world.call(finish_batch, "shop", key, version, "scored", plan["output_uri"], file=plan["file"])
    record = world.ledger.arrival("data", key, version)
    assert record is not None
    return dict(record)


def text(world: World, uri: str) -> str:
    return world.objects.read(uri.removeprefix("s3://data/")).decode()


def test_each_answer_stands_beside_its_row_number_and_key() -> None:
    world, key, version, plan = dropped(b"id,pages,bought\n007,3,yes\nb,many,no\n\nc,-1,no\nd,,no\ne,5,no\n")
    record = finished(world, key, version, plan, b"true,0.5\nfalse,0.25\nfalse,0.125\n")
    assert text(world, record["output_uri"]) == (
        "_row,id,prediction,probability\n2,007,true,0.5\n6,d,false,0.25\n7,e,false,0.125\n"
    )
    assert record["output_uri"] == "s3://data/predictions/shop/a.csv.answers.csv"
    assert text(world, record["raw_uri"]) == "true,0.5\nfalse,0.25\nfalse,0.125\n"
    refused = text(world, record["refused_uri"]).splitlines()
    assert refused[0] == "_row,id,_reasons"
    assert [line.split(",")[:2] for line in refused[1:]] == [["3", "b"], ["5", "c"]]
    assert "pages is not a finite number" in refused[1]
    (told,) = world.alerts.published
    assert record["output_uri"] in told.message
    assert record["refused_uri"] in told.message


def test_json_lines_keep_numbers_and_come_as_json_lines() -> None:
    lines = [{"id": "a", "pages": 1}, {"id": 12, "pages": 2}, {"pages": "x", "id": "ü"}, {"pages": 3}]
    world, key, version, plan = dropped("".join(json.dumps(line) + "\n" for line in lines).encode(), "b/c.jsonl")
    answers = b'{"prediction": true, "model": "r1"}\n' * 3
    record = finished(world, key, version, plan, answers)
    assert record["output_uri"] == "s3://data/predictions/shop/b/c.jsonl.answers.jsonl"
    assert [json.loads(line) for line in text(world, record["output_uri"]).splitlines()] == [
        {"_row": row, "id": own, "prediction": True, "model": "r1"} for row, own in ((1, "a"), (2, 12), (4, None))
    ]
    (refused,) = [json.loads(line) for line in text(world, record["refused_uri"]).splitlines()]
    assert (refused["_row"], refused["id"], refused["_reasons"][0]["rule"]) == (3, "ü", "type")


def test_a_file_without_the_key_has_row_numbers_and_says_so() -> None:
    world, key, version, plan = dropped(b"pages\n1\n2\n")
    record = finished(world, key, version, plan, b"true,0.5\ntrue,0.5\n")
    assert text(world, record["output_uri"]) == "_row,prediction,probability\n2,true,0.5\n3,true,0.5\n"
    assert "refused_uri" not in record
    (told,) = world.alerts.published
    assert "no column 'id' (data.key), so join the answers by their row numbers" in told.message


@pytest.mark.parametrize("answers", [b"true,0.5\n", b"true,0.5\n" * 3, b"true,0.5,7\n" * 2, b""])
def test_answers_that_cannot_be_told_apart_are_handed_to_nobody(answers: bytes) -> None:
    world, key, version, plan = dropped(b"id,pages\na,1\nb,2\n")
    with pytest.raises(AnswersError):
        finished(world, key, version, plan, answers)
    assert world.ledger.arrival("data", key, version) is None
    assert not world.objects.list("predictions/")
    assert world.alerts.kinds == []


def test_a_key_named_as_a_part_of_the_answer_stays_apart(tmp_path: Path) -> None:
    index, raw, out = (tmp_path / name for name in ("index", "raw", "out"))
    index.write_text('[1, "p", "r"]\n')
    raw.write_text('{"prediction": 4.5}\n')
    assert join_answers(index, raw, out, "jsonl", ["prediction", "_row"]) == 1
    assert json.loads(out.read_text()) == {"_row": 1, "key.prediction": "p", "key._row": "r", "prediction": 4.5}


def test_a_row_above_the_payload_is_refused_with_its_column_and_the_rest_goes_on(tmp_path: Path) -> None:
    large = "x" * (MAX_ROW_BYTES + 1)
    line = "12.5,4,0,1,{},20,ads,mobile,false\n"
    (tmp_path / "arrival").write_text(HEADER + line.format("size guide") + line.format(large) + line.format("sale"))
    found = read_scoring_file(tmp_path / "arrival", SESSIONS, tmp_path)
    assert (found.rows, found.scored, found.quarantined) == (3, 2, 1)
    assert found.reason_counts == [{"rule": "max_payload", "column": "search_terms", "rows": 1}]
    assert [json.loads(row)[0] for row in found.index_path.open()] == [2, 4]
    refused = json.loads(found.refused_path.read_text())
    assert refused["row"] == 3
    assert "larger than the 6,291,456 bytes" in refused["reasons"][0]["message"]
    assert max(len(row) for row in found.path.open("rb")) <= MAX_ROW_BYTES


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
    finished(world, key, version, plan, b"true,0.5\nfalse,0.25\n")
    (told,) = world.alerts.published
    assert "5 rows, 2 scored, 3 refused" in told.message
    assert "1 × type in 'pages'" in told.message
    assert plan["file"]["refused_uri"] in told.message
    assert f"Report: {plan['file']['report_uri']}." in told.message
    page = world.objects.read(plan["file"]["report_uri"].removeprefix("s3://data/")).decode()
    assert "Refused rows of" in page
    assert "sluice batch shop FILE" in page
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
    why = "the file has a header but no data row (read as: comma, UTF-8, header at line 1)"
    assert (told.kind, told.message) == ("Batch Failed", f"batch/shop/a.csv: {why}")


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
    plan = world.call(plan_batch, key, str(world.objects.version(key)))
    assert world.objects.read(plan["input_uri"].removeprefix("s3://data/")) == b'{"pages":null}\n'


def test_a_run_without_its_contract_refuses_the_file() -> None:
    world, key = build(), "batch/shop/a.csv"
    world.objects.write(key, b"pages\n1\n")
    world.objects.remove(keys.run("shop", "r1", "run.json"))
    assert world.call(plan_batch, key, str(world.objects.version(key)))["decision"] == "refused"
    assert world.alerts.kinds == ["Batch Failed"]


def test_the_record_says_how_the_file_was_read_and_what_was_left_out() -> None:
    world, key, version, plan = dropped(b"For the campaign\nid;pages;bought\na;3;yes\nid;pages;bought\nb;1;no\n")
    record = finished(world, key, version, plan, b"true,0.5\nfalse,0.25\n")
    assert text(world, record["output_uri"]).splitlines()[1:] == ["3,a,true,0.5", "5,b,false,0.25"]
    assert record["file"]["notes"]["read_as"] == "semicolon, UTF-8, header at line 2, 1 preamble line"
    assert record["file"]["notes"]["repeated_headers"] == 1


def test_a_key_that_the_header_has_twice_is_refused() -> None:
    world, *_, answer = dropped(b"id,pages,id\na,3,b\n")
    assert (answer["decision"], world.executions.started) == ("refused", {})
    assert "'id' more than once" in world.alerts.published[0].message


def test_files_are_laid_out_as_the_contract_of_today_says(tmp_path: Path) -> None:
    """A model that learned before files had another encoding scores them all the same."""
    data = {"columns": {"name": {"type": "category"}, "n": {"type": "integer"}}}
    old = Contract.model_validate({"project": "shop", "problem": {"type": "clustering"}, "data": data})
    new = Contract.model_validate(
        {"project": "shop", "problem": {"type": "clustering"}, "data": data | {"file": {"encoding": "cp1252"}}}
    )
    source = tmp_path / "a.csv"
    source.write_bytes("name,n\né,1\n".encode("cp1252"))
    found = read_scoring_file(source, old, tmp_path, today=new)
    assert (found.scored, json.loads(found.path.read_text())) == (1, {"name": "é", "n": 1})
