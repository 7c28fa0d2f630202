"""Second deliveries and unknown runs: what is delivered twice happens once, and no answer is that a call was denied.

Together with the stopped executions and the undelivered events, these stories use each permission of the template that
the other ones leave unused (proofs/iam.py).
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from examples.generate_sessions import Knobs, as_csv, request, sessions
from sluice import keys
from sluice.contract import Release
from sluice.ports import ENDPOINT
from sluice.records.release_plan import ReleasePlan, RollbackPlan
from sluice.release.plan import timing, weights
from testing.line import Json, Line, contract, wait_for
from tests.e2e.calls import delete_item, ended, invoke, present, start, stop

PROJECT = "halted"
EMAIL = "team@example.org"
STRICT = [{"metric": "roc_auc", "min": 0.9999}]


def event(kind: str, detail: Json) -> Json:
    return {"detail-type": kind, "time": datetime.now(UTC).isoformat(), "detail": detail}


def repeated(line: Line) -> dict[str, Any]:
    """A promoted run; then each step that a redelivery may repeat is repeated, and a retraining comes round."""
    emails = {"emails": [EMAIL]}
    line.put_contract(PROJECT, contract(PROJECT, alerts=emails))
    record = line.record(PROJECT, "day1.csv", line.drop(PROJECT, "day1.csv", as_csv(Knobs(rows=800, seed=61))))
    run = line.run(PROJECT, 1, outcome="promoted")
    line.alert(PROJECT, "Model Promoted")
    subject = {"project": PROJECT, "run_id": run["run_id"]}
    detail = {"project": PROJECT, "dataset_id": record["dataset_id"]}
    found: dict[str, Any] = {"run": run}
    found["planned"] = invoke(line, "PlanTrainingFunction", event("Dataset Profiled", detail))
    found["waiting"] = behind_an_unstarted_run(line, detail)
    found["registered"] = invoke(line, "RegisterModelFunction", {**subject, "artifact_uri": run["artifact_uri"]})
    asked = {**subject, "package_arn": run["package_arn"], "token": "a token of nobody"}
    found["asked"] = invoke(line, "RequestApprovalFunction", asked)
    asked = {"project": PROJECT, "reason": "a test asks", "holder": "a-test"}
    found["rolled_back"] = invoke(line, "PlanRollbackFunction", asked)
    line.alert(PROJECT, "Rollback Impossible")
    found["given up"] = invoke(line, "CompleteRollbackFunction", {**asked, "rollback_plan": found["rolled_back"]})
    found["taken over"] = over_the_lock_of_a_run_that_is_over(line, run)
    found["verified"] = without_a_run(line, run)
    found["unknown"] = of_an_unknown_run(line)
    found["scoring"] = scoring_stopped(line)
    # what is asked for here is not to be released
    schedule = {"on": ["drift"], "schedule": "24h"}
    line.put_contract(PROJECT, contract(PROJECT, alerts=emails, gates=STRICT, retrain=schedule))
    uri = forget_the_artifact(line)
    task = {"project": PROJECT, "task": "retrain", "at": "2026-01-01T00:00:00Z"}
    found["retraining"] = [invoke(line, "MonitorModelFunction", task)["decision"] for _ in range(2)]
    line.alert(PROJECT, "Retraining Started")
    found["second"] = line.run(PROJECT, 2)
    remember_the_artifact(line, uri)
    found["restored"] = without_a_contract(line, run)
    return found


def over_the_lock_of_a_run_that_is_over(line: Line, run: Json) -> Json:
    """What is said when the endpoint's lock was left by a run that has ended, and of an abort before its bake."""
    now, over, run_id = datetime.now(UTC), "r00000000over", run["run_id"]
    asked = {"project": PROJECT, "reason": "a test asks", "holder": "a-test"}
    subject = {"project": PROJECT, "run_id": run_id}
    released = {**subject, "package_arn": run["package_arn"], "artifact_uri": run["artifact_uri"]}
    found: Json = {}
    line.ledger.start_run(PROJECT, over, now, {"status": "finished", "finished": True})
    try:
        line.ledger.acquire_lock(PROJECT, over, now, of=ENDPOINT)
        found["rollback"] = invoke(line, "PlanRollbackFunction", asked)
        invoke(line, "CompleteRollbackFunction", {**asked, "rollback_plan": found["rollback"]})
        line.ledger.acquire_lock(PROJECT, over, now, of=ENDPOINT)
        found["release"] = str(invoke(line, "PlanReleaseFunction", released).get("errorType"))
        line.ledger.release_lock(PROJECT, run_id, of=ENDPOINT)
        # a release that bakes is asked to abort; nobody waits for its token
        line.ledger.update_run(PROJECT, over, {"finished": False, "bake_token": "a token of nobody"})
        line.ledger.acquire_lock(PROJECT, over, now, of=ENDPOINT)
        found["abort"] = str(invoke(line, "PlanRollbackFunction", asked).get("errorType"))
        line.ledger.release_lock(PROJECT, over, of=ENDPOINT)
    finally:
        delete_item(line, f"PROJECT#{PROJECT}", f"RUN#{over}")
    line.ledger.update_run(PROJECT, run_id, {"abort_requested": {"reason": "a test asks"}})
    found["watch"] = str(
        invoke(line, "WatchCanaryFunction", {**subject, "token": "a token of nobody"}).get("errorType")
    )
    line.ledger.update_run(PROJECT, run_id, {"abort_requested": None})
    found["lock"] = line.ledger.lock(PROJECT, of=ENDPOINT)
    return found


