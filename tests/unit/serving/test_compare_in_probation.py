"""Probation by labels: a promoted model against its predecessor, from the replay to the alarm that takes it back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.ports import Answer
from sluice.records.evaluation import Measured
from sluice.serving.ensure_monitoring import ensure_monitoring
from sluice.steps.complete_release import complete_release
from sluice.steps.monitor_model import monitor_model
from sluice.steps.plan_release import plan_release
from sluice.steps.register_model import register_model
from sluice.steps.replay_requests import replay_requests
from sluice.steps.respond_to_alarm import respond_to_alarm
from testing.release_world import (
    CONTRACT,
    ENDPOINT,
    NEW,
    OLD,
    PROJECT,
    URI,
    artifact,
    build,
    evaluated,
    evaluation,
    freeze,
)
from tests.unit.steps.captures import lay
from tests.unit.steps.label_files import send_labels

Row = dict[str, Any]
Model = Callable[[Row], dict[str, Any]]
ROWS = [{"id": f"visitor-{number}", "pages": number % 9} for number in range(200)]
COLUMNS = CONTRACT["data"]["columns"]
NUMBERS = {
    "problem": {"type": "regression", "target": "amount"},
    "data": {"key": ["id"], "columns": {**COLUMNS, "amount": {"type": "number"}}},
    "gates": [{"metric": "rmse", "max": 10}],
    "monitor": {},
}
COLOURS = {
    "problem": {"type": "multiclass", "target": "colour"},
    "data": {
        "key": ["id"],
        "columns": {**COLUMNS, "colour": {"type": "category", "values": ["scarlet", "viridian", "cobalt"]}},
    },
    "gates": [{"metric": "accuracy", "min": 0.5}],
    "monitor": {},
}
GRADES = {
    **COLOURS,
    "problem": {"type": "multiclass", "target": "grade"},
    "data": {"key": ["id"], "columns": {**COLUMNS, "grade": {"type": "integer"}}},
}


def bought(row: Row) -> bool:
    return int(row["pages"]) >= 4


def sure(row: Row) -> dict[str, Any]:
    return {"prediction": bought(row), "probability": 0.9 if bought(row) else 0.1}


def turned_around(row: Row) -> dict[str, Any]:
    return {"prediction": not bought(row), "probability": 0.2 if bought(row) else 0.8}


def amount(row: Row) -> float:
    return 700.25 + int(row["pages"])


def missing_by(much: float) -> Model:
    return lambda row: {"prediction": amount(row) + much}


def colour(row: Row) -> str:
    return ("scarlet", "viridian", "cobalt")[int(row["pages"]) % 3]


def seen(row: Row) -> dict[str, Any]:
    return {"prediction": colour(row), "probability": 0.8}


def blind(_: Row) -> dict[str, Any]:
    return {"prediction": "scarlet", "probability": 0.8}


def promoted(old: Model, new: Model, content: dict[str, Any] | None = None, mae: float = 2.0, **release: Any) -> World:
    """`r2` serves and is in probation; before that the requests for `r1` were replayed to both."""
    world = build(**release)
    if content:
        plain = Contract.model_validate({**CONTRACT, **content}).model_dump(mode="json")
        world.ledger.save_contract(PROJECT, plain, "v2")
        for run in (OLD, NEW):
            freeze(world, run, plain)
        measured = Measured(metrics={"mae": mae}, artifact_sha256=artifact()[1])
        evaluated(world, NEW, evaluation(metric="mae", problem="regression", lower_is_better=True, candidate=measured))
    models = {"v-r1": old, "v-r2": new}
    world.models.answer = lambda call: Answer(
        200, json.dumps({"predictions": [models[str(call.variant)](json.loads(call.body))]}).encode(), call.variant
    )
    arn = world.call(register_model, PROJECT, NEW, URI)["package_arn"]
    plan = world.call(plan_release, PROJECT, NEW, arn, URI)
    world.models.put_endpoint(ENDPOINT, plan["canary_config"] or plan["only_config"])
    lay(world, "v-r1", ROWS)
    if plan["replay"]:
        assert world.call(replay_requests, PROJECT, NEW, plan)["decision"] == "pass"
    world.models.put_endpoint(ENDPOINT, plan["only_config"])
    world.call(complete_release, PROJECT, NEW, "promoted", arn, URI, plan)
    world.alerts.published.clear()
    return world


def label(world: World, truth: Callable[[Row], Any], by: str = "inference_id", rows: int = 200, target: str = "bought"):
    named = [f"i{number}" if by == "inference_id" else row["id"] for number, row in enumerate(ROWS)]
    lines = [f"{name},{_text(truth(row))}" for name, row in zip(named[:rows], ROWS)]
    send_labels(world, f"{by}-{rows}.csv", "\n".join([f"{by},{target}", *lines]))
    world.alerts.published.clear()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def look(world: World) -> dict[str, Any] | None:
    """What the look says of the probation, which the report has too."""
    report = json.loads(world.objects.read(world.call(monitor_model, PROJECT)["report"]))
    return report["probation"]


def told(world: World) -> list[float]:
    return [metric.value for metric in world.metrics.published if metric.name == "ProbationWorse"]


def record(world: World) -> dict[str, Any]:
    return json.loads(world.objects.read(keys.monitor(PROJECT, "probation", f"{NEW}.json")))


def ringing(world: World, at: str = "2026-11-22T13:00:00.000+0000") -> dict[str, Any]:
    """The event of the probation's alarm, if the newest value makes it ring."""
    alarm = world.alarms.alarms["sluice/shop/probation"]
    assert (alarm.metric, alarm.dimensions, alarm.missing) == ("ProbationWorse", {"Project": PROJECT}, "ignore")
    assert (alarm.comparison, alarm.statistic) == ("GreaterThanThreshold", "Maximum")
    state = "ALARM" if told(world)[-1] > alarm.threshold else "OK"
    return {"alarmName": alarm.name, "state": {"value": state, "timestamp": at}}


