from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import boto3
import pytest

from sluice.bootstrap import World
from sluice.errors import ConflictError, NotFoundError
from sluice.ports import Champion
from testing.fakes import SETTINGS

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CHAMPION = Champion(
    run_id="r1",
    variant="v-r1",
    endpoint="sluice-shop",
    endpoint_config="sluice-shop-r1-only",
    model="sluice-shop-r1",
    package_arn="arn:p/1",
    promoted_at=NOW,
    probation_until=NOW + timedelta(days=1),
    previous={"run_id": "r0", "weights": [1, 0.5]},
    metrics={"roc_auc": 0.1 + 0.2, "rows": 2466, "none": None, "ok": True},
    anchor={"run_id": "r-1", "artifact_uri": "s3://data/models/shop/r-1/model.tar.gz"},
)


def test_a_contract_keeps_its_numbers_and_lists_its_project(world: World) -> None:
    assert world.ledger.contract("shop") is None
    assert world.ledger.projects() == []
    contract = {"project": "shop", "value": 12.0, "deep": {"empty": {}, "list": [1, 2.5, None, ""]}}
    world.ledger.save_contract("shop", contract, "v1")
    world.ledger.save_contract("bank", {}, "v1")
    world.ledger.save_contract("shop", contract, "v2")
    stored = world.ledger.contract("shop")
    assert stored == (contract, "v2")
    assert isinstance(stored[0]["value"], float)
    assert world.ledger.projects() == ["bank", "shop"]


def test_an_arrival_is_claimed_once_until_its_lease_is_over(world: World) -> None:
    name, lease = ("data", "raw/shop/ü b.csv", "v1"), timedelta(minutes=15)
    assert world.ledger.claim_arrival(*name, NOW, lease)
    assert not world.ledger.claim_arrival(*name, NOW, lease)
    assert not world.ledger.claim_arrival(*name, NOW + lease - timedelta(microseconds=1), lease)
    assert world.ledger.arrival(*name) is None, "a claim is no record"
    assert world.ledger.claim_arrival("data", "raw/shop/ü b.csv", "v2", NOW, lease)
    assert world.ledger.claim_arrival(*name, NOW + lease, lease)
    assert not world.ledger.claim_arrival(*name, NOW + lease, lease)


def test_an_arrival_has_one_terminal_record(world: World) -> None:
    name = ("data", "raw/shop/ü b.csv", "v1")
    assert world.ledger.arrival(*name) is None
    assert world.ledger.record_arrival(*name, {"status": "accepted", "rows": 3})
    assert not world.ledger.record_arrival(*name, {"status": "failed"})
    assert world.ledger.arrival(*name) == {"status": "accepted", "rows": 3}
    assert world.ledger.record_arrival("data", "raw/shop/ü b.csv", "v2", {"status": "failed"})


def test_datasets_come_in_order_of_acceptance_and_once(world: World) -> None:
    ledger = world.ledger
    ledger.add_dataset("shop", "d2", NOW + timedelta(microseconds=1), {"rows": 2})
    ledger.add_dataset("shop", "d9", NOW, {"rows": 9, "share": 0.25})
    ledger.add_dataset("shop", "d9", NOW + timedelta(hours=1), {"rows": 9})
    assert ledger.datasets("shop") == [
        {"dataset_id": "d9", "accepted_at": "2026-11-22T12:00:00.000000+00:00", "rows": 9, "share": 0.25},
        {"dataset_id": "d2", "accepted_at": "2026-11-22T12:00:00.000001+00:00", "rows": 2},
    ]
    assert ledger.datasets("shopping") == []


def test_a_listed_dataset_has_the_record_that_was_judged(world: World) -> None:
    ledger = world.ledger
    assert ledger.judged("shop", "d1") is None
    ledger.add_dataset("shop", "d1", NOW, {"rows": 2}, {"rows": 2, "reasons": [{"rule": "type", "column": None}]})
    ledger.add_dataset("shop", "d1", NOW, {"rows": 3}, {"rows": 3})
    assert ledger.judged("shop", "d1") == {"rows": 2, "reasons": [{"rule": "type", "column": None}]}
    ledger.add_dataset("shop", "d0", NOW, {"rows": 5})
    old = ledger.judged("shop", "d0")
    assert old is not None
    assert old["rows"] == 5
    assert [each["rows"] for each in ledger.datasets("shop")] == [5, 2]
    assert ledger.judged("shopping", "d1") is None


