"""Run-a-job integrations on a running local cloud: a training job that a state machine starts, waits for and stops."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloud_help import Cloud, wait_for
from sagemaker_help import Shop, open_shop
from test_stepfunctions import finish, machine, start

pytestmark = pytest.mark.cloud

TRAIN = "arn:aws:states:::sagemaker:createTrainingJob.sync"


@pytest.fixture(scope="module")
def shop(cloud: Cloud) -> Shop:
    return open_shop(cloud.client)


def statements(cloud: Cloud, shop: Shop, *actions: str) -> list[dict[str, Any]]:
    account = cloud.settings.account
    rule = f"arn:aws:events:*:{account}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
    jobs = f"arn:aws:sagemaker:*:{account}:training-job/*"
    return [
        {"Effect": "Allow", "Action": [f"sagemaker:{action}" for action in actions], "Resource": jobs},
        {"Effect": "Allow", "Action": ["events:PutTargets", "events:PutRule", "events:DescribeRule"], "Resource": rule},
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": shop.role,
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        },
    ]


@pytest.fixture(scope="module")
def role(cloud: Cloud, shop: Shop) -> str:
    actions = ("CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob", "AddTags", "ListTags")
    return cloud.role("sfn-jobs", "states.amazonaws.com", statements(cloud, shop, *actions))


def train(shop: Shop, name: str, **changes: Any) -> dict[str, Any]:
    task = {"Type": "Task", "Resource": TRAIN, "Arguments": shop.training(name, **changes), "TimeoutSeconds": 120}
    return {"Train": {**task, "End": True}}


def test_a_training_job_is_waited_for_and_tagged(cloud: Cloud, shop: Shop, role: str) -> None:
    ended = finish(cloud, start(cloud, machine(cloud, role, train(shop, "by-machine"))), 90)
    assert ended["status"] == "SUCCEEDED", ended
    assert ended["output"]["TrainingJobStatus"] == "Completed"
    assert ended["output"]["ModelArtifacts"]["S3ModelArtifacts"].endswith("/by-machine/output/model.tar.gz")
    tags = shop.sagemaker.list_tags(ResourceArn=ended["output"]["TrainingJobArn"])["Tags"]
    assert {"Key": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"} in tags


def test_a_failed_job_fails_the_task_with_its_description(cloud: Cloud, shop: Shop, role: str) -> None:
    states = train(shop, "fails-by-machine", parameters={"mode": '"raise"'})
    ended = finish(cloud, start(cloud, machine(cloud, role, states)), 90)
    assert ended["error"] == "States.TaskFailed"
    assert "AlgorithmError" in json.loads(ended["cause"])["FailureReason"]


def test_stopping_the_execution_stops_the_job(cloud: Cloud, shop: Shop, role: str) -> None:
    execution = start(cloud, machine(cloud, role, train(shop, "stopped-by-machine", parameters={"mode": '"sleep"'})))

    def status() -> str:
        found = shop.sagemaker.list_training_jobs(NameContains="stopped-by-machine")["TrainingJobSummaries"]
        return str(found[0]["TrainingJobStatus"]) if found else ""

    wait_for(lambda: status() == "InProgress", 30)
    cloud.client("stepfunctions").stop_execution(executionArn=execution)
    wait_for(lambda: status() in ("Stopping", "Stopped"), 30)
    assert finish(cloud, execution)["status"] == "ABORTED"
    wait_for(lambda: status() == "Stopped", 60)


def test_a_job_needs_the_permission_to_tag(cloud: Cloud, shop: Shop) -> None:
    untagging = cloud.role("sfn-no-tags", "states.amazonaws.com", statements(cloud, shop, "CreateTrainingJob"))
    ended = finish(cloud, start(cloud, machine(cloud, untagging, train(shop, "never"))))
    assert ended["error"] == "SageMaker.AmazonSageMakerException"
    assert "sagemaker:AddTags" in ended["cause"]


def test_a_job_needs_the_permission_for_the_managed_rule(cloud: Cloud, shop: Shop) -> None:
    few = [s for s in statements(cloud, shop, "CreateTrainingJob", "AddTags") if "events:PutRule" not in s["Action"]]
    ended = finish(
        cloud,
        start(cloud, machine(cloud, cloud.role("sfn-no-rule", "states.amazonaws.com", few), train(shop, "never"))),
    )
    assert "managed-rule" in ended["cause"]