@pytest.mark.parametrize("by", ["inference_id", "id"])
def test_a_worse_model_is_taken_back_once(by: str) -> None:
    world = promoted(sure, turned_around)
    label(world, bought, by)
    found = look(world)
    assert found is not None
    assert (found["decision"], found["inconclusive"]) == ("roll_back", False)
    assert "the new model is worse: Brier score 0.64 against 0.01, on 200 rows" in found["reasons"][0]
    assert told(world) == [1.0]
    assert record(world)["inputs"] == {"pairs": 200, "labelled": 200, "predecessor": OLD}
    answers = [world.call(respond_to_alarm, ringing(world))["decision"] for _ in range(2)]
    assert answers == ["roll_back", "duplicate"]
    [(arn, request)] = world.executions.started.items()
    assert ":sluice-rollback:" in arn
    assert request == {
        "project": PROJECT,
        "reason": "alarm probation while the model is in probation",
        "from_run": NEW,
    }
    assert world.alerts.kinds == ["Rollback Started"]


def test_a_model_that_is_as_good_stays() -> None:
    world = promoted(sure, sure)
    label(world, bought)
    found = look(world)
    assert found is not None
    assert (found["decision"], found["inconclusive"], found["statistic"]["log_e"]) == ("keep", False, 0.0)
    assert told(world) == [0.0]
    assert world.call(respond_to_alarm, ringing(world))["decision"] == "ignored"
    assert world.executions.started == {}


def test_a_better_model_stays() -> None:
    world = promoted(turned_around, sure)
    label(world, bought)
    found = look(world)
    assert found is not None
    assert found["decision"] == "keep"
    assert told(world) == [0.0]


def test_few_labels_keep_it_and_say_that_they_show_nothing() -> None:
    world = promoted(sure, turned_around)
    found = look(world)
    assert found is not None
    assert (found["decision"], found["inconclusive"], found["statistic"]["rows"]) == ("keep", True, 0)
    label(world, bought, rows=2)
    found = look(world)
    assert found is not None
    assert (found["decision"], found["inconclusive"], found["statistic"]["rows"]) == ("keep", True, 2)
    assert "2 labelled rows of 100 that are needed" in found["reasons"][1]
    assert told(world) == [0.0, 0.0]
    label(world, bought, rows=100)
    found = look(world)
    assert found is not None
    assert found["decision"] == "roll_back"
    assert told(world) == [0.0, 0.0, 1.0]


def test_a_row_that_is_labelled_by_id_and_by_key_counts_once() -> None:
    world = promoted(sure, turned_around)
    for by in ("inference_id", "id"):
        label(world, bought, by, rows=3)
    found = look(world)
    assert found is not None
    assert found["statistic"]["rows"] == 3


def _over(world: World) -> None:
    world.clock.advance(24 * 3600)


def _without_a_predecessor(world: World) -> None:
    champion = world.ledger.champion(PROJECT)
    assert champion is not None
    world.ledger.champions[PROJECT] = replace(champion, previous=None)


def _without_pairs(world: World) -> None:
    for name in ("requests", "pairs"):
        del world.objects.versions[keys.run(PROJECT, NEW, "replay", f"{name}.json")]


