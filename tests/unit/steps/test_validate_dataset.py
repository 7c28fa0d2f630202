"""A file arrives: one terminal record, nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import sluice
from proofs.project import Project
from sluice.bootstrap import World
from sluice.ports import Json
from sluice.steps.validate_dataset import LEASE, validate_dataset
from testing.fakes import Crash, failing, interrupted, world
from tests.unit.steps.intake_world import CONTRACT, GOOD, MIXED, arrive, put, shop, state


def test_good_and_bad_rows_part() -> None:
    at = shop()
    version, record = arrive(at, MIXED)
    assert (record["status"], record["rows"], record["quarantined_rows"]) == ("accepted", 3, 1)
    assert record["reasons"] == [
        {"rule": "min", "column": "pages", "rows": 1},
        {"rule": "values", "column": "channel", "rows": 1},
    ]
    assert record["notes"]["without_target"] == 1
    assert "held_rows" not in record
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
    assert at.call(validate_dataset, "data", "raw/shop/day 1+%20.csv", version, 1) == record
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
    assert record["held_rows"] == 1
    assert record["reasons"][0]["rule"] == "max_invalid_rows"
    assert (at.ledger.datasets("shop"), at.events.put_events) == ([], [])
    assert at.alerts.kinds[-1] == "Dataset Quarantined"
    # what is wrong with the rows, not only that there are too many of them
    assert "No row was accepted. Its rows: 1 × key in 'id', 1 × type in 'pages'. " in at.alerts.published[-1].message


@pytest.mark.parametrize(
    ("key", "body", "error", "told"),
    [
        ("raw/shp/x.csv", GOOD, "UnknownProjectError", "'shop'"),
        ("raw/x.csv", GOOD, "InputError", "<project>"),
        ("raw/shop/x.csv", b"", "EmptyFileError", "the file is empty"),
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


def test_a_first_contract_that_a_file_registers_is_compared_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The intake's role may not read contracts/: a look there would fail every such file."""
    at = world()
    put(at, "projects/shop/project.yaml", yaml.safe_dump(CONTRACT).encode())
    read = at.objects.read

    def permitted(key: str, version_id: str | None = None) -> bytes:
        assert not key.startswith("contracts/"), key
        return read(key, version_id)

    monkeypatch.setattr(at.objects, "read", permitted)
    _, record = arrive(at, GOOD)
    assert record["status"] == "accepted"


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


KINDS = [GOOD, MIXED, b"id\n1\n", b"id,pages,channel,bought\na,x,ads,1\n"]


@pytest.mark.parametrize("body", KINDS)
def test_two_deliveries_at_the_same_instant_report_once(body: bytes) -> None:
    """The second is handled whole between any two calls of the first."""
    key = "raw/shop/x.csv"
    for before in range(1, 100):
        at = shop()
        version = put(at, key, body)
        told = len(at.alerts.kinds)
        answers = []

        def second(at: World = at, version: str = version, answers: list[Json] = answers) -> None:
            answers.append(at.call(validate_dataset, "data", key, version, 1))

        first = interrupted(at, before, second).call(validate_dataset, "data", key, version, 1)
        record = at.ledger.arrival("data", key, version)
        assert record is not None
        kinds = at.alerts.kinds[told:]
        assert len(kinds) == len(set(kinds)), (before, kinds)
        assert len(at.events.put_events) == (record["status"] == "accepted"), before
        assert len(at.ledger.datasets("shop")) == (record["status"] == "accepted"), before
        finished = [answer for answer in (first, *answers) if answer["status"] != "in progress"]
        assert finished, before
        assert all(answer == record for answer in finished), before
        if not answers:
            assert before > 5, "the step made fewer calls than it does"
            return
    pytest.fail("the step makes more port calls than are tried here")


def test_a_claim_of_one_who_died_is_taken_over() -> None:
    at = shop()
    version = put(at, "raw/shop/x.csv", GOOD)
    with pytest.raises(Crash):
        failing(at, 5).call(validate_dataset, "data", "raw/shop/x.csv", version, 1)
    assert at.call(validate_dataset, "data", "raw/shop/x.csv", version, 1)["status"] == "in progress"
    at.clock.advance(LEASE.total_seconds())
    assert at.call(validate_dataset, "data", "raw/shop/x.csv", version, 1)["status"] == "accepted"


def test_a_claim_is_over_before_the_queue_gives_a_message_back() -> None:
    source = Project.load().source
    function = source["Resources"]["ValidateDatasetFunction"]["Properties"]["Timeout"]
    hidden = source["Resources"]["IntakeQueue"]["Properties"]["VisibilityTimeout"]
    assert function <= LEASE.total_seconds() < hidden


@pytest.mark.parametrize("body", KINDS)
def test_killed_between_any_two_port_calls_a_retry_ends_the_same(body: bytes) -> None:
    key = "raw/shop/x.csv"
    whole = shop()
    version = put(whole, key, body)
    whole.call(validate_dataset, "data", key, version, 1)
    wanted = state(whole)
    wanted["objects"] = {k: v for k, v in wanted["objects"].items() if not k.endswith(".parquet")}
    for after in range(1, 100):
        at = shop()
        assert put(at, key, body) == version
        try:
            failing(at, after).call(validate_dataset, "data", key, version, 1)
            died = False
        except Crash:
            died = True
        # the queue gives the message back when the claim is over: see the template
        at.clock.advance(5_400)
        at.call(validate_dataset, "data", key, version, 1)
        found = state(at)
        found["objects"] = {k: v for k, v in found["objects"].items() if not k.endswith(".parquet")}
        # the retry's own time is all that may differ
        found["datasets"], expected = [{**d, "accepted_at": ""} for d in found["datasets"]], dict(wanted)
        expected["datasets"] = [{**d, "accepted_at": ""} for d in wanted["datasets"]]
        assert found == expected, after
        if not died:
            return
    pytest.fail("the step makes more port calls than are tried here")


def test_no_file_waits_for_the_types_of_all_records() -> None:
    """They take a tenth of the import's time, and only a contract that came with its first file needs them."""
    core = Path(sluice.__file__).parents[1]
    told = (
        "import sys, sluice.steps.validate_dataset; print(sorted(each for each in sys.modules if 'sluice.rec' in each))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", told],
        env={**os.environ, "PYTHONPATH": str(core)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "['sluice.records', 'sluice.records.large_file', 'sluice.records.record']\n"


def test_no_file_waits_for_what_reads_project_yaml() -> None:
    """The step has the registered contract as JSON; PyYAML and the checks of a new contract take some 8 ms."""
    code = "import sys; sys.modules['yaml'] = None; import sluice.steps.validate_dataset, sluice.steps.profile_dataset"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(sluice.__file__).parents[1])
