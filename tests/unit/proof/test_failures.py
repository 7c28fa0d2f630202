"""Reasons of failures that would reach nobody."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from proofs import failures
from proofs.project import REMOVED, Project

BRANCH = ("BuildModel", "Train Models", "Branches", 1, "States")


@cache
def good() -> Project:
    return Project.load()


def test_the_application_loses_no_reason() -> None:
    assert [str(each) for each in failures.findings(good())] == []


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        ((*BRANCH, "List Failed Training Jobs", "Catch"), REMOVED, "hidden by the failure of a Task"),
        ((*BRANCH, "List Failed Training Jobs", "Catch", 0, "Assign"), REMOVED, "kept nowhere"),
        (("ReleaseModel", "Cut Canary Traffic", "Catch", 0, "Assign"), REMOVED, "kept nowhere"),
        (("ReleaseModel", "Release Failed", "Cause"), "It failed.", "is not said at Release Failed"),
        (("ReleaseModel", "Open Bake", "Assign", "failure"), None, "is replaced at Open Bake.Next"),
        (
            ("ReleaseModel", "Canary Healthy?", "Assign", "failure"),
            "{% {'state': 'Judge Canary', 'error': 'CanaryAborted', 'cause': $string($states.input.reasons)} %}",
            "is replaced at Canary Healthy?.Default",
        ),
        (
            ("ReleaseModel", "Complete Promotion", "Arguments", "Payload", "failure"),
            REMOVED,
            "reaches nobody before the end at Model Promoted",
        ),
        (("RollBack", "Complete Rollback", "Arguments", "Payload", "failure"), None, "reaches nobody before the end"),
    ],
)
def test_a_reason_that_is_lost_is_found(path: tuple[Any, ...], value: Any, what: str) -> None:
    machine, *below = path
    changed = good().changed(("definitions", machine, "States", *below), value)
    found = failures.findings(changed)
    assert any(what in each.what for each in found), found


def test_a_wait_that_ends_by_its_time_out_is_no_failure() -> None:
    bake = good().definitions["ReleaseModel"]["States"]["Bake"]
    assert bake["Catch"][0]["ErrorEquals"] == ["States.Timeout"]
    assert "failure" not in bake["Catch"][0]["Assign"]