@pytest.mark.parametrize("change", [_over, _without_a_predecessor, _without_pairs])
def test_nothing_is_compared(change: Callable[[World], None]) -> None:
    world = promoted(sure, turned_around)
    label(world, bought)
    change(world)
    assert look(world) is None
    assert told(world) == []
    assert not world.objects.exists(keys.monitor(PROJECT, "probation", f"{NEW}.json"))


def test_nothing_is_compared_after_a_release_that_replays_nothing() -> None:
    world = promoted(sure, turned_around, strategy="blue_green")
    label(world, bought)
    assert look(world) is None
    assert told(world) == []


def test_until_the_last_second_of_the_probation() -> None:
    world = promoted(sure, turned_around, probation="2h")
    label(world, bought)
    champion = world.ledger.champion(PROJECT)
    assert champion is not None
    assert champion.probation_until == champion.promoted_at + timedelta(hours=2)
    world.clock.advance(2 * 3600 - 1)
    assert look(world) is not None
    world.clock.advance(1)
    assert look(world) is None


def test_an_alarm_that_comes_after_the_probation_is_held_and_told() -> None:
    world = promoted(sure, turned_around)
    label(world, bought)
    look(world)
    event = ringing(world)
    _over(world)
    assert world.call(respond_to_alarm, event)["decision"] == "hold"
    assert world.executions.started == {}
    assert "is worse than the one before, but it is not in probation" in world.alerts.published[0].message


def test_the_next_model_begins_with_an_alarm_of_its_own() -> None:
    world = promoted(sure, sure)
    world.alarms.state["sluice/shop/probation"] = "ALARM"
    assert "sluice/shop/probation" in world.call(ensure_monitoring, PROJECT, reset=True)["alarms"]
    assert world.alarms.state["sluice/shop/probation"] == "INSUFFICIENT_DATA"
    _without_a_predecessor(world)
    assert "sluice/shop/probation" not in world.call(ensure_monitoring, PROJECT)["alarms"]


@pytest.mark.parametrize("old_is_off_by", [0.5, 2.0])
def test_numbers_are_compared_by_their_errors(old_is_off_by: float) -> None:
    world = promoted(missing_by(old_is_off_by), missing_by(8.0), NUMBERS)
    label(world, amount, target="amount")
    found = look(world)
    assert found is not None
    assert found["decision"] == "roll_back"
    assert f"mean absolute error 8 against {old_is_off_by:g}, on 200 rows" in found["reasons"][0]
    # ten times the mean absolute error of the evaluation
    assert record(world)["thresholds"] == {"alpha": 0.05, "cap": 20.0}


def test_errors_beyond_the_cap_count_as_the_cap() -> None:
    world = promoted(missing_by(1.0), missing_by(1_000.0), NUMBERS)
    label(world, amount, target="amount")
    found = look(world)
    assert found is not None
    assert (found["statistic"]["new"], found["statistic"]["capped"]) == (20.0, 200)


@pytest.mark.parametrize("mae", [0.0, math.nan])
def test_numbers_without_a_known_error_are_not_compared(mae: float) -> None:
    world = promoted(missing_by(1.0), missing_by(8.0), NUMBERS, mae=mae)
    label(world, amount, target="amount")
    assert look(world) is None


@pytest.mark.parametrize(("old", "new", "decision"), [(seen, blind, "roll_back"), (seen, seen, "keep")])
def test_classes_are_compared_by_being_right(old: Model, new: Model, decision: str) -> None:
    world = promoted(old, new, COLOURS)
    label(world, colour, target="colour")
    found = look(world)
    assert found is not None
    assert (found["decision"], found["statistic"]["measure"]) == (decision, "share of wrong answers")
    assert found["statistic"]["old"] == 0.0
    # two of three colours are not scarlet
    wrong = sum(colour(row) != "scarlet" for row in ROWS) / len(ROWS)
    assert found["statistic"]["new"] == pytest.approx(wrong if new is blind else 0.0)


@pytest.mark.parametrize("written", ["{}", "{}.0", " {}"])
@pytest.mark.parametrize("answered", [int, float])
def test_classes_that_are_numbers_are_equal_however_written(written: str, answered: Callable[[int], Any]) -> None:
    def right(row: Row) -> dict[str, Any]:
        return {"prediction": answered(row["pages"]), "probability": 0.7}

    world = promoted(right, lambda _: {"prediction": answered(0), "probability": 0.7}, GRADES)
    label(world, lambda row: written.format(row["pages"]), target="grade")
    found = look(world)
    assert found is not None
    assert (found["decision"], found["statistic"]["old"]) == ("roll_back", 0.0)


