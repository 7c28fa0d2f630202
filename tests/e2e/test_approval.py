"""Manual approval: the run waits for a person's word in the registry; what arrives meanwhile joins the next run."""

from __future__ import annotations

from typing import Any

import pytest

from examples.generate_sessions import Knobs, as_csv
from testing.line import Line, contract, wait_for

PROJECT = "careful"
# a person decides here: the gates are not to
GATES = [{"metric": "roc_auc", "min": 0.6}]


def two_decisions(line: Line) -> dict[str, Any]:
    """The first model is approved while a second file waits; that file's model is rejected."""
    line.put_contract(PROJECT, contract(PROJECT, release={"approval": "manual"}, gates=GATES))
    first = line.record(PROJECT, "day1.csv", line.drop(PROJECT, "day1.csv", as_csv(Knobs(rows=1000, seed=31))))
    waiting = line.run(PROJECT, 1, until="approval")
    line.alert(PROJECT, "Approval Requested")
    endpoint_before = line.endpoint(PROJECT)
    second = line.record(PROJECT, "day2.csv", line.drop(PROJECT, "day2.csv", as_csv(Knobs(rows=600, seed=32))))
    lock = wait_for(lambda: _pending(line), "the second file to be noted for the next run")
    runs_meanwhile = len(line.runs(PROJECT))

    line.decide(waiting, "Approved")
    released = line.run(PROJECT, 1, outcome="promoted")
    line.alert(PROJECT, "Approval Requested", 2)
    endpoint = line.endpoint(PROJECT)
    line.decide(line.run(PROJECT, 2, until="approval"), "Rejected")
    rejected = line.run(PROJECT, 2)
    line.alert(PROJECT, "Model Not Approved")
    return {
        "datasets": [first["dataset_id"], second["dataset_id"]],
        "lock": lock,
        "runs_meanwhile": runs_meanwhile,
        "endpoint_before": endpoint_before,
        "released": released,
        "endpoint": endpoint,
        "rejected": rejected,
    }


def _pending(line: Line) -> dict[str, Any] | None:
    lock = line.ledger.lock(PROJECT)
    return lock if lock and lock["pending"] else None


@pytest.mark.story.with_args(two_decisions)
def test_an_approval_in_the_registry_resumes_and_releases(line: Line, story: dict[str, Any]) -> None:
    assert story["endpoint_before"] is None, "nothing is released before a person says so"
    run = story["released"]
    assert run["outcome"] == "promoted"
    assert run["approval"]["decision"] == "approved"
    states = line.states(run)
    assert states.index("Await Approval") < states.index("Release Model")
    assert story["endpoint"]["EndpointStatus"] == "InService"
    assert run["package_arn"] in line.alert(PROJECT, "Approval Requested").message
    assert len(line.alerts(PROJECT, "Model Promoted")) == 1


@pytest.mark.story.with_args(two_decisions)
def test_a_rejection_releases_nothing(line: Line, story: dict[str, Any]) -> None:
    run = story["rejected"]
    assert run["outcome"] == "not_approved"
    assert "Release Model" not in line.states(run)
    champion = line.ledger.champion(PROJECT)
    assert champion is not None
    assert champion.run_id == story["released"]["run_id"]
    now = line.endpoint(PROJECT)
    assert now is not None
    assert now["EndpointConfigName"] == story["endpoint"]["EndpointConfigName"] == champion.endpoint_config
    assert line.package_status(run) == "Rejected"
    assert run["run_id"] in line.alert(PROJECT, "Model Not Approved").message


@pytest.mark.story.with_args(two_decisions)
def test_a_drop_while_a_run_is_on_joins_the_next_run(line: Line, story: dict[str, Any]) -> None:
    assert story["lock"]["run_id"] == story["released"]["run_id"]
    assert story["lock"]["pending"] == story["datasets"][1:]
    assert story["runs_meanwhile"] == 1
    assert story["released"]["datasets"] == story["datasets"][:1]
    assert set(story["rejected"]["datasets"]) == set(story["datasets"])
    assert story["rejected"]["started_at"] >= story["released"]["ended_at"]
    assert len(line.runs(PROJECT)) == 2
    assert line.ledger.lock(PROJECT) is None
