"""A model that is replaced in S3 while its approval is awaited is not released, whoever approves it."""

from __future__ import annotations

from typing import Any

import pytest

from examples.generate_sessions import Knobs, as_csv
from sluice import keys
from testing.line import Line, contract

PROJECT = "sealed"


def replaced_while_waiting(line: Line) -> dict[str, Any]:
    """Somebody with every right in the account swaps one byte of the model between its registration and its release."""
    line.put_contract(PROJECT, contract(PROJECT, release={"approval": "manual"}))
    line.record(PROJECT, "day1.csv", line.drop(PROJECT, "day1.csv", as_csv(Knobs(rows=1000, seed=41))))
    waiting = line.run(PROJECT, 1, until="approval")
    key = keys.sealed(PROJECT, waiting["run_id"], "model.tar.gz")
    body = bytearray(line.aws("s3").get_object(Bucket=line.bucket, Key=key)["Body"].read())
    body[len(body) // 2] ^= 1
    line.put(key, bytes(body))
    line.decide(waiting, "Approved")
    return {"key": key, "waiting": waiting, "run": line.run(PROJECT, 1), "alert": line.alert(PROJECT, "Run Failed")}


@pytest.mark.story.with_args(replaced_while_waiting)
def test_a_replaced_model_is_refused_at_its_release(line: Line, story: dict[str, Any]) -> None:
    run = story["run"]
    assert run["outcome"] == "failed"
    assert run["error"]["state"] == "Release Model"
    assert "Plan Release" in run["error"]["cause"]
    assert f"{story['key']} is not what was signed" in run["error"]["cause"]
    assert "restore its version" in story["alert"].message
    assert line.endpoint(PROJECT) is None
    assert line.ledger.champion(PROJECT) is None


@pytest.mark.story.with_args(replaced_while_waiting)
def test_what_is_registered_is_the_sealed_copy(line: Line, story: dict[str, Any]) -> None:
    run = story["waiting"]
    package = line.aws("sagemaker").describe_model_package(ModelPackageName=run["package_arn"])
    (container,) = package["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == f"s3://{line.bucket}/{story['key']}" == run["artifact_uri"]
    states = line.states(run)
    assert states.index("Build Model") < states.index("Register Model") < states.index("Await Approval")
