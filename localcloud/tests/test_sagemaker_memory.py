"""Memory hogs: a serving process that takes more than its instance has is killed, said to be, and comes back."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud_help import localcloud_command, start_cloud, stop_cloud
from endpoint_help import INFERENCE, World, until

from localcloud.sagemaker import deployment, memory
from localcloud.settings import Settings

MIB = 1024**2
HOG = "import time\n" + INFERENCE.replace(
    "def predict_fn(data, model):",
    # it holds what it took for longer than a look at the memory takes to come
    "KEPT = []\n\ndef predict_fn(data, model):\n"
    "    KEPT.append(b'x' * int(data) * 2**20)\n    time.sleep(int(data) / 400)",
).replace('return model["answer"]', "return len(KEPT)")


def test_an_instance_has_its_types_memory_unless_the_cloud_says_otherwise() -> None:
    before = Settings._current
    try:
        Settings.use(Settings())
        assert memory.of("ml.t2.medium") == 4 * 1024 * MIB
        assert memory.of("ml.m5.large") == memory.of("ml.unknown") == 8 * 1024 * MIB
        Settings.use(Settings(instance_memory_mib=300))
        assert memory.of("ml.r5.xlarge") == 300 * MIB
    finally:
        Settings._current = before


def test_only_the_process_that_takes_too_much_is_killed() -> None:
    code = "import sys, time; kept = b'x' * int(sys.argv[1]); print('.', flush=True); time.sleep(60)"
    said: list[str] = []
    processes = []
    for size in (200 * MIB, 1):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(size)], stdout=subprocess.PIPE, start_new_session=True
        )
        memory.watch(process, 100 * MIB, said.append)
        processes.append(process)
    hog, modest = processes
    try:
        assert hog.wait(10) == -9
        assert modest.poll() is None
        assert [line.split(":")[0] for line in said] == ["OOMKilled"]
        assert 0 < memory.resident(modest.pid) < 100 * MIB
    finally:
        for process in processes:
            memory.forget(process)
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def test_a_start_is_given_real_seconds_enough() -> None:
    before = Settings._current
    try:
        for speed, seconds in ((1.0, 300.0), (10.0, 30.0), (600.0, 30.0)):
            Settings.use(Settings(speed=speed))
            assert deployment.start_seconds({}) == seconds
        assert deployment.start_seconds({"ContainerStartupHealthCheckTimeoutInSeconds": 3600}) == 30
    finally:
        Settings._current = before


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A cloud whose instances have 400 MiB."""
    cloud = start_cloud(tmp_path_factory.mktemp("small"), 10.0, "--instance-memory-mib", "400")
    yield World(cloud)
    stop_cloud(cloud)


def utilization(world: World, endpoint: str) -> float:
    """The highest MemoryUtilization so far; 0 before the first."""
    now = datetime.now(UTC)
    points = world.cloudwatch.get_metric_statistics(
        Namespace="/aws/sagemaker/Endpoints",
        MetricName="MemoryUtilization",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "a"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=3600,
        Statistics=["Maximum"],
    )["Datapoints"]
    return max((float(point["Maximum"]) for point in points), default=0.0)


@pytest.mark.cloud
def test_a_memory_hog_fails_its_request_and_is_started_again(small: World) -> None:
    endpoint = small.serving(("a", small.model("x", code=HOG), 1))
    assert [small.ask(endpoint, "20")["Body"]["answer"] for _ in range(3)] == [1, 2, 3]
    assert 15 < until(lambda: utilization(small, endpoint), 20) < 60  # 60 MiB of requests and the interpreter, of 400
    with pytest.raises(ClientError) as caught:
        small.ask(endpoint, "600")
    response: Any = caught.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] >= 500

    def fresh() -> bool:
        with contextlib.suppress(ClientError):
            return bool(small.ask(endpoint, "1")["Body"]["answer"] == 1)
        return False

    until(fresh)
    until(lambda: small.metric(endpoint, "a", "Invocation5XXErrors") >= 1)
    logs = small.cloud.client("logs")
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    until(lambda: logs.filter_log_events(logGroupName=group, filterPattern='"OOMKilled"')["events"])


@pytest.mark.cloud
def test_a_model_that_is_too_large_does_not_come_into_service(small: World) -> None:
    old = small.config(("a", small.model("old"), 1))
    endpoint = small.endpoint(old)
    small.settled(endpoint)
    large = INFERENCE.replace(
        "def model_fn(model_dir):", "def model_fn(model_dir):\n    KEPT = b'x' * 700 * 1024 * 1024; time.sleep(1)"
    )
    config = small.config(("a", small.model("new", code=large), 1))
    began = time.monotonic()
    small.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    found = small.settled(endpoint)
    assert found["EndpointConfigName"] == old
    assert "ping health check" in found["FailureReason"]
    assert time.monotonic() - began < 20
    assert small.ask(endpoint)["Body"]["answer"] == "old"


def test_the_memory_of_instances_is_checked(tmp_path: Path) -> None:
    done = localcloud_command("start", "--state", str(tmp_path), "--instance-memory-mib", "-1")
    assert done.returncode == 1
    assert "--instance-memory-mib must not be below 0" in done.stderr
