"""What nobody could handle is reported: whose project, which object, what to do; a file gets its terminal record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from proofs.project import Project
from sluice.steps.report_dead_letter import report_dead_letter
from testing import fakes

EVENTS = Path(__file__).parents[2] / "events"


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found


def dropped(key: str) -> str:
    detail = {"bucket": {"name": "data"}, "object": {"key": key, "version-id": "v1", "size": 61_000_000}}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("raw/shop/a b.csv", "Dataset Failed"),
        ("labels/shop/late.csv", "Labels Refused"),
        ("batch/shop/2026/a.csv", "Batch Failed"),
    ],
)
def test_a_file_has_an_alert_of_its_folder_and_one_terminal_record(key: str, kind: str) -> None:
    world = fakes.world()
    assert world.call(report_dead_letter, dropped(key))["decision"] == "reported"
    (told,) = world.alerts.published
    assert (told.kind, told.project) == (kind, "shop")
    assert key in told.message
    assert "61.0 MB" in told.message
    assert "Drop it again" in told.message
    record = world.ledger.arrival("data", key, "v1")
    assert record is not None
    assert (record["status"], record["error"], record["project"]) == ("failed", "GivenUpError", "shop")
    # the queue may deliver a letter twice
    assert world.call(report_dead_letter, dropped(key))["decision"] == "known"
    assert len(world.alerts.published) == 1


def test_a_file_that_was_handled_meanwhile_keeps_its_record() -> None:
    world = fakes.world()
    world.ledger.record_arrival("data", "batch/shop/a.csv", "v1", {"status": "accepted"})
    assert world.call(report_dead_letter, dropped("batch/shop/a.csv"))["decision"] == "known"
    assert world.ledger.arrival("data", "batch/shop/a.csv", "v1") == {"status": "accepted"}
    assert world.alerts.published == []


@pytest.mark.parametrize(
    ("event", "object_", "todo"),
    [
        ("dataset_accepted", "dataset 0123456789abcdef", "sluice retrain shop"),
        ("dataset_profiled", "dataset 0123456789abcdef", "sluice retrain shop"),
        ("training_requested", "request for a new model", "sluice retrain shop"),
        ("alarm_raised", "alarm sluice/shop/", "sluice status shop"),
        ("model_measured", "measurement of 2026-11-22", "next measurement"),
        ("package_approved", "decision Approved on the model package", "sluice approve RUN"),
        ("contract_created", "projects/shop/project.yaml", "sluice register project.yaml"),
        ("run_stopped", "end of the run r0123456789ab", '"outcome": "failed"'),
    ],
)
def test_every_event_of_ours_is_named(event: str, object_: str, todo: str) -> None:
    world = fakes.world()
    world.call(report_dead_letter, json.dumps(recorded(event)))
    (told,) = world.alerts.published
    assert told.project == "shop"
    assert told.kind == ("Contract Refused" if event == "contract_created" else "Event Given Up")
    assert object_ in told.message
    assert todo in told.message
    assert "3 attempts" in told.message


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"project": "shop"}, "a scheduled measurement"),
        ({"project": "shop", "task": "retrain", "at": "x"}, "the scheduled retraining"),
    ],
)
def test_what_the_scheduler_asked_for_is_named(payload: dict[str, Any], words: str) -> None:
    world = fakes.world()
    world.call(report_dead_letter, json.dumps(payload))
    (told,) = world.alerts.published
    assert told.project == "shop"
    assert words in told.message


def test_what_eventbridge_could_not_deliver_says_so() -> None:
    world = fakes.world()
    given = {"RULE_ARN": "arn:aws:events:…:rule/x", "ERROR_CODE": "NO_PERMISSIONS"}
    world.call(report_dead_letter, dropped("batch/shop/a.csv"), given)
    (told,) = world.alerts.published
    assert "never reached PlanBatchFunction" in told.message
    assert "NO_PERMISSIONS" in told.message


@pytest.mark.parametrize("body", ["", "no JSON", "[]", "{}", '{"detail-type": "Object Created", "detail": {"x": 1}}'])
def test_a_letter_of_no_known_form_is_reported_as_well(body: str) -> None:
    world = fakes.world()
    assert world.call(report_dead_letter, body)["decision"] == "reported"
    (told,) = world.alerts.published
    assert told.kind == "Event Given Up"
    assert told.project == ""


def test_every_rule_has_a_reader_that_names_the_function_behind_it() -> None:
    """A rule that is added without words for its dead letters is found here."""
    from sluice.datasets.dead_letters import read_letter

    samples = {path.stem: recorded(path.stem) for path in EVENTS.glob("*.json")}
    samples["dropped"] = json.loads(dropped("batch/shop/a.csv"))
    named = {read_letter(each, "sluice").function for each in samples.values() if "detail-type" in each}
    with_rules = {
        name
        for name, properties in Project.load().functions().items()
        if any(each["Type"] == "EventBridgeRule" for each in properties.get("Events", {}).values())
    }
    assert with_rules <= named
