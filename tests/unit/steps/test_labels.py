"""Files in labels/: read as raw/ is read, and each ends in a record and an alert."""

from __future__ import annotations

import gzip
import io
import json
import math
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.datasets.late_labels import late_labels
from sluice.names import digest
from sluice.steps.validate_dataset import validate_dataset
from tests.unit.steps.intake_world import shop
from tests.unit.steps.label_files import send_labels


def project(kind: str = "binary", column: dict[str, Any] | None = None, **problem: Any) -> World:
    target = column or {"type": "boolean"}
    positive = {"positive": True} if kind == "binary" and not problem else problem
    return shop(
        {
            "project": "shop",
            "problem": {"type": kind, "target": "purchase", **positive},
            "data": {
                "key": ["session_id"],
                "columns": {"session_id": {"type": "text"}, "pages": {"type": "integer"}, "purchase": target},
            },
        }
    )


def labels(world: World) -> dict[tuple[str, ...], Any]:
    found = world.ledger.contract("shop")
    assert found is not None
    return world.call(late_labels, Contract.model_validate(found[0])).labels


def parquet(columns: dict[str, list[Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


ROWS = "session_id,purchase\ns1,true\ns2,false\n"
BOTH = {("s1",): True, ("s2",): False}


@pytest.mark.parametrize(
    "body",
    [
        ROWS.encode(),
        ROWS.replace(",", ";").encode(),
        ROWS.replace(",", "\t").encode(),
        ROWS.encode("utf-16"),
        ROWS.encode("utf-8-sig"),
        gzip.compress(ROWS.encode(), mtime=0),
        ROWS.replace("\n", "\r\n").encode(),
        b'{"session_id":"s1","purchase":true}\n{"session_id":"s2","purchase":false}\n',
        gzip.compress(b'{"session_id":"s1","purchase":1}\n{"session_id":"s2","purchase":0}\n', mtime=0),
        parquet({"session_id": ["s1", "s2"], "purchase": [True, False]}),
        parquet({"session_id": ["s1", "s2"], "other": [1, 2], "purchase": [1.0, 0.0]}),
        b" session_id , purchase \ns1, TRUE \ns2, False\n",
        b'[{"session_id":"s1","purchase":true},\n {"session_id":"s2","purchase":false}]',
        b'{"session_id":"s1","purchase":true}{"session_id":"s2","purchase":false}',
    ],
    ids=[
        *("csv", "semicolon", "tab", "utf-16", "bom", "gzip", "crlf", "jsonl", "gzipped jsonl", "parquet"),
        *("parquet of numbers", "blanks", "array", "concatenated"),
    ],
)
def test_every_form_that_raw_takes(body: bytes) -> None:
    world = project()
    record = send_labels(world, "day1", body)
    assert (record["status"], record["labels"], record["rows"]) == ("accepted", 2, 2), record
    assert labels(world) == BOTH
    assert world.alerts.kinds[-1] == "Labels Accepted"


@pytest.mark.parametrize(
    ("yes", "no"),
    [("Y", "N"), ("y", "n"), ("t", "f"), ("T", "F"), ("yes", "no"), ("1", "0"), ("1.0", "0.0"), ("TRUE", "FALSE")],
)
def test_every_spelling_of_a_boolean(yes: str, no: str) -> None:
    world = project()
    record = send_labels(world, "a.csv", f"session_id,purchase\ns1,{yes}\ns2,{no}\n")
    assert record["labels"] == 2, record
    assert labels(world) == BOTH


@pytest.mark.parametrize("blank", ["NA", "nan", "NaN", "?", "", " ", "null", "None", "-"])
@pytest.mark.parametrize(
    ("kind", "column", "good"),
    [
        ("binary", {"type": "boolean"}, "false"),
        ("regression", {"type": "number"}, "12.5"),
        ("multiclass", {"type": "category", "values": ["red", "blue"]}, "red"),
        ("binary", {"type": "category", "values": ["red", "blue"]}, "red"),
    ],
)
def test_what_is_not_known_is_counted_and_never_a_no(blank: str, kind: str, column: dict[str, Any], good: str) -> None:
    world = project(kind, column, **({"positive": "red"} if "values" in column and kind == "binary" else {}))
    record = send_labels(world, "a.csv", f"session_id,purchase\ns1,{good}\ns2,{blank}\n")
    assert (record["status"], record["labels"], record["without_label"]) == ("accepted", 1, 1)
    assert list(labels(world)) == [("s1",)]
    assert "1 rows without a label" in world.alerts.published[-1].message


def test_a_class_that_is_called_na_is_a_label() -> None:
    world = project("multiclass", {"type": "category", "values": ["NA", "EU"]})
    assert send_labels(world, "a.csv", "session_id,purchase\ns1,NA\ns2,EU\n")["labels"] == 2


@pytest.mark.parametrize("word", ["none", "unknown", "NA"])
def test_a_word_such_as_none_is_a_class_in_labels_as_it_is_in_raw_and_is_counted(word: str) -> None:
    world = project("multiclass", {"type": "category"})
    record = send_labels(world, "a.csv", f"session_id,purchase\ns1,{word}\ns2,red\ns3,\n")
    assert (record["labels"], record["without_label"]) == (2, 1)
    assert record["notes"]["like_missing"] == {"purchase": 1}
    assert labels(world) == {("s1",): word, ("s2",): "red"}
    assert "Labels such as NA and none count as classes" in world.alerts.published[-1].message
    # what the contract names as missing is missing in both
    world = project("multiclass", {"type": "category", "missing": [word]})
    record = send_labels(world, "a.csv", f"session_id,purchase\ns1,{word}\ns2,red\n")
    assert (record["labels"], record["without_label"], "like_missing" in record["notes"]) == (1, 1, False)


@pytest.mark.parametrize("word", ["none", "unknown", "NA"])
def test_a_word_such_as_none_is_not_the_no_of_a_binary_target(word: str) -> None:
    world = project("binary", {"type": "category"}, positive="yes")
    record = send_labels(world, "a.csv", f"session_id,purchase\ns1,yes\ns2,{word}\n")
    assert record["status"] == "quarantined"
    assert "may mean that it is not known" in record["message"]
    assert labels(world) == {}


def test_a_third_class_in_another_file_is_not_a_no() -> None:
    """Each file alone has two classes."""
    world = project("binary", {"type": "category"}, positive="yes")
    for at, (name, other) in enumerate([("b.csv", "no"), ("a.csv", "maybe"), ("c.csv", "no")]):
        send_labels(world, name, f"session_id,purchase\ny{at},yes\nn{at},{other}\n")
        world.clock.advance(60)
    found = world.ledger.contract("shop")
    assert found is not None
    read = world.call(late_labels, Contract.model_validate(found[0]))
    assert read.labels == {("y0",): "yes", ("n0",): "no", ("y2",): "yes", ("n2",): "no"}
    assert list(read.left_out) == list(read.problems) == ["labels/shop/a.csv"]
    assert "another label than problem.positive and that of labels/shop/b.csv" in read.left_out["labels/shop/a.csv"]


@pytest.mark.parametrize(
    ("kind", "column", "wrong"),
    [
        ("binary", {"type": "boolean"}, "maybe"),
        ("binary", {"type": "boolean"}, "2"),
        ("regression", {"type": "number"}, "inf"),
        ("regression", {"type": "number", "max": 10}, "11"),
        ("multiclass", {"type": "category", "values": ["red", "blue"]}, "green"),
        ("multiclass", {"type": "integer"}, "1.5"),
    ],
)
def test_what_is_no_label_of_the_target_is_refused_with_its_line(kind: str, column: dict[str, Any], wrong: str) -> None:
    world = project(kind, column)
    good = {"binary": "no", "regression": "3", "multiclass": "red" if column["type"] == "category" else "3"}[kind]
    record = send_labels(world, "a.csv", f"session_id,purchase\ns1,{good}\ns2,{wrong}\n")
    assert (record["status"], record["labels"], record["quarantined_rows"]) == ("accepted", 1, 1)
    assert list(labels(world)) == [("s1",)]
    assert world.alerts.kinds[-2:] == ["Labels Accepted", "Labels Refused"]
    assert "labels/shop/a.csv" in world.alerts.published[-1].message
    row = json.loads(world.objects.read(keys.quarantined_rows("shop", record["dataset_id"])))
    assert (row["row"], row["reasons"][0]["column"]) == (3, "purchase")


def test_rows_without_an_identity_and_rows_that_contradict() -> None:
    world = project()
    record = send_labels(world, "a.csv", "session_id,purchase\ns1,yes\ns1,yes\ns2,yes\ns2,no\n,yes\n")
    assert (record["labels"], record["duplicates"], record["conflicts"]) == (2, 1, 1)
    assert record["reasons"] == [{"rule": "key", "column": "session_id", "rows": 1}]
    assert labels(world) == BOTH


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the file is empty"),
        (b"session_id,purchase\n", "no data row"),
        (b"s1,true\ns2,false\n", "Is the header missing?"),
        (b"SESSION_ID,PURCHASE\nS1,TRUE\n", "upper and lower case count"),
        (b"session_id,bought\ns1,true\n", "'purchase' is missing"),
        (b"purchase\ntrue\n", "'session_id' is missing"),
        (b"session_id,purchase\ns1,NA\n", "none of the 1 rows has a label"),
        (b"session_id,purchase\ns1,yes\ns2,x\ns3,x\n", "more rows are refused"),
        (b"PK\x03\x04abc", "the ZIP file is damaged or cut off"),
        (b"\n <!DOCTYPE html>\n<html><body>Sign in</body></html>", "a web page (HTML)"),
        (b'<?xml version="1.0"?><rows/>', "an XML file"),
        (b'[{"session_id": "s1", "purchase": true}', "the JSON array has no end"),
        (b'[\n  "session_id", "purchase"\n]', "value 1: one JSON object is expected"),
        (b'{"session_id": "s1", "purchase": 1, "purchase": 0}', "line 1: the object has the name 'purchase' twice"),
        (gzip.compress(ROWS.encode(), mtime=0)[:-12], "damaged or cut off"),
        ("session_id,purchase\né,true\n".encode("latin-1"), "not UTF-8"),
        (b"[1]\n[2]\n", ""),
        (b'{"session_id": \n', "the file has no JSON object"),
    ],
)
def test_a_refused_file_says_why(body: bytes, reason: str) -> None:
    world = project()
    record = send_labels(world, "a.csv", body)
    assert record["status"] in ("failed", "quarantined")
    assert reason in record["message"]
    alert = world.alerts.published[-1]
    assert (alert.kind, alert.project) == ("Labels Refused", "shop")
    assert "labels/shop/a.csv" in alert.message
    assert reason in alert.message
    assert labels(world) == {}


@pytest.mark.parametrize(
    ("column", "positive", "values", "reason"),
    [
        ({"type": "category"}, "yes", ["yes", "no", "No"], "2 different labels are not problem.positive"),
        ({"type": "category"}, "yes", ["yes", "Yes"], "differs from problem.positive in upper and lower case alone"),
        ({"type": "integer"}, 1, ["1", "0", "2"], "2 different labels are not problem.positive"),
        ({"type": "category"}, "yes", ["yes", "no", "yes "], None),
        ({"type": "integer"}, 1, ["1", "0", "1.0"], None),
        ({"type": "category", "values": ["yes", "no"]}, "yes", ["yes", "no", "no", "No"], None),
    ],
)
def test_no_label_of_a_third_spelling_counts_as_a_no(
    column: dict[str, Any], positive: Any, values: list[str], reason: str | None
) -> None:
    world = project(column=column, positive=positive)
    body = "session_id,purchase\n" + "".join(f"s{number},{value}\n" for number, value in enumerate(values))
    record = send_labels(world, "a.csv", body)
    assert record["status"] == ("accepted" if reason is None else "quarantined")
    assert (reason or "") in record.get("message", "")
    assert (labels(world) == {}) is (reason is not None)


def test_an_open_quote_costs_its_own_line() -> None:
    world = project()
    rows = "".join(f"z{i},false\n" for i in range(2000))
    record = send_labels(world, "a.csv", 'session_id,purchase\ns1,true\n"s2,true\n' + rows)
    assert (record["labels"], record["quarantined_rows"]) == (2001, 1)
    assert labels(world)["s1",] is True


def test_a_project_without_a_key_needs_inference_ids() -> None:
    contract = {
        "project": "shop",
        "problem": {"type": "regression", "target": "price"},
        "data": {"columns": {"size": {"type": "number"}, "price": {"type": "number"}}},
    }
    world = shop(contract)
    assert "no data.key" in send_labels(world, "a.csv", "size,price\n1,2\n")["message"]
    assert send_labels(world, "b.csv", "inference_id,price\ni1,2\n")["labels"] == 1
    assert labels(world) == {("i1",): 2.0}


@pytest.mark.parametrize("key", ["labels/nobody/a.csv", "labels/a.csv"])
def test_a_file_of_no_project_is_refused(key: str) -> None:
    world = project()
    world.objects.write(key, ROWS.encode())
    record = world.call(validate_dataset, "data", key, world.objects.version(key), 10)
    assert record["status"] == "failed"
    assert world.alerts.kinds[-1] == "Labels Refused"


def test_a_second_delivery_changes_nothing() -> None:
    world = project()
    first = send_labels(world, "a.csv", ROWS)
    told = len(world.alerts.published)
    again = world.call(validate_dataset, "data", "labels/shop/a.csv", world.objects.version("labels/shop/a.csv"), 10)
    assert again == {**first, **again}
    assert len(world.alerts.published) == told


def test_the_newest_version_of_a_file_counts_and_a_deleted_file_does_not() -> None:
    world = project()
    send_labels(world, "a.csv", ROWS)
    send_labels(world, "a.csv", "session_id,purchase\ns1,no\n")
    assert labels(world) == {("s1",): False}
    # refused: the version before it counts no longer, and the monitor can say why
    send_labels(world, "a.csv", "s1,true\n")
    assert labels(world) == {}
    found = world.ledger.contract("shop")
    assert found is not None
    left_out = world.call(late_labels, Contract.model_validate(found[0])).left_out
    assert "Is the header missing?" in left_out["labels/shop/a.csv"]
    send_labels(world, "b.csv", ROWS)
    world.objects.remove("labels/shop/b.csv")
    assert labels(world) == {}


def test_an_event_that_comes_late_does_not_bring_the_older_version_back() -> None:
    world = project()
    world.objects.write("labels/shop/a.csv", ROWS.encode())
    older = world.objects.version("labels/shop/a.csv")
    send_labels(world, "a.csv", "session_id,purchase\ns1,no\n")
    world.call(validate_dataset, "data", "labels/shop/a.csv", older, 10)
    assert labels(world) == {("s1",): False}


def test_labels_of_several_files() -> None:
    world = project()
    send_labels(world, "b.csv", ROWS)
    world.clock.advance(60)
    send_labels(world, "a.csv", "session_id,purchase\ns1,no\n")
    assert labels(world) == {("s1",): False, ("s2",): False}
    # one that cannot be read stops no other
    world.objects.write(keys.accepted_labels("shop", digest("labels/shop/b.csv")), b"\xff{")
    found = world.ledger.contract("shop")
    assert found is not None
    read = world.call(late_labels, Contract.model_validate(found[0]))
    assert read.labels == {("s1",): False}
    assert list(read.left_out) == ["labels/shop/b.csv"]
    assert len(read.problems) == 1


def test_numbers_as_identities_meet_their_requests() -> None:
    contract = {
        "project": "shop",
        "problem": {"type": "regression", "target": "price"},
        "data": {
            "key": ["n"],
            "columns": {"n": {"type": "integer"}, "size": {"type": "number"}, "price": {"type": "number"}},
        },
    }
    world = shop(contract)
    send_labels(world, "a.csv", "n,price\n007,2\n8.0,3\n40000000002,0.1\n")
    assert labels(world) == {("7",): 2.0, ("8",): 3.0, ("40000000002",): 0.1}
    assert math.isfinite(sum(labels(world).values()))


def test_the_record_says_how_the_file_was_read_and_what_was_left_out() -> None:
    body = b"Labels of May\n\n" + ROWS.encode() + b"session_id,purchase\n"
    record = send_labels(project(), "a.csv", body)
    assert (record["status"], record["labels"]) == ("accepted", 2)
    assert record["notes"]["read_as"] == "comma, UTF-8, header at line 3, 1 preamble line"
    assert record["notes"]["repeated_headers"] == 1


@pytest.mark.parametrize(
    "body", [parquet({"session_id": ["s1", "s3"]}), b"session_id\ns1\ns3\n", b'{"session_id":"s1"}{"session_id":"s3"}']
)
def test_a_label_may_stand_in_the_key(body: bytes) -> None:
    world = project()
    record = send_labels(world, "day=2026-11-30/purchase=true/pages=7/part-0", body)
    assert (record["status"], record["labels"], record["identity"]) == ("accepted", 2, ["session_id"])
    assert record["notes"]["key_columns"] == ["purchase"]
    assert record["notes"]["key_columns_ignored"] == ["day", "pages"]
    assert labels(world) == {("s1",): True, ("s3",): True}
    assert "Columns that are in the key: purchase." in world.alerts.published[-1].message


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("purchase=maybe/a.csv", "folder purchase=… in the key"),
        ("purchase=false/a.csv", "the key and the file differ: row 2"),
        ("session_id=s1/session_id=s2/a.csv", "two folders are named"),
    ],
)
def test_a_key_that_contradicts_its_labels_refuses_them(name: str, reason: str) -> None:
    world = project()
    record = send_labels(world, name, ROWS)
    assert record["status"] == "failed"
    assert reason in record["message"]
    assert labels(world) == {}