def behind_an_unstarted_run(line: Line, detail: Json) -> Json:
    """What planning says while the project is held by a run whose planner died before its plan was written."""
    now, dead = datetime.now(UTC), "r00000000dead"
    wait_for(lambda: line.ledger.lock(PROJECT) is None, "the lock to be free")
    line.ledger.acquire_lock(PROJECT, dead, now)
    line.ledger.start_run(PROJECT, dead, now, {"status": "starting", "datasets": [], "trigger": "data", "reason": ""})
    try:
        return invoke(line, "PlanTrainingFunction", event("Training Requested", {**detail, "trigger": "request"}))
    finally:
        line.ledger.release_lock(PROJECT, dead)
        delete_item(line, f"PROJECT#{PROJECT}", f"RUN#{dead}")


def without_a_run(line: Line, run: Json) -> Json:
    """How an endpoint is checked of which only the project is known."""
    champion = line.ledger.champion(PROJECT)
    assert champion is not None
    asked = {"project": PROJECT, "run_id": None, "endpoint": champion.endpoint, "purpose": "test"}
    expected = {"expected_config": champion.endpoint_config, "expected_variant": champion.variant}
    return invoke(line, "VerifyEndpointFunction", {**asked, **expected})


def _plan(line: Line) -> ReleasePlan:
    """Of a canary whose run does not exist."""
    release = Release(steps=[25, 100])
    times = timing(release)
    return ReleasePlan(
        mode="canary",
        decision="canary",
        strategy="canary",
        drill=False,
        endpoint=line.endpoint_name(PROJECT),
        model="m",
        package_arn="arn:none",
        artifact_uri=None,
        only_config="c",
        canary_config="d",
        champion_config="e",
        champion_variant="v",
        champion_run="r00000000beef",
        variant="w",
        machines=1,
        weights=weights(release),
        routing=None,
        replay=True,
        alarms=[],
        started_at=datetime.now(UTC).isoformat(),
        tags=[],
        bake_seconds=times["bake_seconds"],
        slice_seconds=times["slice_seconds"],
        max_bake_seconds=times["max_bake_seconds"],
    )


