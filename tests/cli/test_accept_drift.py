"""`sluice accept-drift`: a person says that a held change is real, and hears what follows from it."""

from __future__ import annotations

import getpass
import json
from datetime import timedelta

from sluice import keys
from sluice.steps.request_retraining import request_retraining
from tests.cli.stack import RUN, serve, start


def held(world, answer: str = "hold") -> None:
    start(world, RUN, datasets=["d1"])
    serve(world)
    at = world.clock.now()
    since = (at - timedelta(hours=1)).timestamp()
    triage = {"answer": answer, "reason": "scale", "columns": ["pages"], "sentence": "× 1,000", "since": since}
    report = {"at": at.isoformat(), "run_id": RUN, "decision": "drifted", "triage": triage}
    world.objects.write(keys.monitor("shop", "latest.json"), json.dumps(report).encode())
    world.ledger.add_dataset("shop", "d2", at, {"rows": 1_000, "key": "raw/shop/d2.csv"})


def test_it_records_who_and_why_and_starts_the_retraining(sluice, world):
    held(world)
    code, printed, _ = sluice("accept-drift", "shop", "--reason", "new prices")
    assert code == 0
    assert "accepted: scale in pages, since 2026-" in printed
    assert "learn again from 1 dataset of its time (1,000 rows)" in printed
    assert "a retraining was requested" in printed
    [detail] = [detail for kind, detail in world.events.put_events if kind == "Training Requested"]
    assert detail["trigger"] == "drift"
    assert "new prices" in detail["reason"]
    assert detail["reason"].startswith(getpass.getuser())


def test_one_of_several_held_changes_is_chosen_by_its_id(sluice, world):
    held(world)
    sluice("accept-drift", "shop", "--reason", "new prices")
    at = world.clock.now()
    about = {"kind": "held-change", "answer": "hold", "reason": "scale", "sentence": "× 2", "champion": RUN}
    for change_id, column in (("one", "price"), ("two", "weight")):
        facts = about | {"change_id": change_id, "columns": [column], "since": at.isoformat()}
        world.ledger.add_response("shop", at, facts)
    answer = json.loads(sluice("accept-drift", "shop", "--change", "two", "--json")[1])
    assert [each["columns"] for each in answer["changes"]] == [["weight"]]
    code, _, error = sluice("accept-drift", "shop", "--change", "one", "--change", "two")
    assert (code, "was accepted by" in error) == (1, True)


def test_json_has_the_change_and_the_record(sluice, world):
    held(world, "ask")
    answer = json.loads(sluice("accept-drift", "shop", "--json")[1])
    assert (answer["decision"], answer["changes"][0]["columns"], answer["datasets"]) == ("retrain", ["pages"], [])
    assert world.objects.exists(answer["record"])


def test_a_person_ends_a_fault_and_hears_which_rows_stay_out(sluice, world):
    held(world)
    world.clock.advance(60)
    code, printed, _ = sluice("end-fault", "shop", "--reason", "unit corrected", "--until", "soon")
    assert code == 1
    code, printed, _ = sluice("end-fault", "shop", "--reason", "unit corrected")
    assert code == 0
    assert "over: scale, from 2026-" in printed
    assert "1 dataset of that time (1,000 rows) stay" in printed
    assert f"says {getpass.getuser()}; its rows stay out of later runs" in sluice("responses", "shop")[1]
    assert not [kind for kind, _ in world.events.put_events if kind == "Training Requested"]


def test_with_nothing_held_it_says_so_and_fails(sluice, world):
    code, _, error = sluice("accept-drift", "shop")
    assert code == 1
    assert "nothing is held for shop" in error
    assert sluice("accept-drift", "shpo")[0] == 1


def test_what_the_governor_holds_is_said_with_the_way_on(sluice, world):
    held(world)
    contract, _ = world.ledger.contract("shop")
    world.ledger.save_contract("shop", {**contract, "retrain": {**contract["retrain"], "max_per_week": 0}}, "v2")
    code, printed, _ = sluice("accept-drift", "shop")
    assert code == 0
    assert "retrain.max_per_week allows" in printed
    assert "sluice retrain shop" in printed


def test_responses_show_what_is_held_and_every_decision(sluice, world):
    held(world)
    assert "shop has no response yet" in sluice("responses", "shop")[1]
    sluice("accept-drift", "shop", "--reason", "new prices")
    code, printed, _ = sluice("responses", "shop")
    assert code == 0
    first, second = printed.index("Response to accept-drift"), printed.index("Response to triage")
    assert first != second
    assert f"accepted as real by {getpass.getuser()}" in printed
    assert "new prices" in printed
    found = json.loads(sluice("responses", "shop", "--json", "--limit", "1")[1])
    assert (len(found["responses"]), found["held_changes"][0]["reason"]) == (1, "scale")
    assert "1 older one" in sluice("responses", "shop", "--limit", "1")[1]


def test_why_names_the_response_that_started_a_run(sluice, world):
    held(world)
    contract, _ = world.ledger.contract("shop")
    world.ledger.save_contract("shop", {**contract, "retrain": {"schedule": "1d", "max_per_week": 9}}, "v2")
    sluice("accept-drift", "shop", "--reason", "new prices")
    world.clock.advance(60)
    world.call(request_retraining, "shop")
    world.clock.advance(60)
    for run_id, trigger, cause in (
        ("raaaaaaaaaaaa", "drift", "accept-drift"),
        ("rbbbbbbbbbbbb", "schedule", "the schedule"),
    ):
        world.ledger.start_run("shop", run_id, world.clock.now(), {"trigger": trigger, "status": "running"})
        assert f"Response to {cause}" in sluice("why", run_id)[1]
