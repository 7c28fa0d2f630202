"""What saves money: training on spare machines, one of which is taken away, and an endpoint that sleeps when idle."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from examples.generate_sessions import Knobs, as_csv, request, sessions
from sluice import keys, names
from testing.line import Line, contract, wait_for

PROJECT = "dozing"
ROWS = [request(row) for row in sessions(Knobs(rows=3, seed=73))]


def asleep(line: Line) -> bool:
    champion = line.ledger.champion(PROJECT)
    return champion is not None and champion.serving == "asleep" and line.endpoint(PROJECT) is None


def a_quiet_shop(line: Line) -> dict[str, Any]:
    """A model serves, nobody asks; people wake it; it sleeps again, and the next model comes to a sleeping project."""
    # evidence of silence takes the time that the contract names, in real seconds
    changes = {"release": {"idle_after": "30s", "probation": "1s"}, "training": {"spot": True}}
    line.put_contract(PROJECT, contract(PROJECT, **changes))
    # the first of the project's training jobs loses its machine: a hook of the local cloud
    taken = line.stack.state / "spot" / f"{line.stack.stack}-{PROJECT}-"
    taken.parent.mkdir(exist_ok=True)
    taken.write_text("0.5")
    line.drop(PROJECT, "day1.csv", as_csv(Knobs(rows=600, seed=71)))
    first = line.run(PROJECT, 1, outcome="promoted")
    told = line.alert(PROJECT, "Endpoint Asleep")
    wait_for(lambda: asleep(line), "the endpoint to be gone")
    with pytest.raises(ClientError, match=r"not found|Could not find|does not exist"):
        line.invoke(PROJECT, ROWS)
    batch = line.drop(PROJECT, "today.csv", as_csv(Knobs(rows=40, seed=72), labelled=False), area="batch")
    scored = line.record(PROJECT, "today.csv", batch, area="batch")

    woken = line.command("wake", PROJECT)
    wait_for(lambda: (line.endpoint(PROJECT) or {}).get("EndpointStatus") == "InService", "the endpoint to be back")
    answer = line.invoke(PROJECT, ROWS)

    line.alert(PROJECT, "Endpoint Asleep", 2)
    wait_for(lambda: asleep(line), "the endpoint to be gone again")
    line.drop(PROJECT, "day2.csv", as_csv(Knobs(rows=700, seed=74)))
    second = line.run(PROJECT, 2, outcome="promoted")
    return {"runs": [first, second], "told": told, "scored": scored, "woken": woken, "answer": answer}


@pytest.mark.story.with_args(a_quiet_shop)
def test_a_job_that_loses_its_spare_machine_starts_anew(line: Line, story: dict[str, Any]) -> None:
    client = line.aws("sagemaker")
    baseline = names.job(line.stack.stack, PROJECT, story["runs"][0]["run_id"], "baseline")
    job = client.describe_training_job(TrainingJobName=baseline)
    assert job["TrainingJobStatus"] == "Completed"
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]].count("Interrupted") == 1
    assert job["StoppingCondition"]["MaxWaitTimeInSeconds"] > job["StoppingCondition"]["MaxRuntimeInSeconds"]
    tuning = names.tuning_job(line.stack.stack, story["runs"][0]["run_id"])
    found = client.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning)
    children = [
        client.describe_training_job(TrainingJobName=each["TrainingJobName"]) for each in found["TrainingJobSummaries"]
    ]
    assert children
    assert all(child["EnableManagedSpotTraining"] for child in children)


@pytest.mark.story.with_args(a_quiet_shop)
def test_an_endpoint_that_nobody_asks_goes_and_says_so(line: Line, story: dict[str, Any]) -> None:
    told = story["told"]
    assert f"sluice wake {PROJECT}" in told.message
    (record, *_) = line.listed(keys.monitor(PROJECT, "sleep/"))
    inputs = line.read_json(record)["inputs"]
    assert inputs["requests"] == 0
    assert inputs["seconds_seen"] >= 30


@pytest.mark.story.with_args(a_quiet_shop)
def test_a_batch_needs_no_endpoint(line: Line, story: dict[str, Any]) -> None:
    assert story["scored"]["status"] == "accepted"
    assert f"{keys.predictions(PROJECT)}today.csv.out" in line.listed(keys.predictions(PROJECT))


@pytest.mark.story.with_args(a_quiet_shop)
def test_a_woken_endpoint_answers_by_the_champion(line: Line, story: dict[str, Any]) -> None:
    assert story["woken"] == 0
    assert story["answer"]["variant"] == names.variant(story["runs"][0]["run_id"])
    assert len(story["answer"]["predictions"]) == len(ROWS)
    assert len(line.alerts(PROJECT, "Endpoint Awake")) == 1


@pytest.mark.story.with_args(a_quiet_shop)
def test_a_release_to_a_sleeping_project_makes_the_endpoint(line: Line, story: dict[str, Any]) -> None:
    first, second = story["runs"]
    assert second["release"]["mode"] == "create"
    champion = line.ledger.champion(PROJECT)
    assert champion is not None
    assert champion.run_id == second["run_id"]
    assert champion.previous["run_id"] == first["run_id"]
    wait_for(lambda: line.ledger.lock(PROJECT) is None, "the lock to be free")
