from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.services import eventbridge
from template_files import ROOT, template

from tests.proof.event_patterns import DEFAULT_BUS, Rule, matches, resolve, rules

EVENTS = ROOT / "tests" / "events"
RULES = list(rules(template(), {"DataBucket": "data", "AWS::StackName": "sluice"}))
# what each recorded event must start; the queue's messages are numbered
EXPECTED = {
    "arrivals_queue.0": {"ArrivalRule"},
    "arrivals_queue.1": {"ArrivalRule"},
    "contract_created": {"RegisterProjectFunction.ContractDropped"},
    "dataset_accepted": {"ProfileDatasetFunction.DatasetAccepted"},
    "dataset_profiled": {"PlanTrainingFunction.DatasetProfiled"},
    "training_requested": {"PlanTrainingFunction.TrainingRequested"},
    "package_approved": {"ResumeApprovalFunction.PackageDecided"},
    "alarm_raised": {"RespondToAlarmFunction.AlarmRaised"},
}
NO_EVENTS = {"code_resource_created"}  # CloudFormation calls the function itself


def recorded() -> dict[str, dict[str, Any]]:
    """The EventBridge events of tests/events by name; those that came through the queue out of their messages."""
    found = {}
    for path in sorted(EVENTS.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        if "Records" in document:
            found.update({f"{path.stem}.{n}": json.loads(each["body"]) for n, each in enumerate(document["Records"])})
        elif path.stem not in NO_EVENTS:
            found[path.stem] = document
    return found


RECORDED = recorded()


def changed(name: str, **values: Any) -> dict[str, Any]:
    """The recorded event with other values; `detail__object__key` is a path."""
    event = copy.deepcopy(RECORDED[name])
    for path, value in values.items():
        *around, last = path.split("__")
        inner = event
        for step in around:
            inner = inner[step]
        assert last in inner, f"{path}: the recorded event has no such field"
        inner[last] = value
    return event


def bus_of(event: dict[str, Any]) -> str:
    """AWS's services write to the account's default bus; ours to the stack's own."""
    return DEFAULT_BUS if event["source"].startswith("aws.") else "Bus"


def started_by(event: dict[str, Any], bus: str | None = None) -> set[str]:
    where = bus or bus_of(event)
    return {rule.name for rule in RULES if rule.bus == where and matches(rule.pattern, event)}


DERIVED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "a file to score": (
        changed("contract_created", detail__object__key="batch/shop/new.csv"),
        {"BatchPredict.BatchDropped"},
    ),
    "a package that is rejected": (
        changed("package_approved", detail__ModelApprovalStatus="Rejected"),
        {"ResumeApprovalFunction.PackageDecided"},
    ),
    "a package that waits": (changed("package_approved", detail__ModelApprovalStatus="PendingManualApproval"), set()),
    "another stack's package": (changed("package_approved", detail__ModelPackageGroupName="other-shop"), set()),
    "an alarm that is over": (
        changed("alarm_raised", detail__state={"value": "OK"}, detail__previousState={"value": "ALARM"}),
        set(),
    ),
    "an alarm without data": (changed("alarm_raised", detail__state={"value": "INSUFFICIENT_DATA"}), set()),
    "another stack's alarm": (changed("alarm_raised", detail__alarmName="sluice-two/shop/drift"), set()),
    "the pipeline's own alarm": (changed("alarm_raised", detail__alarmName="sluice-failed-runs"), set()),
    "a foreign bucket": (changed("arrivals_queue.0", detail__bucket={"name": "data-two"}), set()),
    "a removed object": (changed("arrivals_queue.0", **{"detail-type": "Object Deleted"}), set()),
    "an end of a run": (changed("dataset_accepted", **{"detail-type": "Run Finished"}), set()),
    **{
        f"an object in {key.split('/')[0]}/": (changed("arrivals_queue.0", detail__object__key=key), set())
        for key in (
            "accepted/shop/0123456789abcdef/part-00000.parquet",
            "quarantine/shop/0123456789abcdef/rows.jsonl",
            "profiles/shop/0123456789abcdef/profile.json",
            "labels/shop/late.csv",
            "predictions/shop/new.csv.out",
            "runs/shop/r0123456789ab/run.json",
            "capture/shop/sluice-shop/v-r0123456789ab/2026/11/22/12/a.jsonl",
            "monitor/shop/report.json",
            "code/0123/learn.tar.gz",
            "projects/shop/data.csv",
            "not-raw/raw/shop/file.csv",
        )
    },
}
ALL = {name: (event, EXPECTED.get(name)) for name, event in RECORDED.items()} | DERIVED


