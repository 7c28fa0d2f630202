"""A file arrives: one terminal record, nothing lost, nothing twice."""

from __future__ import annotations

import json

import pytest
import yaml

from sluice.steps.validate_dataset import validate_dataset
from tests.fakes import Crash, failing, world
from tests.unit.steps.intake_world import CONTRACT, GOOD, MIXED, arrive, put, shop, state


def test_good_and_bad_rows_part() -> None:
    at = shop()
    version, record = arrive(at, MIXED)
    assert (record["status"], record["rows"], record["quarantined_rows"]) == ("accepted", 3, 1)
    assert record["reasons"] == [
        {"rule": "min", "column": "pages", "rows": 1},
        {"rule": "values", "column": "channel", "rows": 1},
    ]
    assert at.alerts.kinds == ["Contract Registered", "Dataset Accepted", "Dataset Quarantined"]
    dataset = record["dataset_id"]
    detail = {"project": "shop", "dataset_id": dataset, "rows": 3, "quarantined_rows": 1}
    assert at.events.put_events == [("Dataset Accepted", detail)]
    refused = json.loads(at.objects.read(f"quarantine/shop/{dataset}/rows.jsonl"))
    assert refused["values"]["channel"] == "phone"
    # raw values never leave S3
    assert "phone" not in json.dumps(record) + repr(at.alerts.published)
    assert at.ledger.arrival("data", "raw/shop/day 1+%20.csv", version) == record


def test_a_second_event_of_the_same_version_changes_nothing() -> None:
    at = shop()
    version, record = arrive(at, MIXED)
    before, alerts = state(at), list(at.alerts.kinds)
    assert validate_dataset(at, "data", "raw/shop/day 1+%20.csv", version, 1) == record
    assert (state(at), at.alerts.kinds) == (before, alerts)
    assert len(at.events.put_events) == 1


def test_the_same_name_again_is_another_dataset() -> None:
    at = shop()
    _, first = arrive(at, GOOD)
    _, second = arrive(at, GOOD)
    assert first["dataset_id"] != second["dataset_id"]
    assert len(at.ledger.datasets("shop")) == 2


def test_a_file_refused_whole_adds_no_dataset() -> None:
    at = shop()
    _, record = arrive(at, b"id,pages,channel,bought\na,1,ads,1\nb,x,ads,1\n,2,ads,1\n")
    assert (record["status"], record["rows"], record["quarantined_rows"]) == ("quarantined", 0, 3)
    assert record["reasons"][0]["rule"] == "max_invalid_rows"
    assert (at.ledger.datasets("shop"), at.events.put_events) == ([], [])
    assert at.alerts.kinds[-1] == "Dataset Quarantined"


@pytest.mark.parametrize(
    ("key", "body", "error", "told"),
    [
        ("raw/shp/x.csv", GOOD, "UnknownProjectError", "'shop'"),
        ("raw/x.csv", GOOD, "InputError", "<project>"),
        ("raw/shop/x.csv", b"", "EmptyFileError", "no bytes"),
        ("raw/shop/x.csv", b"id,pages,channel,bought\n", "EmptyFileError", "no data row"),
        ("raw/shop/x.csv", GOOD.replace(b"pages", b"page"), "HeaderMismatchError", "'page'"),
        ("raw/shop/x.csv", GOOD + b"\xff\xff", "UnreadableFileError", f"position {len(GOOD)}"),
    ],
)
def test_input_mistakes_are_outcomes(key: str, body: bytes, error: str, told: str) -> None:
    at = shop()
    _, record = arrive(at, body, key)
    assert (record["status"], record["error"]) == ("failed", error)
    assert told in record["message"]
    assert at.alerts.kinds[-1] == "Dataset Failed"
    assert told in at.alerts.published[-1].message


def test_a_contract_that_came_a_moment_before_is_found() -> None:
    at = world()
    put(at, "projects/shop/project.yaml", yaml.safe_dump(CONTRACT).encode())
    assert arrive(at, GOOD)[1]["status"] == "accepted"


def test_a_contract_that_is_wrong_is_told_with_the_file() -> None:
    at = world()
    put(at, "projects/shop/project.yaml", b"project: shop\nproblm: 1\n")
    record = arrive(at, GOOD)[1]
    assert record["error"] == "UnknownProjectError"
    assert "problm" in record["message"]


def test_a_folder_marker_is_no_file() -> None:
    assert arrive(shop(), b"", "raw/shop/")[1]["status"] == "ignored"


@pytest.mark.parametrize("body", [GOOD, MIXED, b"id\n1\n", b"id,pages,channel,bought\na,x,ads,1\n"])
def test_killed_between_any_two_port_calls_a_retry_ends_the_same(body: bytes) -> None:
    key = "raw/shop/x.csv"
    whole = shop()
    version = put(whole, key, body)
    validate_dataset(whole, "data", key, version, 1)
    wanted = state(whole)
    wanted["objects"] = {k: v for k, v in wanted["objects"].items() if not k.endswith(".parquet")}
    for after in range(1, 100):
        at = shop()
        assert put(at, key, body) == version
        try:
            validate_dataset(failing(at, after), "data", key, version, 1)
            died = False
        except Crash:
            died = True
        at.clock.advance(60)
        validate_dataset(at, "data", key, version, 1)
        found = state(at)
        found["objects"] = {k: v for k, v in found["objects"].items() if not k.endswith(".parquet")}
        # the retry's own time is all that may differ
        found["datasets"], expected = [{**d, "accepted_at": ""} for d in found["datasets"]], dict(wanted)
        expected["datasets"] = [{**d, "accepted_at": ""} for d in wanted["datasets"]]
        assert found == expected, after
        if not died:
            return
    pytest.fail("the step makes more port calls than are tried here")