def test_a_correction_is_listed_if_no_other_one_came_between(world: World) -> None:
    ledger = world.ledger
    facts, record = {"rows": 2, "corrects": {"dataset_id": "d0", "lines_of": "d0"}}, {"rows": 2, "status": "accepted"}
    assert not ledger.add_correction("shop", "d1", NOW, facts, record, "d0", 1)
    assert ledger.datasets("shop") == []
    assert ledger.add_correction("shop", "d1", NOW, facts, record, "d0", 0)
    assert not ledger.add_correction("shop", "d2", NOW, facts, record, "d0", 0)
    assert ledger.judged("shop", "d2") is None
    assert ledger.judged("shop", "d1") == record
    assert ledger.add_correction("shop", "d2", NOW + timedelta(hours=1), facts, record, "d0", 1)
    assert not ledger.add_correction("shop", "d2", NOW, facts, record, "d0", 2), "it is listed"
    assert ledger.add_correction("shop", "d3", NOW + timedelta(hours=2), facts, record, "d9", 0)
    assert ledger.add_correction("bank", "d3", NOW, facts, record, "d0", 0)
    assert [(each["dataset_id"], each["corrects"]) for each in ledger.datasets("shop")] == [
        (dataset, facts["corrects"]) for dataset in ("d1", "d2", "d3")
    ]


def test_the_first_dataset_with_a_content_is_found_by_it(world: World) -> None:
    ledger = world.ledger
    assert ledger.same_content("shop", "ab") is None
    first = {"dataset_id": "d1", "key": "raw/shop/a.csv"}
    assert ledger.first_with_content("shop", "ab", "d1", "raw/shop/a.csv") == first
    assert ledger.first_with_content("shop", "ab", "d1", "raw/shop/a.csv") == first
    assert ledger.first_with_content("shop", "ab", "d2", "raw/shop/b.csv") == first
    assert ledger.same_content("shop", "ab") == first
    assert ledger.same_content("bank", "ab") is None


def test_a_dataset_is_withdrawn_once_and_stays_listed(world: World) -> None:
    ledger = world.ledger
    ledger.add_dataset("shop", "d1", NOW, {"rows": 2})
    assert ledger.withdraw_dataset("shop", "d1", NOW, "twice")
    assert not ledger.withdraw_dataset("shop", "d1", NOW + timedelta(hours=1), "again")
    ledger.add_dataset("shop", "d1", NOW, {"rows": 2})
    [found] = ledger.datasets("shop")
    assert (found["withdrawn_at"], found["withdrawn_because"]) == ("2026-11-22T12:00:00.000000+00:00", "twice")
    with pytest.raises(NotFoundError, match="d9"):
        ledger.withdraw_dataset("shop", "d9", NOW, "")


def test_what_is_ignored_is_counted_once_a_key(world: World) -> None:
    ledger = world.ledger
    ledger.add_ignored("shop", NOW, {"key": "raw/shop/b/_SUCCESS", "what": "a marker"})
    ledger.add_ignored("shop", NOW + timedelta(hours=1), {"key": "raw/shop/b/_SUCCESS", "what": "a marker"})
    ledger.add_ignored("shop", NOW, {"key": "raw/shop/a/_SUCCESS", "what": "a marker"})
    assert [found["key"] for found in ledger.ignored("shop")] == ["raw/shop/a/_SUCCESS", "raw/shop/b/_SUCCESS"]
    assert ledger.ignored("shop")[1]["at"] == "2026-11-22T12:00:00.000000+00:00"
    assert ledger.ignored("shopping") == []


def test_one_run_holds_the_lock_and_may_ask_again(world: World) -> None:
    ledger = world.ledger
    assert ledger.lock("shop") is None
    assert ledger.acquire_lock("shop", "r1", NOW)
    assert not ledger.acquire_lock("shop", "r2", NOW)
    assert ledger.add_pending("shop", "d1", "data")
    assert ledger.acquire_lock("shop", "r1", NOW + timedelta(minutes=1))
    assert ledger.lock("shop") == {
        "run_id": "r1",
        "acquired_at": "2026-11-22T12:00:00.000000+00:00",
        "pending": ["d1"],
        "pending_reason": "data",
    }
    assert ledger.acquire_lock("bank", "r2", NOW)


def test_arrivals_during_a_run_come_back_when_the_lock_is_released(world: World) -> None:
    ledger = world.ledger
    assert not ledger.add_pending("shop", "d1", "data")
    ledger.acquire_lock("shop", "r1", NOW)
    for dataset in ("d2", "d1", "d2"):
        assert ledger.add_pending("shop", dataset, "data")
    assert ledger.release_lock("shop", "r2") is None
    released = ledger.release_lock("shop", "r1")
    assert released is not None
    assert (released["pending"], released["pending_reason"]) == (["d1", "d2"], "data")
    assert ledger.release_lock("shop", "r1") is None
    assert not ledger.add_pending("shop", "d3", "data")
    ledger.acquire_lock("shop", "r3", NOW)
    assert ledger.lock("shop")["pending"] == []


