"""What flows through the state machines, on typed samples."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from proofs import dataflow
from proofs.project import REMOVED, Project


@cache
def good() -> Project:
    return Project.load()


def test_the_application_raises_nothing() -> None:
    assert [str(each) for each in dataflow.findings(good())] == []


@pytest.mark.parametrize(
    ("machine", "state", "path", "value", "what"),
    [
        ("MlLifecycle", "Judge Candidate", ("Output",), REMOVED, "$states.input.decision never yields anything"),
        ("MlLifecycle", "Release Model", ("Assign", "outcome"), "{% $states.result.Outputs %}", "did not return"),
        ("BuildModel", "Evaluate Candidate", ("Output",), {"done": True}, "$candidate.warm_start_refused never yields"),
        ("ReleaseModel", "Shift Traffic", ("Assign",), {"kept": 1}, "nobody reads $kept after this"),
        ("MlLifecycle", "Approval Needed?", ("Choices", 0, "Condition"), "{% $package.approval = 'Manual' %}", "leads"),
        ("ReleaseModel", "Judge Canary", ("Arguments", "Payload", "percent"), "{% $weights %}", "does not take"),
        ("ReleaseModel", "Bake", ("TimeoutSeconds",), "{% $plan.strategy %}", "no number of seconds"),
    ],
)
def test_a_mistake_is_found(machine: str, state: str, path: tuple[Any, ...], value: Any, what: str) -> None:
    found = dataflow.findings(good().changed(("definitions", machine, "States", state, *path), value))
    assert any(what in each.what for each in found), found


def test_a_list_of_one_alarm_is_a_list() -> None:
    path = ("definitions", "ReleaseModel", "States", "Swap Fleet", "Arguments", "DeploymentConfig")
    wrong = good().changed((*path, "AutoRollbackConfiguration", "Alarms"), "{% $plan.alarms.{'AlarmName': $} %}")
    assert any("must be a list" in each.what for each in dataflow.findings(wrong))
