"""The record in S3 names the slices; ledger, alert and execution history name those that the contract lists."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice import keys
from sluice.contract import Contract
from sluice.records.run_record import RunFacts
from sluice.steps.judge_candidate import judge_candidate
from sluice.store.run_records import update_run
from testing.release_world import CONTRACT, NEW, PROJECT, build, evaluated, evaluation, freeze

SECRET = ("secret-a", "secret-b")
SEGMENTS = {
    name: {"rows": 50, "relevant": 20, "value": recall, "error": 0.1} for name, recall in zip(SECRET, (0.9, 0.1))
}
GAP = {
    "slice": "channel",
    "metric": "recall",
    "bins": 4,
    "confidence": 0.95,
    "segments": SEGMENTS,
    "too_small": {"values": 0, "rows": 0},
    "missing": 0,
    "low": 0.5,
    "high": 1.0,
    "apart": SECRET,
    "widest": SECRET,
}


@pytest.mark.parametrize("listed", [True, False])
def test_slices_that_no_contract_lists_are_told_by_their_hash(listed: bool) -> None:
    world = build()
    channel: dict[str, Any] = {"type": "category", "values": list(SECRET) if listed else None}
    data = {**CONTRACT["data"], "columns": {**CONTRACT["data"]["columns"], "channel": channel}}
    gates = [{"metric": "recall", "slice": "channel", "max_gap": 0.1}]
    plain = Contract.model_validate({**CONTRACT, "data": data, "gates": gates}).model_dump(mode="json")
    freeze(world, NEW, plain)
    evaluated(world, NEW, evaluation(gaps=[GAP]))

    answer = world.call(judge_candidate, PROJECT, NEW)
    assert answer["decision"] == "rejected"
    record = json.loads(world.objects.read(answer["record"]))
    assert "secret-a 0.9000" in record["reasons"][0]
    assert "secret-a and secret-b differ" in record["reasons"][0]
    told = json.dumps([answer, world.ledger.run(PROJECT, NEW), [str(alert) for alert in world.alerts.published]])
    assert ("secret-a" in told) is listed
    assert ("value " in told) is not listed
    assert "differ by at least 0.5000 at confidence 0.95, above 0.1" in told


SUSPECT = {"kind": "copy", "columns": ["status"], "evidence": "it answers all", "advice": "drop it"}


@pytest.mark.parametrize("part", ["suspects", "accepted"])
def test_a_suspected_leak_is_on_the_record_and_in_an_alert_unless_it_is_accepted(part: str) -> None:
    world = build()
    freeze(world, NEW, Contract.model_validate(CONTRACT).model_dump(mode="json"))
    evaluated(world, NEW, evaluation(leakage={part: [SUSPECT]}))
    answer = world.call(judge_candidate, PROJECT, NEW)
    suspected = part == "suspects"
    notes = json.loads(world.objects.read(answer["record"]))["notes"]
    assert len(notes) == (5 if suspected else 1)
    assert notes[0].startswith("suspected leak: 'status'" if suspected else "accepted by features.known_before")
    assert ("Leakage Suspected" in world.alerts.kinds) is suspected
    told = world.ledger.run(PROJECT, NEW).get("suspected_leaks")
    assert told == (["'status': it answers all. What to do: drop it"] if suspected else None)


def test_a_rejection_for_a_leak_says_which_lines_to_paste() -> None:
    world = build()
    plain = {**CONTRACT, "gates": [{"metric": "suspected_leaks", "max": 0}], "features": {"log": ["pages"]}}
    freeze(world, NEW, Contract.model_validate(plain).model_dump(mode="json"))
    several = {**SUSPECT, "columns": ["a part", "rest"]}
    evaluated(world, NEW, evaluation(leakage={"suspects": [SUSPECT, several]}))
    assert world.call(judge_candidate, PROJECT, NEW)["decision"] == "rejected"
    pasted = [
        "  features: {log: [pages], drop: [status, a part, rest]}",
        "Then run:",
        f'  sluice register project.yaml && sluice retrain {PROJECT} --reason "leaks dropped"',
    ]
    assert world.ledger.run(PROJECT, NEW)["without_leaks"][1:] == pasted
    assert pasted[0] in json.loads(world.objects.read(keys.decision(PROJECT, NEW, "gates")))["notes"]
    for kind in ("Leakage Suspected", "Candidate Rejected"):
        message = next(each.message for each in world.alerts.published if each.kind == kind)
        assert "\n".join(pasted) in message


@pytest.mark.parametrize("leaks", [["'status': it answers all"], None], ids=["a leak", "none"])
def test_a_candidate_that_a_leaking_champion_keeps_out_is_told_the_way_on(leaks: list[str] | None) -> None:
    world = build()
    gates = [{"metric": "roc_auc", "not_worse_than_champion_by": 0.01}]
    freeze(world, NEW, Contract.model_validate({**CONTRACT, "gates": gates}).model_dump(mode="json"))
    serving = world.ledger.champion(PROJECT)
    assert serving is not None
    update_run(PROJECT, serving.run_id, RunFacts(suspected_leaks=leaks), ledger=world.ledger)
    worse = {"roc_auc": {"difference": -0.09, "low": -0.1, "high": -0.08, "confidence": 0.95}}
    champion = {"metrics": {"roc_auc": 0.99}, "artifact_sha256": "a" * 64}
    evaluated(world, NEW, evaluation(paired=worse, champion=champion))
    answer = world.call(judge_candidate, PROJECT, NEW)
    assert answer["decision"] == "rejected"
    told = [reason for reason in answer["reasons"] if "suspected of a leak" in reason]
    assert len(told) == (1 if leaks else 0)
    assert all(serving.run_id in reason and "not_worse_than_champion_by" in reason for reason in told)


def test_how_the_window_was_chosen_is_among_the_notes() -> None:
    world = build()
    quick = {"window": "all", "rows": 900, "value": 0.8, "low": 0.78, "high": 0.82}
    better = {**quick, "window": "90d", "value": 0.85, "gain": {"difference": 0.05, "low": 0.02, "high": 0.08}}
    choice = {"chosen": "90d", "metric": "roc_auc", "rows": 300, "learned": 700, "windows": [quick, better]}
    evaluated(world, NEW, evaluation(window={**choice, "why_not": {"since_drift": "its older rows lack a class"}}))
    answer = world.call(judge_candidate, PROJECT, NEW)
    assert json.loads(world.objects.read(answer["record"]))["notes"] == [
        "retrain.window: 90d is learned from, 700 rows; roc_auc of quick models on the 300 newest rows: all 0.8 (0.78 "
        "to 0.82), 90d 0.85 (0.78 to 0.82); it is surely better than all, by 0.05 (0.02 to 0.08); since_drift was not "
        "compared: its older rows lack a class"
    ]


def test_the_verdict_of_the_learning_curve_is_among_the_notes() -> None:
    world = build()
    evaluated(world, NEW, evaluation(learning_curve={"verdict": "over-fitting: it keeps half"}))
    answer = world.call(judge_candidate, PROJECT, NEW)
    assert json.loads(world.objects.read(answer["record"]))["notes"] == ["learning curve: over-fitting: it keeps half"]


@pytest.mark.parametrize(("judged", "short"), [(7, True), (19, False)])
def test_a_search_that_had_too_little_time_is_on_the_record_and_among_the_notes(judged: int, short: bool) -> None:
    world = build()
    searched = {"trials": 12, "scored": 6, "portfolio": 19, "judged": judged, "budget_seconds": 120.0}
    evaluated(world, NEW, evaluation(search=searched))
    answer = world.call(judge_candidate, PROJECT, NEW)
    notes = json.loads(world.objects.read(answer["record"]))["notes"]
    told = world.ledger.run(PROJECT, NEW).get("few_trials")
    assert notes == ([told] if short else [])
    assert told is None or "auto had time for 7 of the 19 configurations" in told


LOSSES = [
    {"reason": "superseded_by_key", "column": None, "rows": 40, "of": 400, "text": "40 of 400 rows are replaced"},
    {"reason": "not_converted", "column": "seats", "rows": 3, "of": 400, "text": "3 of 400 values of 'seats'"},
]


@pytest.mark.parametrize(("losses", "alerted"), [(LOSSES, True), (LOSSES[:1], False), ([], False)])
def test_what_became_of_the_rows_is_on_the_record_and_in_an_alert(losses: list[dict[str, Any]], alerted: bool) -> None:
    world = build()
    manifest = {"rows_read": 400, "rows": {"train": 240, "validation": 80, "test": 40}, "losses": losses}
    world.objects.write(keys.run(PROJECT, NEW, "prepared", "manifest.json"), json.dumps(manifest).encode())
    world.call(judge_candidate, PROJECT, NEW)
    record = world.ledger.run(PROJECT, NEW)["data"]
    assert record["rows_read"] == 400
    assert [loss["text"] for loss in record["losses"]] == [loss["text"] for loss in losses]
    assert ("Data Changed" in world.alerts.kinds) is alerted
    if alerted:
        told = next(alert for alert in world.alerts.published if alert.kind == "Data Changed")
        assert "3 of 400 values of 'seats'" in told.message
        assert "replaced" not in told.message, "the contract asks for that"


def test_the_report_and_the_card_lie_beside_the_evaluation_and_the_alert_says_where() -> None:
    world = build()
    gates = [{"metric": "roc_auc", "min": 0.99}]
    freeze(world, NEW, Contract.model_validate({**CONTRACT, "gates": gates}).model_dump(mode="json"))
    answer = world.call(judge_candidate, PROJECT, NEW)
    assert answer["decision"] == "rejected"
    address = world.objects.uri(keys.evaluation_report(PROJECT, NEW))
    page = world.objects.read(keys.evaluation_report(PROJECT, NEW)).decode()
    assert "is below the minimum 0.99" in page
    assert NEW in world.objects.read(keys.model_card(PROJECT, NEW)).decode()
    told = next(alert for alert in world.alerts.published if alert.kind == "Candidate Rejected")
    assert f"Report: {address}" in told.message
    assert world.ledger.run(PROJECT, NEW)["report"] == address
    assert json.loads(world.objects.read(answer["record"]))["report"] == address


def test_a_report_that_cannot_be_drawn_does_not_stop_the_gates_and_is_reported() -> None:
    world = build()
    world.objects.write(keys.run(PROJECT, NEW, "evaluation", "plots.json"), b'{"roc": "not a curve"}')
    answer = world.call(judge_candidate, PROJECT, NEW)
    assert answer["decision"] == "approved"
    record = json.loads(world.objects.read(answer["record"]))
    assert record["report"] is None
    assert record["notes"] == ["the report could not be written (DamagedRecordError); evaluation.json has its figures"]


def test_a_refused_warm_start_is_on_the_record() -> None:
    world = build()
    world.call(judge_candidate, PROJECT, NEW)
    assert "warm_start_refused" not in world.ledger.run(PROJECT, NEW)
    world.call(judge_candidate, PROJECT, NEW, "Could not find the parent tuning job sluice-r0-t." * 50)
    told = world.ledger.run(PROJECT, NEW)["warm_start_refused"]
    assert told.startswith("Could not find the parent tuning job")
    assert len(told) <= 560
