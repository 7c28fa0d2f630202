"""Wires are seen at both ends, and whoever waits, waits as long as it may take."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from proofs import time_limits, wires
from proofs.project import REMOVED, SCHEDULES, Project


@cache
def good() -> Project:
    return Project.load()


def test_the_application_raises_nothing() -> None:
    assert wires.findings(good()) == []
    assert time_limits.findings(good()) == []


def test_the_folders_that_we_write() -> None:
    assert {"scoring/", "runs/", "accepted/", "models/", "predictions/"} <= wires.areas()
    assert "scored/" not in wires.areas()


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (("DataBucket", "NotificationConfiguration"), REMOVED, "BatchDropped"),
        (("DataBucket", "LifecycleConfiguration", "Rules", 1, "Prefix"), "scored/", "scored-copies"),
        (("DataBucket", "LifecycleConfiguration", "Rules", 1, "Prefix"), "runs/", "scored-copies"),
        (("JobCode", "Core"), REMOVED, "JobCode"),
        (("JobCode", "Jobs"), {"Ref": "DataLayer"}, "JobCode"),
        (("ArrivalRule", "State"), "DISABLED", "ArrivalRule"),
        (("IntakeQueue", "VisibilityTimeout"), 599, "Arrivals"),
        (("ValidateDatasetFunction", "Events", "Arrivals", "Properties", "ScalingConfig"), REMOVED, "Arrivals"),
        (
            ("RespondToAlarmFunction", "Environment", "Variables", "SLUICE_ROLLBACK_ARN"),
            {"Ref": "ReleaseModel"},
            "ROLL",
        ),
        (("ValidateDatasetFunction", "MemorySize"), 3008, "SLUICE_MEMORY_MB"),
        (("RunFailedAlarm", "AlarmActions"), [{"Ref": "Bus"}], "RunFailedAlarm"),
    ],
)
def test_a_wire_that_leads_nowhere(path: tuple[str | int, ...], value: Any, where: str) -> None:
    resource, *below = path
    changed = good().changed(("source", "Resources", resource, "Properties", *below), value)
    assert any(where in each.where for each in wires.findings(changed)), wires.findings(changed)


def test_a_schedule_in_local_time() -> None:
    source = good().code[SCHEDULES]
    local = source.replace(
        '"ScheduleExpression": ', '"ScheduleExpressionTimezone": "Europe/Berlin", "ScheduleExpression": '
    )
    found = wires.findings(good().changed(("code", SCHEDULES), local))
    assert {each.what for each in found} == {"time zone is 'Europe/Berlin', not 'UTC'"}


def test_a_function_that_may_run_longer_than_its_state_waits() -> None:
    path = ("definitions", "BuildModel", "States", "Seal Candidate", "TimeoutSeconds")
    (found,) = time_limits.findings(good().changed(path, 299))
    assert str(found) == (
        "time limits: BuildModel/Seal Candidate.TimeoutSeconds: waits 299 s for a function that may run for 300 s"
    )


def test_the_longest_way_through_a_machine() -> None:
    work = {"Type": "Task", "TimeoutSeconds": 10, "Next": "End"}
    longer = {"StartAt": "A", "States": {"A": {"Type": "Task", "TimeoutSeconds": 60, "End": True}}}
    states = {"Begin": {"Type": "Parallel", "Branches": [longer], "Next": "Work"}, "Work": work, "End": {}}
    assert time_limits.longest({"StartAt": "Begin", "States": states}) == 70
    assert time_limits.longest({"StartAt": "Work", "States": {"Work": {**work, "Next": "Work"}}}) == 0
