"""scripts/smoke_aws.py against a local cloud: it passes, says what it could not look at, and leaves nothing behind."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.artefacts import ROOT, for_local_cloud
from cli.stack import LocalStack

pytestmark = pytest.mark.long
NAME = "sluice-smoke-test"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A cloud without a stack of ours on it."""
    stack = LocalStack(state=tmp_path_factory.mktemp("smoke") / "cloud", speed=20.0, stack=NAME)
    stack.start()
    yield stack
    stack.stop()


def script(cloud: LocalStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts/smoke_aws.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, env=cloud.environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def bystander(cloud: LocalStack) -> dict[str, str]:
    """What others have in the account, with names that begin like ours."""
    cloud.client("s3").create_bucket(
        Bucket="sluice-smoke-other-data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    cloud.client("sns").create_topic(Name="sluice-smoke-other")
    return {"bucket": "sluice-smoke-other-data"}


@pytest.fixture(scope="module")
def kept(cloud: LocalStack, bystander: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The whole run, with everything left there."""
    (ROOT / "build").mkdir(exist_ok=True)
    # .aws-sam is one folder for the whole checkout
    with Path(ROOT / "build" / "sam.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for_local_cloud().build()
        return script(cloud, "--yes", "--keep", "--skip-build", "--minutes", "10", "--stack-name", NAME)


def listed(cloud: LocalStack) -> dict[str, Any]:
    sagemaker = cloud.client("sagemaker")
    return {
        "endpoints": sagemaker.list_endpoints()["Endpoints"],
        "models": sagemaker.list_models()["Models"],
        "configurations": sagemaker.list_endpoint_configs()["EndpointConfigs"],
        "groups": sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"],
        "alarms": cloud.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "schedules": cloud.client("scheduler").list_schedules()["Schedules"],
        "tables": cloud.client("dynamodb").list_tables()["TableNames"],
        "layers": cloud.client("lambda").list_layers()["Layers"],
        "machines": cloud.client("stepfunctions").list_state_machines()["stateMachines"],
    }


def test_it_passes_and_says_what_it_did_not_look_at(kept: subprocess.CompletedProcess[str]) -> None:
    assert kept.returncode == 0, kept.stdout[-6_000:] + kept.stderr
    told = kept.stdout
    assert "is not AWS: this tries the script, and verifies nothing of AWS" in told
    assert "cost: about $" in told
    assert " 0 failed, " in told
    for passed in ("a contract is registered", "the endpoint answers", "is a 400", "the monitor's schedule"):
        assert f"passed: {passed}" in told or any(passed in line for line in told.splitlines() if "passed" in line)
    assert "NOT RUN: ValidateStateMachineDefinition of MlLifecycle" in told
    assert "NOT RUN: TestState of ReleaseModel / Judge Canary" in told
    assert "passed: TestState" not in told
    assert "nothing here is verified on AWS" in told


def test_another_run_leaves_this_stack_alone(cloud: LocalStack, kept: subprocess.CompletedProcess[str]) -> None:
    again = script(cloud, "--yes", "--skip-build", "--stack-name", NAME)
    assert again.returncode == 1
    assert "is not of this run" in again.stderr
    assert listed(cloud)["endpoints"]


def test_cleaning_leaves_nothing_of_it_and_all_of_others(
    cloud: LocalStack, kept: subprocess.CompletedProcess[str], bystander: dict[str, str]
) -> None:
    before = listed(cloud)
    assert all(before.values()), [name for name, found in before.items() if not found]
    done = script(cloud, "--clean", NAME, "--yes")
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr
    assert {name: found for name, found in listed(cloud).items() if found} == {}
    buckets = [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]]
    assert bystander["bucket"] in buckets
    assert not any(name.startswith(NAME) for name in buckets)
    assert any(
        topic["TopicArn"].endswith(":sluice-smoke-other") for topic in cloud.client("sns").list_topics()["Topics"]
    )
    assert "stays: " in done.stdout