def test_of_thousands_of_arrivals_the_first_are_named_and_a_retraining_is_never_left_out(aws: World) -> None:
    ledger = aws.ledger
    ledger.acquire_lock("shop", "r1", NOW)
    boto3.client("dynamodb").update_item(
        TableName=SETTINGS.table,
        Key={"pk": {"S": "PROJECT#shop"}, "sk": {"S": "LOCK"}},
        UpdateExpression="SET pending = :many",
        ExpressionAttributeValues={":many": {"SS": [f"d{number:04}" for number in range(1_000)]}},
    )
    assert ledger.add_pending("shop", "e1", "one more")
    assert ledger.add_pending("shop", "(drift)", "psi 0.3")
    held = ledger.lock("shop")
    assert (len(held["pending"]), held["pending_reason"]) == (1_001, "psi 0.3")
    assert "(drift)" in held["pending"]
    ledger.release_lock("shop", "r1")
    assert not ledger.add_pending("shop", "e2", "nobody holds it")


def test_a_run_of_more_datasets_than_an_item_has_room_for(world: World) -> None:
    ledger = world.ledger
    many = [f"{number:016x}" for number in range(30_001)]
    assert ledger.start_run("shop", "r1", NOW, {"status": "running", "datasets": many})
    assert not ledger.start_run("shop", "r1", NOW, {"status": "again", "datasets": many})
    ledger.start_run("shop", "r2", NOW + timedelta(hours=1), {"datasets": ["d1"]})
    ledger.update_run("shop", "r1", {"status": "done"})
    record = ledger.run("shop", "r1")
    assert record is not None
    assert (record["status"], record["datasets"]) == ("done", many)
    assert [run["datasets"] for run in ledger.runs("shop")] == [["d1"], many]
    assert "datasets_items" not in record


def test_the_champion_changes_only_from_the_expected_one(world: World) -> None:
    ledger = world.ledger
    assert ledger.champion("shop") is None
    with pytest.raises(ConflictError):
        ledger.set_champion("shop", CHAMPION, "r0")
    ledger.set_champion("shop", CHAMPION, None)
    assert ledger.champion("shop") == CHAMPION
    with pytest.raises(ConflictError):
        ledger.set_champion("shop", CHAMPION, None)
    challenger = replace(CHAMPION, run_id="r2", previous=None)
    ledger.set_champion("shop", challenger, "r1")
    assert ledger.champion("shop") == challenger


def test_runs_are_started_once_merged_and_listed_newest_first(world: World) -> None:
    ledger = world.ledger
    assert ledger.run("shop", "r9") is None
    assert ledger.start_run("shop", "r9", NOW, {"status": "running", "trigger": "data"})
    assert not ledger.start_run("shop", "r9", NOW, {"status": "other"})
    assert ledger.start_run("shop", "r1", NOW + timedelta(hours=1), {"status": "running"})
    ledger.update_run("shop", "r9", {"status": "done", "timings": {"prepare": 1.5}, "size": 1, "p": 1e-200})
    ledger.update_run("shop", "r9", {})
    record = ledger.run("shop", "r9")
    assert record is not None
    assert (record["status"], record["trigger"], record["timings"]) == ("done", "data", {"prepare": 1.5})
    assert record["p"] == pytest.approx(0)
    assert [run["run_id"] for run in ledger.runs("shop")] == ["r1", "r9"]
    for facts in ({"status": "x"}, {}):
        with pytest.raises(NotFoundError):
            ledger.update_run("shop", "r0", facts)


def test_responses_since_a_time_come_oldest_first(world: World) -> None:
    ledger = world.ledger
    for hours in (2, 0, 1):
        ledger.add_response("shop", NOW + timedelta(hours=hours), {"action": f"a{hours}"})
    ledger.add_response("shop", NOW + timedelta(hours=1), {"action": "second"})
    ledger.add_response("shop", NOW + timedelta(hours=1), {"action": "second"})
    elsewhere = (NOW + timedelta(hours=1)).astimezone(timezone(timedelta(hours=5)))
    found = ledger.responses("shop", elsewhere)
    assert sorted(record["action"] for record in found) == ["a1", "a2", "second"]
    assert found[-1]["at"] == "2026-11-22T14:00:00.000000+00:00"


def test_many_records_are_read_whole(world: World) -> None:
    """A page of DynamoDB ends after 1 MB."""
    for number in range(30):
        world.ledger.add_dataset("shop", f"d{number:02}", NOW, {"note": "x" * 60_000})
    assert len(world.ledger.datasets("shop")) == 30


def test_records_are_copies(world: World) -> None:
    facts = {"list": [1]}
    world.ledger.start_run("shop", "r1", NOW, facts)
    facts["list"].append(2)
    world.ledger.run("shop", "r1")["list"].append(3)
    assert world.ledger.run("shop", "r1")["list"] == [1]