def spoilt(pattern: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The pattern with one key or one value that no event has."""
    shown = ".".join(map(str, path))
    if isinstance(pattern, dict):
        for key, inner in pattern.items():
            if not set(pattern) <= {"prefix", "wildcard"}:
                yield f"{shown} key {key}", {**{k: v for k, v in pattern.items() if k != key}, key + "x": inner}
            for name, each in spoilt(inner, (*path, key)):
                yield name, {**pattern, key: each}
    elif isinstance(pattern, list):
        # all the values at once: a rule with two of them still matches by the other
        yield f"{shown} values", [next(spoilt(each, path))[1] for each in pattern]
    else:
        yield f"{shown} value", "never" + str(pattern)


def test_every_recorded_event_is_expected_to_start_something() -> None:
    assert RECORDED.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", ALL)
def test_an_event_starts_what_it_should_and_nothing_else(name: str) -> None:
    event, expected = ALL[name]
    assert started_by(event) == expected


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_started_by_an_event(rule: Rule) -> None:
    assert [name for name, (event, _) in ALL.items() if rule.name in started_by(event)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_says_whose_events_of_what_kind_it_takes(rule: Rule) -> None:
    assert {"source", "detail-type"} <= rule.pattern.keys()
    if rule.pattern["source"] == ["aws.s3"]:
        assert rule.pattern["detail"].keys() == {"bucket", "object"}
    elif rule.bus == DEFAULT_BUS:
        assert rule.pattern["detail"]  # the account's bus carries other stacks' events too


@pytest.mark.parametrize("name", RECORDED)
def test_an_event_on_the_other_bus_starts_nothing(name: str) -> None:
    event = RECORDED[name]
    assert started_by(event, "Bus" if bus_of(event) == DEFAULT_BUS else DEFAULT_BUS) == set()


@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        pytest.param(rule, pattern, id=f"{rule.name}: {name}")
        for rule in RULES
        for name, pattern in spoilt(rule.pattern)
    ],
)
def test_a_pattern_with_a_mistake_is_found(rule: Rule, pattern: dict[str, Any]) -> None:
    events = [event for event, expected in ALL.values() if expected and rule.name in expected]
    assert not any(matches(pattern, event) for event in events)


@pytest.mark.parametrize("name", ALL)
def test_the_local_cloud_s_matcher_agrees(name: str) -> None:
    event = ALL[name][0]
    for rule in RULES:
        request = {"Event": json.dumps(event), "EventPattern": json.dumps(rule.pattern)}
        _, _, body = eventbridge._test_event_pattern(request)
        assert json.loads(body)["Result"] is matches(rule.pattern, event), rule.name


@pytest.mark.parametrize(
    "pattern",
    [{}, {"source": []}, {"source": "sluice"}, {"source": [{"sounds-like": "sluice"}]}, {"detail": {"a": [["b"]]}}],
    ids=str,
)
def test_a_pattern_that_is_none_is_refused(pattern: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"pattern|operator|list"):
        matches(pattern, {"source": "aws.s3"})


def test_a_reference_to_nothing_is_refused() -> None:
    with pytest.raises(KeyError):
        resolve({"name": [{"Ref": "DataBuket"}]}, {"DataBucket": "data"})