def of_an_unknown_run(line: Line) -> dict[str, str]:
    """Function → what it says of a run that does not exist, which must not be that it is denied something."""
    subject = {"project": PROJECT, "run_id": "r00000000dead"}
    uri, package = f"s3://{line.bucket}/{keys.sealed(PROJECT, 'r00000000dead', 'model.tar.gz')}", "arn:none"
    plan = _plan(line).plain()
    step = {"step_index": 0, "percent": 25, "step_started_at": datetime.now(UTC).isoformat(), "release_plan": plan}
    endpoint = {"endpoint": line.endpoint_name(PROJECT), "expected_config": "c", "expected_variant": "v"}
    asked: dict[str, Json] = {
        "JudgeCandidateFunction": subject,
        "RegisterModelFunction": {**subject, "artifact_uri": uri},
        "PlanReleaseFunction": {**subject, "artifact_uri": uri, "package_arn": package},
        "CompleteReleaseFunction": {
            **{**subject, "artifact_uri": uri, "package_arn": package, "release_plan": plan},
            "outcome": "promoted",
        },
        "JudgeCanaryFunction": {**subject, **step},
        "ReplayRequestsFunction": {**subject, "release_plan": plan},
        "ChooseWeightsFunction": {**subject, **step},
    }
    found = {function: str(invoke(line, function, payload).get("errorType")) for function, payload in asked.items()}
    champion = line.ledger.champion(PROJECT)
    assert champion is not None
    endpoint |= {"expected_config": champion.endpoint_config, "expected_variant": champion.variant}
    verdict = invoke(line, "VerifyEndpointFunction", {**subject, **endpoint, "purpose": "unknown"})
    return {**found, "VerifyEndpointFunction": "; ".join(verdict.get("reasons", [str(verdict)]))}


def forget_the_artifact(line: Line) -> str:
    """Makes the champion's record one of an older kind, which does not say where its model lies."""
    champion = line.ledger.champion(PROJECT)
    assert champion is not None
    line.ledger.set_champion(PROJECT, replace(champion, metrics={"roc_auc": 0.9}), champion.run_id)
    return str(champion.metrics["artifact_uri"])


def remember_the_artifact(line: Line, uri: str) -> None:
    champion = line.ledger.champion(PROJECT)
    assert champion is not None
    metrics = {**champion.metrics, "artifact_uri": uri}
    line.ledger.set_champion(PROJECT, replace(champion, metrics=metrics), champion.run_id)


def without_a_contract(line: Line, run: Json) -> list[Json]:
    """The end of a rollback for a project whose contract is gone: the run's own counts, while it is there."""
    registered = line.ledger.contract(PROJECT)
    assert registered is not None
    key = keys.run(PROJECT, run["run_id"], "run.json")
    frozen = line.read(key)
    plan = RollbackPlan(
        decision="possible",
        reasons=["a test asks"],
        endpoint=line.endpoint_name(PROJECT),
        target_config="c",
        target_variant="v",
        from_run=run["run_id"],
        to_run="r00000000dead",
        package_arn=run["package_arn"],
    )
    payload = {"project": PROJECT, "reason": "a test asks", "holder": "a-test", "rollback_plan": plan.plain()}
    delete_item(line, f"PROJECT#{PROJECT}", "CONTRACT")
    # without a predecessor the pointer stays
    try:
        first = invoke(line, "CompleteRollbackFunction", {**payload, "verification": {"decision": "verified"}})
        line.aws("s3").delete_object(Bucket=line.bucket, Key=key)
        second = invoke(line, "CompleteRollbackFunction", {**payload, "verification": {"decision": "verified"}})
    finally:
        line.put(key, frozen)
        line.ledger.save_contract(PROJECT, *registered)
    return [first, second]


@pytest.mark.story.with_args(repeated)
def test_what_is_delivered_twice_happens_once(story: dict[str, Any], line: Line) -> None:
    run = story["run"]
    assert (story["planned"]["status"], story["planned"]["run_id"]) == ("already run", run["run_id"])
    assert story["waiting"]["status"] == "coalesced"
    assert story["registered"]["package_arn"] == run["package_arn"]
    assert story["retraining"] == ["retrain", "duplicate"]
    assert line.ledger.lock(PROJECT) is None


