"""The calls as a real plan fills them in: what expressions hide from the static check."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from jsonata import Jsonata
from template_files import ROOT, machine

from proofs.api_calls import check_task, tasks
from sluice.steps.plan_training import plan_training
from tests.unit.steps.intake_world import CONTRACT, GOOD, arrive, shop

URI = "s3://data/runs/shop/r1/training/job/output/model.tar.gz"
PLANNED = [
    ("prepare_data", "Clean Dataset"),
    ("build_model", "Train Baseline"),
    ("build_model", "Tune Candidates"),
    ("build_model", "Evaluate Candidate"),
]


@cache
def plan(strategy: str, spot: bool) -> str:
    """The plan that plan_training writes for a contract with this tuning strategy, as JSON."""
    training = {"tuning": {"strategy": strategy}, "spot": spot}
    if strategy == "hyperband":
        training["candidates"] = ["gradient_boosting"]
    at = shop({**CONTRACT, "training": training})
    at.call(plan_training, "shop", "data", arrive(at, GOOD)[1]["dataset_id"])
    (found,) = at.executions.started.values()
    return json.dumps(found)


def filled(value: Any, variables: dict[str, Any]) -> Any:
    """The value with every expression evaluated, and every substitution by a role's ARN."""
    if isinstance(value, dict):
        return {key: filled(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, variables) for item in value]
    if not isinstance(value, str) or not value.strip().startswith("{%"):
        return "arn:aws:iam::123456789012:role/sluice" if value == "${ExecutionRoleArn}" else value
    expression = Jsonata(value.strip()[2:-2].strip())
    frame = expression.create_frame()
    for name, item in variables.items():
        frame.bind(name, item)
    return expression.evaluate(None, frame)


@pytest.mark.parametrize("spot", [False, True], ids=["on demand", "spot"])
@pytest.mark.parametrize("strategy", ["bayesian", "random", "grid", "hyperband"])
@pytest.mark.parametrize(("file", "name"), PLANNED, ids=lambda each: each)
def test_aws_takes_the_call_that_the_plan_makes(file: str, name: str, strategy: str, spot: bool) -> None:
    planned = json.loads(plan(strategy, spot))
    artifact = {"artifact_uri": URI}
    variables = {
        "plan": planned,
        "states": {"input": planned},
        "candidate": artifact,
        "baseline": artifact,
        "parents": [],
    }
    state = dict(tasks(machine(ROOT / "statemachines" / f"{file}.asl.yaml")))[name]
    arguments = filled(state["Arguments"], variables)
    assert "{%" not in json.dumps(arguments)
    assert None not in arguments.values()
    assert [str(each) for each in check_task(name, {**state, "Arguments": arguments})] == []
