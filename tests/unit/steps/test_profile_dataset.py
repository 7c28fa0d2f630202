"""An accepted dataset gets its profile and report."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import yaml

from sluice.errors import NotFoundError
from sluice.ports import Champion
from sluice.steps.profile_dataset import profile_dataset
from sluice.steps.register_project import register_project
from tests.unit.steps.intake_world import CONTRACT, MIXED, arrive, put, shop


def test_profile_report_and_event() -> None:
    at = shop()
    _, record = arrive(at, MIXED)
    dataset = record["dataset_id"]
    answer = at.call(profile_dataset, "shop", dataset)
    assert (answer["rows"], answer["drift"]) == (3, None)
    profile = json.loads(at.objects.read(f"profiles/shop/{dataset}/profile.json"))
    assert profile["columns"]["channel"]["counts"] == {"ads": 2, "email": 1}
    assert profile["columns"]["bought"]["missing"] == 1
    assert "counts" not in profile["columns"]["id"]
    assert "1 rows were refused" in at.objects.read(f"profiles/shop/{dataset}/report.html").decode()
    assert at.events.put_events[-1] == ("Dataset Profiled", {"project": "shop", "dataset_id": dataset})


def test_drift_against_the_champions_baseline() -> None:
    at = shop()
    _, record = arrive(at, MIXED)
    now = at.clock.now()
    champion = Champion("r1", "v-r1", "e", "c", "m", "arn:p", now, now + timedelta(days=1))
    at.ledger.set_champion("shop", champion, None)
    baseline = {"columns": {"channel": {"type": "category", "shares": {"email": 1.0}, "missing": 0.0}}, "rows": 10}
    at.objects.write("runs/shop/r1/evaluation/baseline.json", json.dumps(baseline).encode())
    answer = at.call(profile_dataset, "shop", record["dataset_id"])
    assert answer["drift"]["channel"] > 1
    page = at.objects.read(f"profiles/shop/{record['dataset_id']}/report.html").decode()
    assert "drift against" in page


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"columns": {"channel": {"type": "category"}}}', b'{"columns": {}}']
)
def test_a_damaged_or_older_baseline_is_reported_and_the_dataset_goes_on(body: bytes) -> None:
    at = shop()
    _, record = arrive(at, MIXED)
    now = at.clock.now()
    at.ledger.set_champion("shop", Champion("r1", "v-r1", "e", "c", "m", "arn:p", now, now + timedelta(days=1)), None)
    at.objects.write("runs/shop/r1/evaluation/baseline.json", body)
    answer = at.call(profile_dataset, "shop", record["dataset_id"])
    assert answer["drift"] is None
    (note,) = answer["notes"]
    assert "Drift was not measured against the serving model r1" in note
    page = at.objects.read(f"profiles/shop/{record['dataset_id']}/report.html").decode()
    assert "Drift was not measured against the serving model r1" in page
    assert at.events.put_events[-1][0] == "Dataset Profiled"


def test_a_baseline_that_is_gone_and_a_damaged_summary_are_reported_too() -> None:
    at = shop()
    _, record = arrive(at, MIXED)
    now = at.clock.now()
    at.ledger.set_champion("shop", Champion("r1", "v-r1", "e", "c", "m", "arn:p", now, now + timedelta(days=1)), None)
    at.objects.write(f"quarantine/shop/{record['dataset_id']}/summary.json", b"{")
    answer = at.call(profile_dataset, "shop", record["dataset_id"])
    assert [note.split(":")[0] for note in answer["notes"]] == [
        "Drift was not measured",
        "The refused rows cannot be shown",
    ]
    page = at.objects.read(f"profiles/shop/{record['dataset_id']}/report.html").decode()
    assert "has no baseline" in page
    assert "every row was accepted" not in page


def test_no_accepted_file_is_an_error_and_no_event() -> None:
    at = shop()
    with pytest.raises(NotFoundError):
        at.call(profile_dataset, "shop", "0" * 16)
    assert at.events.put_events == []


def test_a_key_is_not_counted_whatever_its_type() -> None:
    columns = {**CONTRACT["data"]["columns"], "id": {"type": "category"}}
    at = shop({**CONTRACT, "data": {**CONTRACT["data"], "columns": columns}})
    _, record = arrive(at, b"id,pages,channel,bought\n" + b"the same secret,1,ads,yes\n" * 9)
    at.call(profile_dataset, "shop", record["dataset_id"])
    for key in (f"profiles/shop/{record['dataset_id']}/{name}" for name in ("profile.json", "report.html")):
        assert "secret" not in at.objects.read(key).decode()


def test_rows_are_counted_once_by_the_intake_and_again_under_another_contract() -> None:
    at = shop()
    _, record = arrive(at, MIXED)
    dataset = record["dataset_id"]
    key = f"profiles/shop/{dataset}/profile.json"
    by_intake = json.loads(at.objects.read(key))
    at.call(profile_dataset, "shop", dataset)
    assert json.loads(at.objects.read(key)) == by_intake
    assert by_intake.pop("read_as") == "comma, UTF-8, header at line 1"
    assert by_intake.pop("spellings") == {"bought": {"true": "yes", "false": "no"}}
    assert "Read as: comma" in at.objects.read(f"profiles/shop/{dataset}/report.html").decode()
    # without what the intake counted, the accepted file tells the same, but not how the arrived one was read
    kept = at.objects.read(key)
    at.objects.write(key, b"{")
    at.call(profile_dataset, "shop", dataset)
    assert json.loads(at.objects.read(key)) == by_intake
    at.objects.write(key, kept)
    changed = {**CONTRACT, "data": {**CONTRACT["data"], "key": []}}
    version = put(at, "projects/shop/project.yaml", yaml.safe_dump(changed).encode())
    at.call(register_project, "projects/shop/project.yaml", version)
    at.call(profile_dataset, "shop", dataset)
    assert json.loads(at.objects.read(key))["contract_version"] == version != by_intake["contract_version"]
    assert json.loads(at.objects.read(key))["read_as"] == "comma, UTF-8, header at line 1"
    assert json.loads(at.objects.read(key))["spellings"] == {"bought": {"true": "yes", "false": "no"}}
