"""Each door hands its event to its step as the step wants it; the steps themselves are tested elsewhere."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from sluice import bootstrap
from tests.functions.conftest import CONTEXT, ROOT, load, recorded

EVENTS = {
    "register_project": ("contract_created", {"key": "projects/shop/project.yaml", "size": 131072}),
    "plan_batch": ("contract_created", {"version_id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "size": 131072}),
    "profile_dataset": ("dataset_accepted", {"project": "shop", "dataset_id": "0123456789abcdef"}),
    "resume_approval": ("package_approved", {"status": "Approved"}),
    "respond_to_alarm": ("alarm_raised", {}),
    "finish_run": ("run_stopped", {"project": "shop", "run_id": "r0123456789ab", "outcome": "failed"}),
}
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


def recorder(name: str, calls: list[dict[str, Any]]) -> Callable[..., Any]:
    """Stands for the step, and refuses what its real signature would refuse."""
    real = getattr(importlib.import_module(f"sluice.steps.{name}"), name)
    signature, ports = inspect.signature(real), bootstrap.ports_of(real)
    assert ports

    def step(*args: Any, **kwargs: Any) -> dict[str, Any]:
        signature.bind(*args, **kwargs)
        calls.append({each: value for each, value in kwargs.items() if each not in ports})
        return {"ok": True}

    step.__signature__ = signature  # type: ignore[attr-defined]
    return step


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_reaches_its_step(name: str, run: Callable[..., Any]) -> None:
    event, expected = EVENTS[name]
    calls: list[dict[str, Any]] = []
    assert run(name, recorded(event), recorder(name, calls)) == {"ok": True}
    assert len(calls) == 1
    assert expected.items() <= calls[0].items()


def test_each_message_is_one_arrival_under_its_very_key(run: Callable[..., Any]) -> None:
    calls: list[dict[str, Any]] = []
    answer = run("validate_dataset", recorded("arrivals_queue"), recorder("validate_dataset", calls))
    assert answer == {"batchItemFailures": []}
    assert [call["key"] for call in calls] == ["raw/shop/a+b c%20.csv", "raw/shop/second.csv"]
    assert calls[0]["version_id"] == "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"


@pytest.mark.parametrize("failing", [{"raw/shop/second.csv"}, {"raw/shop/second.csv", "raw/shop/a+b c%20.csv"}])
def test_only_the_messages_that_fail_come_back(run: Callable[..., Any], failing: set[str]) -> None:
    def step(key: str, **_: Any) -> dict[str, Any]:
        if key in failing:
            raise ConnectionError("the table did not answer")
        return {}

    event = recorded("arrivals_queue")
    answer = run("validate_dataset", event, step)
    expected = [
        record["messageId"]
        for record in event["Records"]
        if json.loads(record["body"])["detail"]["object"]["key"] in failing
    ]
    assert [item["itemIdentifier"] for item in answer["batchItemFailures"]] == expected


def test_a_dead_letter_reaches_its_step_with_what_eventbridge_says(run: Callable[..., Any]) -> None:
    calls: list[dict[str, Any]] = []
    event = recorded("arrivals_queue")
    event["Records"][0]["messageAttributes"] = {"ERROR_CODE": {"stringValue": "NO_PERMISSIONS", "dataType": "String"}}
    assert run("report_dead_letter", event, recorder("report_dead_letter", calls)) == {"batchItemFailures": []}
    assert [call["attributes"] for call in calls] == [{"ERROR_CODE": "NO_PERMISSIONS"}, {}]
    assert "raw/shop/second.csv" in calls[1]["body"]


def test_a_profile_and_a_request_start_training_for_their_reasons(run: Callable[..., Any]) -> None:
    calls: list[dict[str, Any]] = []
    for event in ("dataset_profiled", "training_requested"):
        run("plan_training", recorded(event), recorder("plan_training", calls))
    assert calls[0] == {"project": "shop", "trigger": "data", "dataset_id": "0123456789abcdef"}
    assert calls[1] == {
        "project": "shop",
        "trigger": "drift",
        "reason": "psi 0.31 > 0.2",
        "at": "2026-11-22T12:00:00Z",
    }


@pytest.mark.parametrize(("task", "step"), [({}, "monitor_model"), ({"task": "retrain"}, "request_retraining")])
def test_the_scheduler_names_its_task(task: dict[str, str], step: str, monkeypatch: pytest.MonkeyPatch, world) -> None:
    door, calls = load("monitor_model"), []
    monkeypatch.setattr(door, step, recorder(step, calls))
    assert door.handler({"project": "shop", **task}, CONTEXT) == {"ok": True}
    assert calls == [{"project": "shop"}]
    with pytest.raises(ValueError, match="'sing' is not known"):
        door.handler({"project": "shop", "task": "sing"}, CONTEXT)


def test_a_measurement_asks_for_alarms_that_last(monkeypatch: pytest.MonkeyPatch, world) -> None:
    door, calls = load("respond_to_alarm"), []
    monkeypatch.setattr(door, "answer_lasting_alarms", recorder("answer_lasting_alarms", calls))
    assert door.handler(recorded("model_measured"), CONTEXT) == {"ok": True}
    assert calls == [{"project": "shop", "at": "2026-11-22T12:00:00+00:00"}]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_door_is_small_and_knows_no_neighbour(name: str) -> None:
    source = (ROOT / "functions" / name / "app.py").read_text()
    assert len(source.splitlines()) <= 40
    assert "boto3" not in source
    assert f'Logger(service="{name}")' in source
    assert f"from sluice.steps.{name} import {name}" in source


def test_a_task_is_told_its_time(run: Callable[..., Any]) -> None:
    calls: list[dict[str, Any]] = []
    event = {"task": "judge", "file": {"key": "raw/shop/a.csv"}, "part": 3}
    assert run("judge_parts", event, recorder("judge_parts", calls)) == {"ok": True}
    assert calls == [event | {"seconds": 570}]


TESTED_BY_THEIR_EVENTS = {
    *EVENTS,
    "judge_parts",
    "validate_dataset",
    "report_dead_letter",
    "plan_training",
    "deploy_code",
}


@pytest.mark.parametrize("name", [*(name for name in FUNCTIONS if name not in TESTED_BY_THEIR_EVENTS), "finish_run"])
def test_a_door_can_be_opened(name: str, run: Callable[..., Any]) -> None:
    payload = {"project": "shop", "run_id": "r1"}
    assert run(name, payload, lambda **given: given) == payload
