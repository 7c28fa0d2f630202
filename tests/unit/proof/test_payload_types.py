"""Samples and JSONata are held to the types of the payloads."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from proofs import dataflow, payload_types, samples
from proofs.project import Project


@cache
def good() -> Project:
    return Project.load()


def said(project: Project) -> list[str]:
    return [str(each) for each in payload_types.findings(project)]


def test_the_application_raises_nothing() -> None:
    assert said(good()) == []


@pytest.mark.parametrize(
    ("machine", "state", "path", "value", "what"),
    [
        ("MlLifecycle", "Prepare Data", ("Arguments", "Name"), "{% $plan.names.prepare %}", "TrainingPlan has no"),
        (
            "PrepareData",
            "Clean Dataset",
            ("Arguments", "Arguments", "--run-id"),
            "{% $states.input.run %}",
            "input.run:",
        ),
        ("ReleaseModel", "Bake", ("TimeoutSeconds",), "{% $plan.slice %}", "$plan.slice: ReleasePlan has no"),
        ("ReleaseModel", "Bake", ("TimeoutSeconds",), "{% $plan.weights.share %}", "$plan.weights.share"),
        ("RollBack", "Restore Previous Model", ("Arguments", "EndpointName"), "{% $plan.config %}", "NoRollback has"),
    ],
)
def test_a_member_that_the_type_does_not_have(
    machine: str, state: str, path: tuple[Any, ...], value: Any, what: str
) -> None:
    found = said(good().changed(("definitions", machine, "States", state, *path), value))
    assert any(what in each for each in found), found


def test_a_sample_that_is_not_of_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = samples.ANSWERS["PlanReleaseFunction"]({})
    wrong = [{**plans[0], "machines": "two"}, {name: each for name, each in plans[1].items() if name != "drill"}]
    monkeypatch.setitem(samples.ANSWERS, "PlanReleaseFunction", lambda _: [*wrong, {**plans[2], "share": 10}])
    found = " ".join(said(good()))
    for place in ("[0].machines", "[1].drill", "[2].share"):
        assert f"PlanReleaseFunction{place}" in found


def test_a_payload_that_is_not_of_its_type_is_found_where_the_machine_makes_it() -> None:
    path = ("definitions", "ReleaseModel", "States", "Judge Canary", "Arguments", "Payload", "release_plan")
    for value in ("{% $merge([$plan, {'drill': 'no'}]) %}", "{% $merge([$plan, {'share': 1}]) %}", "{% $weights %}"):
        found = dataflow.findings(good().changed(path, value))
        assert any("release_plan is" in each.what for each in found), value