@pytest.mark.parametrize(
    ("content", "models", "truth", "target", "strange"),
    [
        (None, (sure, turned_around), bought, "bought", ["perhaps", "2", "nan", "'", "wahr"]),
        (
            NUMBERS,
            (missing_by(1.0), missing_by(8.0)),
            amount,
            "amount",
            ["seven", "nan", "inf", "-Infinity", "1e999", "7;5"],
        ),
        (COLOURS, (seen, blind), colour, "colour", ["mauve", "SCARLET", "0", "null", "[]"]),
        (GRADES, (lambda row: {"prediction": row["pages"], "probability": 0.7},) * 2, None, "grade", ["A", "inf"]),
    ],
    ids=["binary", "numbers", "colours", "grades"],
)
def test_labels_that_are_none_of_their_kind_speak_against_nobody(content, models, truth, target, strange) -> None:
    truth = truth or (lambda row: row["pages"])
    world = promoted(*models, content)
    label(world, truth, target=target)
    whole = look(world)
    mixed = promoted(*models, content)
    label(mixed, lambda row: strange[ROWS.index(row) % len(strange)], by="id", target=target)
    found = look(mixed)
    assert found is not None
    assert (found["decision"], found["statistic"]["rows"]) == ("keep", 0)
    # and good ones beside them say what they said
    label(mixed, truth, target=target)
    assert look(mixed) == whole


def test_answers_that_break_the_contract_are_left_out() -> None:
    world = promoted(sure, turned_around)
    key = keys.run(PROJECT, NEW, "replay", "pairs.json")
    pairs = json.loads(world.objects.read(key))
    pairs[0]["challenger"] = {"status": 500, "milliseconds": 1.0}
    pairs[1]["champion"] |= {"valid": False, "labels": [], "scores": []}
    world.objects.write(key, json.dumps(pairs).encode())
    label(world, bought)
    found = look(world)
    assert found is not None
    assert found["statistic"]["rows"] == len(ROWS) - 2
    assert record(world)["inputs"] == {"pairs": 200, "labelled": 198, "predecessor": OLD}


def test_rows_of_one_request_have_their_own_labels() -> None:
    world = promoted(sure, turned_around)
    folder = (PROJECT, NEW, "replay")
    request = json.loads(world.objects.read(keys.run(*folder, "requests.json")))[0]
    body = "id,pages\n" + "\n".join(f"{row['id']},{row['pages']}" for row in ROWS[:50])
    request |= {"id": "many", "body": body, "content_type": "text/csv", "rows": 50}
    said = {"status": 200, "milliseconds": 1.0, "valid": True, "labels": ["true"] * 50}
    pair = {
        "champion": {**said, "scores": [sure(row)["probability"] for row in ROWS[:50]]},
        "challenger": {**said, "scores": [turned_around(row)["probability"] for row in ROWS[:50]]},
    }
    for name, content in (("requests", [request]), ("pairs", [pair])):
        world.objects.write(keys.run(*folder, f"{name}.json"), json.dumps(content).encode())
    lines = [f"many-{number},{_text(bought(row))}" for number, row in enumerate(ROWS[:50])]
    send_labels(world, "a.csv", "\n".join(["inference_id,bought", *lines]))
    label(world, bought, by="id", rows=30)
    found = look(world)
    assert found is not None
    assert (found["statistic"]["rows"], found["statistic"]["old"]) == (50, pytest.approx(0.01))


@pytest.mark.parametrize(
    ("content", "models", "truth", "target"),
    [
        (NUMBERS, (missing_by(1.0), missing_by(8.0)), amount, "amount"),
        (COLOURS, (seen, blind), colour, "colour"),
    ],
    ids=["numbers", "colours"],
)
def test_values_of_rows_are_not_told(content, models, truth, target) -> None:
    world = promoted(*models, content)
    label(world, truth, target=target)
    look(world)
    assert world.call(respond_to_alarm, ringing(world))["decision"] == "roll_back"
    # what keeps answers and labels, joined for later measurements, has rows; what tells of them must have none
    rows = tuple(keys.monitor(PROJECT, name) for name in ("answers", "labels", "hours"))
    stored = [each.key for each in world.objects.list(keys.monitor(PROJECT))]
    written = [world.objects.read(key).decode() for key in stored if not key.startswith(rows)]
    assert any('"kind": "probation"' in text for text in written)
    alerts = [json.dumps([told.subject, told.message, told.facts]) for told in world.alerts.published]
    metrics = [json.dumps([metric.name, metric.value, metric.dimensions]) for metric in world.metrics.published]
    started = [json.dumps(request) for request in world.executions.started.values()]
    values = {str(truth(row)) for row in ROWS} | {str(model(row)["prediction"]) for model in models for row in ROWS}
    values |= {row["id"] for row in ROWS}
    for text in [*written, *alerts, *metrics, *started]:
        assert not [value for value in values if value in text]
