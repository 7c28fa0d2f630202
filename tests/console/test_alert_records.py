"""Every kind of alert is in the console's inbox: rebuilt from a record, or among those that it says leave none."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from console.reading import alert_records, alerts
from console.source import Source
from sluice import keys
from sluice.aws.closing_lines import CLOSINGS
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.datasets import compare_contract
from sluice.datasets.report_misplaced import STACK
from sluice.store.held_changes import ACCEPTED, BEGINS, ENDS
from testing.release_world import CONTRACT, PROJECT
from tests.console.stub import StubStack
from tests.unit.steps.label_files import send_labels
from tests.unit.steps.test_watch_steps import watched

TOKENS = {"token": "the-token-of-a-task"}
RUNS: list[dict[str, Any]] = [
    {"outcome": "promoted", "suspected_leaks": ["`page` copies the target"]},
    {"outcome": "rejected", "data": {"losses": [{"reason": "no_label", "text": "5 rows have no label"}]}},
    {"outcome": "not_approved", "approval": {"package_arn": "p", "requested_at": "2026-11-22T12:00Z", **TOKENS}},
    {"outcome": "failed", "error": {"state": "Train", "error": "E", "cause": "bad"}},
    {"outcome": "rolled_back", "rollback_verified": True, "abort_requested": {"reason": "alarm", "at": None}},
    {"outcome": "rolled_back", "rollback_verified": False, "told_of_hold": True},
    {"outcome": "drill_passed", "trigger": "drill"},
    {"outcome": "promoted", "rolled_back": {"reason": "worse", "verified": True, "at": "2026-11-22T13:00:00+00:00"}},
]


@pytest.fixture
def world() -> World:
    """A project to which everything has happened that leaves a record."""
    world = watched()
    now, ledger, objects = world.clock.now(), world.ledger, world.objects
    objects.write(keys.contract(PROJECT), b"project: shop")
    plain = Contract.model_validate(CONTRACT).model_dump(mode="json")
    ledger.save_contract(PROJECT, plain, str(objects.version(keys.contract(PROJECT))))
    for number, facts in enumerate(RUNS):
        ended = (now + timedelta(minutes=number)).isoformat()
        ledger.start_run(PROJECT, f"r{number:012x}", now, {"status": "finished", "ended_at": ended, **facts})
    facts = {"rows": 9, "quarantined_rows": 1, "key": "raw/shop/a.csv", "withdrawn_because": "wrong prices"}
    ledger.add_dataset(PROJECT, "d7", now, facts | {"withdrawn_at": now.isoformat()})
    send_labels(world, "good.csv", "id,bought\n1,true\n")
    send_labels(world, "bad.csv", "id,bought\n1,perhaps\n")
    for area, status in (("raw", "failed"), ("batch", "accepted"), ("batch", "failed")):
        key = f"{area}/{PROJECT}/{status}.csv"
        objects.write(key, b"x")
        record = {"status": status, "message": "why", "kind": area, "rows": 1, "reasons": [], "project": PROJECT}
        ledger.record_arrival(objects.bucket, key, str(objects.version(key)), record)
    for kind in ("rows", "contract"):
        expected = f"raw/{PROJECT}/x.csv" if kind == "rows" else keys.contract(PROJECT)
        ledger.add_ignored(STACK, now, {"key": f"odd/{kind}", "what": "w", "expected": expected, "kind": kind})
    for decision in ("retrain", "roll_back", "hold", "ignored"):
        answer = {"decision": decision, "inputs": {"alarm": "drift", "at": now.isoformat()}, "reasons": ["because"]}
        objects.write(keys.monitor(PROJECT, "responses", f"{decision}.json"), json.dumps(answer).encode())
    for number, answer in enumerate(("hold", "ask")):
        change = {"change_id": f"c{number}", "answer": answer, "reason": "unit", "sentence": "s", "champion": "r1"}
        begun = {"kind": BEGINS, "columns": ["pages"], "since": now.isoformat(), **change}
        named = {"change_id": f"c{number}"}
        for minutes, entry in enumerate((begun, {"kind": ENDS, **named}, {"kind": ACCEPTED, "by": "me", **named})):
            ledger.add_response(PROJECT, now + timedelta(minutes=minutes), entry)
    report = {"at": now.isoformat(), "problems": {"monitor/x": "damaged"}, "endpoint_missing": True}
    objects.write(keys.monitor(PROJECT, "latest.json"), json.dumps(report).encode())
    return world


def changed_contract(world: World) -> None:
    """The record of a contract that reads accepted rows otherwise, as the registration writes it."""
    before = world.ledger.contract(PROJECT)
    assert before is not None
    content = {**CONTRACT, "problem": {**CONTRACT["problem"], "positive": False}}
    ports = {name: getattr(world, name) for name in ("objects", "ledger")}
    world.ledger.add_dataset(PROJECT, "d8", world.clock.now(), {"rows": 9, "key": "raw/shop/b.csv"})
    contract = Contract.model_validate(content)
    compare_contract.begin(contract, "v9", before, **ports)
    plain = contract.model_dump(mode="json")
    compare_contract.finish(PROJECT, plain, "v9", None, alerts=world.alerts, clock=world.clock, **ports)


def test_every_kind_of_alert_is_rebuilt_or_named_as_one_without_a_record():
    assert alert_records.REBUILT | alert_records.UNRECORDED.keys() == CLOSINGS.keys()
    assert not alert_records.REBUILT & alert_records.UNRECORDED.keys()


def test_what_left_a_record_is_in_the_inbox(world: World):
    changed_contract(world)
    found = alerts.read(Source(StubStack(world)), None, PROJECT)
    assert {each["kind"] for each in found["records"]} == alert_records.REBUILT
    assert found["left_out"] == 0
    told = json.dumps(found)
    assert TOKENS["token"] not in told
    leak = next(each for each in found["records"] if each["kind"] == "Leakage Suspected")
    assert (leak["message"], leak["run_id"]) == ("`page` copies the target", "r000000000000")
    later = next(each for each in found["records"] if "after its promotion" in each["subject"])
    assert later["at"] == "2026-11-22T13:00:00+00:00"


def test_a_newer_contract_that_is_not_in_force_is_seen(world: World):
    world.objects.write(keys.contract(PROJECT), b"project: [")
    found = alerts.read(Source(StubStack(world)), None, PROJECT)["records"]
    assert any("is not in force" in each["subject"] for each in found if each["kind"] == "Contract Refused")


def test_older_records_that_are_not_shown_are_counted(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(alerts, "MAX_RECORDS", 3)
    found = alerts.read(Source(StubStack(world)), None)
    assert (len(found["records"]), found["left_out"] > 10) == (3, True)
    assert [each["at"] for each in found["records"]] == sorted((each["at"] for each in found["records"]), reverse=True)
