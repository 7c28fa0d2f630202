"""Faults that a test lays down: throttled calls and lost answers, counted down, for the names that they are for."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cloud_help import Cloud

from localcloud import faults, identity
from localcloud.faults import Fault

PACKAGES = {"ModelPackageGroupName": "faulty-group"}


def code(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_each_fault_is_used_as_often_as_it_says(tmp_path: Path) -> None:
    faults.lay(tmp_path, "UpdateEndpoint", Fault("throttle", 2, "shop"), Fault("lose", 1))
    bodies = [b'{"EndpointName": "bank"}', b'{"EndpointName": "shop-1"}', b"{}", b'{"EndpointName": "shop-2"}']
    taken = [faults.take(tmp_path, "UpdateEndpoint", body) for body in bodies]
    assert taken == ["lose", "throttle", None, "throttle"]
    assert not (tmp_path / "faults" / "UpdateEndpoint").exists()
    faults.lay(tmp_path, "DescribeAlarms", Fault("throttle", 1, "S/shop"))
    assert faults.take(tmp_path, "DescribeAlarms", b'{"AlarmNames": ["other", "S/shop/r1"]}') == "throttle"


def test_faults_are_counted_once_by_many_threads(tmp_path: Path) -> None:
    faults.lay(tmp_path, "DescribeEndpoint", Fault("throttle", 50))
    taken: Counter[str | None] = Counter()
    gate = threading.Barrier(8)

    def ask() -> None:
        gate.wait()
        mine = [faults.take(tmp_path, "DescribeEndpoint", b"{}") for _ in range(20)]
        with lock:
            taken.update(mine)

    lock = threading.Lock()
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == {"throttle": 50, None: 110}


def test_only_the_training_jobs_of_that_name_fail(tmp_path: Path) -> None:
    faults.lay(tmp_path, faults.TRAINING_JOB, Fault("fail", 1, "shop-r1-t"))
    assert [faults.fails(tmp_path, name) for name in ("shop-r1-baseline", "shop-r1-t-001", "shop-r1-t-002")] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("line", ["delay 3", "throttle 0", "lose 1 a b"])
def test_a_line_that_says_nothing_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        Fault.read(line)


@pytest.fixture
def once(cloud: Cloud) -> Any:
    """A SageMaker client that tries once."""
    return _client(cloud, "sagemaker")


def _client(cloud: Cloud, service: str) -> Any:
    return boto3.client(
        service,
        region_name=cloud.settings.region,
        endpoint_url=cloud.endpoint,
        aws_access_key_id=identity.ADMIN_ACCESS_KEY,
        aws_secret_access_key=identity.ADMIN_SECRET_KEY,
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.mark.cloud
def test_a_throttled_call_has_done_nothing_and_a_lost_one_everything(cloud: Cloud, once: Any) -> None:
    state = cloud.settings.state
    faults.lay(state, "CreateModelPackageGroup", Fault("throttle", 1, "faulty"), Fault("lose", 1, "faulty"))
    once.create_model_package_group(ModelPackageGroupName="sound-group")
    with pytest.raises(ClientError, match="Rate exceeded") as refused:
        once.create_model_package_group(**PACKAGES)
    assert code(refused) == ("ThrottlingException", 400)
    with pytest.raises(ClientError):
        once.describe_model_package_group(**PACKAGES)
    with pytest.raises(ClientError) as lost:
        once.create_model_package_group(**PACKAGES)
    assert code(lost) == ("InternalFailure", 500)
    assert once.describe_model_package_group(**PACKAGES)["ModelPackageGroupName"] == "faulty-group"
    for name in ("faulty-group", "sound-group"):
        once.delete_model_package_group(ModelPackageGroupName=name)


@pytest.mark.cloud
def test_alarm_calls_and_executions_can_be_faulty_too(cloud: Cloud) -> None:
    state, watch = cloud.settings.state, _client(cloud, "cloudwatch")
    faults.lay(state, "DescribeAlarms", Fault("throttle", 1, "nobody-else"))
    assert watch.describe_alarms()["MetricAlarms"] is not None
    with pytest.raises(ClientError, match="Rate exceeded") as refused:
        watch.describe_alarms(AlarmNames=["nobody-else"])
    assert code(refused) == ("Throttling", 400)
    assert watch.describe_alarms(AlarmNames=["nobody-else"])["MetricAlarms"] == []
    faults.lay(state, "SendTaskFailure", Fault("lose", 1))
    machines = _client(cloud, "stepfunctions")
    with pytest.raises(ClientError) as lost:
        machines.send_task_failure(taskToken="never-issued")
    assert code(lost) == ("InternalFailure", 500)
    with pytest.raises(machines.exceptions.InvalidToken):
        machines.send_task_failure(taskToken="never-issued")