@pytest.mark.story.with_args(repeated)
def test_a_decision_that_came_before_its_request_is_answered_at_once(story: dict[str, Any]) -> None:
    # the package is approved, so the token is answered; nobody waits for this one
    assert story["asked"].get("decision") == "approved" or "token" in story["asked"]["errorMessage"]


@pytest.mark.story.with_args(repeated)
def test_a_lock_of_a_run_that_is_over_is_taken_over(story: dict[str, Any]) -> None:
    found = story["taken over"]
    # the release goes as far as to say that its run is the champion already; nobody waits for a token of nobody
    assert found["rollback"]["decision"] == "impossible"
    assert found["release"] == "ReleaseError"
    assert found["watch"] == found["abort"] == "InputError"
    assert found["lock"] is None


@pytest.mark.story.with_args(repeated)
def test_without_a_predecessor_nothing_is_rolled_back(story: dict[str, Any], line: Line) -> None:
    assert story["rolled_back"]["decision"] == "impossible"
    champion = line.ledger.champion(PROJECT)
    assert champion is not None
    assert champion.run_id == story["run"]["run_id"]


@pytest.mark.story.with_args(repeated)
def test_an_unknown_run_is_said_to_be_unknown_not_denied(story: dict[str, Any]) -> None:
    verdict = story["unknown"].pop("VerifyEndpointFunction")
    assert "there is no s3://" in verdict
    assert set(story["unknown"].values()) == {"NotFoundError"}


@pytest.mark.story.with_args(repeated)
def test_an_endpoint_is_checked_by_its_project_alone(story: dict[str, Any]) -> None:
    assert story["verified"]["decision"] == "verified"


@pytest.mark.story.with_args(repeated)
def test_a_rollback_ends_by_the_runs_own_contract(story: dict[str, Any]) -> None:
    first, second = story["restored"]
    assert first == {"outcome": "rolled_back", "verified": True}
    assert second["errorType"] == "NotFoundError"


@pytest.mark.story.with_args(repeated)
def test_a_scheduled_retraining_becomes_a_run(story: dict[str, Any]) -> None:
    assert (story["second"]["trigger"], story["second"]["outcome"]) == ("schedule", "rejected")


def scoring_stopped(line: Line) -> str:
    """How a file's scoring ends that is stopped."""
    champion = line.ledger.champion(PROJECT)
    assert champion is not None
    key = keys.scoring(PROJECT, "stopped", "rows.jsonl")
    # enough that it is still being scored when that is seen
    rows = "".join(json.dumps(request(row)) + "\n" for row in sessions(Knobs(rows=20_000, seed=63)))
    line.put(key, rows.encode())
    name = "sluice-halted-stopped-batch"
    plan = {
        **{"project": PROJECT, "key": key, "version_id": "null", "run_id": champion.run_id, "job": name},
        **{"model": champion.model, "input_uri": f"s3://{line.bucket}/{key}"},
        **{"output_uri": f"s3://{line.bucket}/{keys.scored_answers(PROJECT, 'stopped')}", "accept": "text/csv"},
        **{
            "file": {"rows": 20_000, "scored_rows": 20_000, "quarantined_rows": 0},
            "instance": "ml.m5.large",
            "tags": [],
        },
    }
    execution = start(line, "BatchPredict", plan)
    sagemaker = line.aws("sagemaker")

    def scoring() -> str:
        return str(sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"])

    wait_for(lambda: present(scoring) == "InProgress", "the scoring to begin")
    stop(line, execution)
    return str(wait_for(lambda: ended(scoring()), "the scoring to end"))


@pytest.mark.story.with_args(repeated)
def test_scoring_stops_with_its_execution(story: dict[str, Any]) -> None:
    assert story["scoring"] == "Stopped"
