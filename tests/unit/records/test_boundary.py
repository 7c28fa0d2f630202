"""JSON goes in and comes out of an entry point whose signature says records."""

from __future__ import annotations

import inspect

import pytest

from sluice.errors import DamagedRecordError
from sluice.records.boundary import json_boundary, records_taken
from sluice.records.record import Record
from sluice.records.release_plan import NoRollback, ReleasePlan, Rollback, RollbackPlan
from sluice.release.plan import step as weights_of
from sluice.steps.complete_rollback import complete_rollback
from sluice.steps.plan_release import plan_release
from sluice.steps.register_model import register_model
from sluice.steps.replay_requests import replay_requests
from testing.release_world import NEW, PROJECT, URI, build

POSSIBLE = RollbackPlan(
    decision="possible",
    reasons=["because"],
    endpoint="e",
    target_config="c",
    target_variant="v",
    from_run="r2",
    to_run="r1",
    package_arn="arn",
)


@json_boundary
def turned(rollback_plan: Rollback | None = None) -> Record | str:
    return "nothing" if rollback_plan is None else rollback_plan


@pytest.mark.parametrize("plan", [POSSIBLE, NoRollback(decision="done", reasons=["because"])])
def test_a_record_is_read_and_given_back_as_json(plan: Rollback) -> None:
    for given in (plan, plan.plain()):
        assert turned(given) == turned(rollback_plan=given) == plan.plain()
    assert turned() == turned(None) == "nothing"


def test_the_signature_stays_that_of_the_step() -> None:
    assert list(inspect.signature(complete_rollback).parameters)[:3] == ["project", "reason", "holder"]
    assert list(records_taken(inspect.unwrap(complete_rollback))) == ["rollback_plan"]


def test_a_plan_that_lacks_something_is_refused_with_its_name() -> None:
    with pytest.raises(DamagedRecordError, match=r"^`rollback_plan`, which turned was given, cannot be used: .*to_run"):
        turned({name: value for name, value in POSSIBLE.plain().items() if name != "to_run"})


def test_a_plan_of_a_newer_deployment_is_followed() -> None:
    world = build()
    plan = world.call(plan_release, PROJECT, NEW, world.call(register_model, PROJECT, NEW, URI)["package_arn"], URI)
    assert ReleasePlan(**plan).weights[0] == weights_of(10)
    assert world.call(replay_requests, PROJECT, NEW, {**plan, "added": 1})["decision"] == "pass"
    del plan["started_at"]
    with pytest.raises(DamagedRecordError, match=r"which replay_requests was given, .*started_at is missing"):
        world.call(replay_requests, PROJECT, NEW, plan)
