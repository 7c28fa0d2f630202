"""Corrected rows of a quarantine come back under the lineage of their file, and no row counts twice."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.ports import Json
from sluice.steps.validate_dataset import TRIES, validate_dataset
from testing.fakes import Crash, failing, interrupted
from tests.unit.steps.intake_world import CONTRACT, GOOD, arrive, put, shop, state
from tests.unit.steps.label_files import send_labels

HEADER = b"_row,_reasons,_dataset,id,pages,channel,bought,_line\n"
BAD = GOOD + b"d,-1,ads,yes\ne,x,email,no\nf,1,email\n"


def quarantined(at: World, body: bytes = BAD) -> Json:
    return arrive(at, body, "raw/shop/day 1.csv")[1]


def redrive(at: World, dataset: str, *rows: str, header: bytes = HEADER) -> Json:
    body = header + "".join(f"{row}\n" for row in rows).encode()
    return arrive(at, body, keys.correction("shop", dataset, "refused.csv"))[1]


def accepted(at: World, record: Json) -> list[tuple[int, str]]:
    body = at.objects.read(keys.accepted_part("shop", record["dataset_id"]))
    table = pq.read_table(io.BytesIO(body)).to_pylist()
    return [(row["_row"], row["id"]) for row in table]


def rows_in_quarantine(at: World, dataset: str) -> list[tuple[int, str]]:
    lines = at.objects.read(keys.quarantined_rows("shop", dataset)).decode().splitlines()
    return [(entry["row"], entry["reasons"][0]["rule"]) for entry in map(json.loads, lines)]


def test_corrected_rows_come_back_and_the_rest_is_quarantined_again() -> None:
    at = shop()
    first = quarantined(at)
    assert (first["rows"], first["quarantined_rows"]) == (3, 3)
    of = first["dataset_id"]
    second = redrive(at, of, "5,,,d,1,ads,yes,", "6,,,e,x,email,no,", '7,,,f,1,email,,"f,1,email"')
    assert (second["status"], second["rows"], second["quarantined_rows"]) == ("accepted", 2, 1)
    assert second["corrects"] == {"dataset_id": of, "key": "raw/shop/day 1.csv", "lines_of": of}
    assert "columns_ignored" not in second["notes"]
    assert accepted(at, second) == [(5, "d"), (7, "f")]
    assert rows_in_quarantine(at, second["dataset_id"]) == [(6, "type")]
    listed = {each["dataset_id"]: each.get("corrects") for each in at.ledger.datasets("shop")}
    assert listed == {of: None, second["dataset_id"]: second["corrects"]}
    told = next(each for each in at.alerts.published if each.kind == "Dataset Accepted" and of in each.message)
    assert f"They correct rows of raw/shop/day 1.csv (dataset {of})" in told.message
    assert at.alerts.kinds[-2:] == ["Dataset Accepted", "Dataset Quarantined"]

    third = redrive(at, second["dataset_id"], "6,,,e,4,email,no,")
    assert (third["status"], third["rows"], third["quarantined_rows"]) == ("accepted", 1, 0)
    assert third["corrects"] == {"dataset_id": second["dataset_id"], "key": second["key"], "lines_of": of}
    every = [row for record in (first, second, third) for row in accepted(at, record)]
    assert sorted(every) == [(2, "a"), (3, "b"), (4, "c"), (5, "d"), (6, "e"), (7, "f")]


def test_a_row_that_was_accepted_before_is_left_out_and_counted() -> None:
    at = shop()
    of = quarantined(at)["dataset_id"]
    assert redrive(at, of, "5,,,d,1,ads,yes,")["rows"] == 1
    again = redrive(at, of, "5,,,d,1,ads,yes,", "6,,,e,2,email,no,")
    assert (again["rows"], again["notes"]["accepted_before"]) == (1, 1)
    assert accepted(at, again) == [(6, "e")]
    assert "An earlier correction had accepted 1 others" in at.alerts.published[-1].message
    nothing = redrive(at, of, "5,,,d,1,ads,yes,", "6,,,e,2,email,no,")
    assert (nothing["status"], nothing["error"]) == ("failed", "CorrectionError")
    assert "had accepted each of the 2 rows" in nothing["message"]


def test_rows_of_a_correction_that_was_withdrawn_may_come_back() -> None:
    at = shop()
    of = quarantined(at)["dataset_id"]
    wrong = redrive(at, of, "5,,,d,100,ads,yes,")
    at.ledger.withdraw_dataset("shop", wrong["dataset_id"], at.clock.now(), "")
    assert redrive(at, of, "5,,,d,1,ads,yes,")["rows"] == 1


def test_none_that_can_be_accepted_is_a_quarantine_whose_rows_may_come_back() -> None:
    at = shop()
    of = quarantined(at)["dataset_id"]
    still = redrive(at, of, "5,,,d,-2,ads,yes,", "6,,,e,y,email,no,")
    assert (still["status"], still["rows"], still["quarantined_rows"]) == ("quarantined", 0, 2)
    assert "none of the 2 corrected rows" in still["message"]
    assert len(at.ledger.datasets("shop")) == 1
    better = redrive(at, still["dataset_id"], "5,,,d,2,ads,yes,")
    assert (better["status"], accepted(at, better)) == ("accepted", [(5, "d")])


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["3,,,b,2,email,no,"], "row 3 is not in the quarantine"),
        (["5,,,d,1,ads,yes,", "5.0,,,d,1,ads,yes,"], "_row 5 is there twice, again on line 3"),
        ([",,,d,1,ads,yes,"], "line 2 has no row number in '_row'"),
        (["5,,,d,1,ads"], "line 2 of the file"),
        ([], "no data row"),
    ],
)
def test_a_file_that_does_not_belong_to_the_quarantine_is_refused_whole(rows: list[str], told: str) -> None:
    at = shop()
    of = quarantined(at)["dataset_id"]
    record = redrive(at, of, *rows)
    assert record["status"] == "failed"
    assert told in record["message"]
    assert len(at.ledger.datasets("shop")) == 1


def test_whose_rows_they_are_must_be_known() -> None:
    at = shop()
    of = quarantined(at)["dataset_id"]
    assert "no row of a dataset 'd0'" in redrive(at, "d0", "5,,,d,1,ads,yes,")["message"]
    assert "has no column '_row'" in redrive(at, of, "d,1,ads,yes", header=b"id,pages,channel,bought\n")["message"]
    labels = send_labels(at, "labels.csv", b"id,bought\na,yes\nb,no\nc,perhaps\n")
    assert labels["quarantined_rows"] == 1
    assert "is not a file to learn from" in redrive(at, labels["dataset_id"], "4,,,c,1,ads,yes,")["message"]
    at.ledger.withdraw_dataset("shop", of, at.clock.now(), "")
    assert "was withdrawn" in redrive(at, of, "5,,,d,1,ads,yes,")["message"]


def test_a_row_without_any_value_does_not_count_as_corrected() -> None:
    at = shop({**CONTRACT, "data": {**CONTRACT["data"], "key": []}})
    of = quarantined(at)["dataset_id"]
    record = redrive(at, of, '7,has 3 fields,,,,,,"f,1,email"')
    assert record["status"] == "quarantined"
    assert rows_in_quarantine(at, record["dataset_id"]) == [(7, "empty")]


def test_what_stands_for_a_cell_without_a_value_is_no_correction() -> None:
    at = shop()
    lines = [{"id": name, "pages": 1, "channel": "ads", "bought": True} for name in "abc"]
    bad = {"id": ["x", "y"], "pages": 1, "channel": "ads", "bought": True}
    body = "".join(json.dumps(line) + "\n" for line in [*lines, bad]).encode()
    of = arrive(at, body, "raw/shop/day 1.jsonl")[1]["dataset_id"]
    still = redrive(at, of, '4,,,"[""x"", ""y""]",1,ads,yes,')
    assert rows_in_quarantine(at, still["dataset_id"]) == [(4, "unchanged")]
    assert accepted(at, redrive(at, of, "4,,,x,1,ads,yes,")) == [(4, "x")]


def test_a_file_that_was_quarantined_whole_comes_again_whole_and_once() -> None:
    at = shop()
    first = arrive(at, b"id,pages,channel,bought\na,1,ads,1\nb,x,ads,1\n,2,ads,1\n", "raw/shop/day 1.csv")[1]
    assert first["status"] == "quarantined"
    of = first["dataset_id"]
    plain = b"id,pages,channel,bought\n"
    second = redrive(at, of, "a,1,ads,1", "b,2,ads,1", "c,z,ads,1", header=plain)
    assert (second["status"], second["rows"], second["quarantined_rows"]) == ("accepted", 2, 1)
    assert second["corrects"] == {"dataset_id": of, "key": first["key"], "lines_of": second["dataset_id"]}
    again = redrive(at, of, "a,1,ads,1", "b,2,ads,1", header=plain)
    assert f"dataset {second['dataset_id']} took the place" in again["message"]
    third = redrive(at, second["dataset_id"], "4,,,c,3,ads,1,")
    assert (accepted(at, third), third["corrects"]["lines_of"]) == ([(4, "c")], second["dataset_id"])


def test_two_corrections_at_the_same_instant_accept_each_row_once() -> None:
    """The second is handled whole between any two calls of the first."""
    for before in range(1, 100):
        at = shop()
        of = quarantined(at)["dataset_id"]
        key = keys.correction("shop", of, "first.csv")
        version = put(at, key, HEADER + b"5,,,d,1,ads,yes,\n6,,,e,1,ads,yes,\n")
        others: list[Json] = []

        def second(at: World = at, of: str = of, others: list[Json] = others) -> None:
            others.append(redrive(at, of, "6,,,e,2,ads,yes,", "7,,,f,2,ads,yes,"))

        record = interrupted(at, before, second).call(validate_dataset, "data", key, version, 1)
        rows = [row for each in (record, *others) if each["status"] == "accepted" for row in accepted(at, each)]
        assert sorted(number for number, _ in rows) == ([5, 6, 7] if others else [5, 6]), before
        if not others:
            assert before > 10, "the step made fewer calls than it does"
            return
    pytest.fail("the step makes more port calls than are tried here")


def test_a_correction_that_always_loses_is_delivered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    at = shop()
    of = quarantined(at)["dataset_id"]
    tries: list[Any] = []
    monkeypatch.setattr(at.ledger, "add_correction", lambda *given: bool(tries.append(given)))
    with pytest.raises(Exception, match="another correction of dataset"):
        redrive(at, of, "5,,,d,1,ads,yes,")
    assert len(tries) == TRIES


def test_killed_between_any_two_port_calls_a_retry_of_a_correction_ends_the_same() -> None:
    wanted: dict[str, Any] = {}
    for after in range(100, 0, -1):
        at = shop()
        of = quarantined(at)["dataset_id"]
        key = keys.correction("shop", of, "refused.csv")
        version = put(at, key, HEADER + b"5,,,d,1,ads,yes,\n6,,,e,x,ads,yes,\n")
        try:
            failing(at, after).call(validate_dataset, "data", key, version, 1)
        except Crash:
            at.clock.advance(5_400)
            at.call(validate_dataset, "data", key, version, 1)
        found = state(at)
        found["objects"] = {k: v for k, v in found["objects"].items() if not k.endswith(".parquet")}
        found["datasets"] = {each["dataset_id"]: {**each, "accepted_at": ""} for each in found["datasets"]}
        wanted = wanted or found
        assert found == wanted, after


def test_the_alert_names_the_page_beside_the_rows() -> None:
    at = shop()
    of = quarantined(at)["dataset_id"]
    key = keys.quarantine_report("shop", of)
    assert f"Report: {at.objects.uri(key)}." in at.alerts.published[-1].message
    assert "sluice redrive shop refused.csv" in at.objects.read(key).decode()
    labels = send_labels(at, "labels.csv", b"id,bought\na,yes\nb,no\nc,perhaps\n")
    key = keys.quarantine_report("shop", labels["dataset_id"])
    assert at.objects.uri(key) in at.alerts.published[-1].message
    assert "sluice label shop FILE" in at.objects.read(key).decode()
    whole = arrive(at, b"id,pages,channel,bought\na,1,ads,1\nb,x,ads,1\n,2,ads,1\n")[1]
    page = at.objects.read(keys.quarantine_report("shop", whole["dataset_id"])).decode()
    assert f"sluice redrive shop FILE --dataset {whole['dataset_id']}" in page
