"""The local cloud as a process: start, loopback, side by side, stop; and a SAM application deployed unmodified."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cloud_help import Cloud, localcloud_command, start_cloud, stop_cloud, wait_for

from localcloud import server
from localcloud.lambda_runtime import VERSION

pytestmark = pytest.mark.cloud

APP = Path(__file__).parent / "sam_app"


def children(pid: int) -> list[int]:
    """Every process below `pid`."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *children(int(child))]
    return found


def test_two_clouds_side_by_side_share_nothing(tmp_path: Path) -> None:
    first, second = start_cloud(tmp_path / "one"), start_cloud(tmp_path / "two")
    try:
        first.client("s3").create_bucket(
            Bucket="only-here", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        assert [b["Name"] for b in first.client("s3").list_buckets()["Buckets"]] == ["only-here"]
        assert second.client("s3").list_buckets()["Buckets"] == []
        for cloud in (first, second):
            pid = server.running_pid(cloud.settings.state)
            assert pid is not None
            assert server.foreign_listeners(pid) == []
            assert localcloud_command("status", "--state", str(cloud.settings.state)).returncode == 0
            assert localcloud_command("wait", "--state", str(cloud.settings.state)).returncode == 0
    finally:
        stop_cloud(first)
        stop_cloud(second)
    assert localcloud_command("status", "--state", str(first.settings.state)).returncode == 1


def test_a_process_has_ended_when_it_is_gone_or_waits_for_its_parent() -> None:
    assert not server.has_ended(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", ""])
    wait_for(lambda: Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z", 10)
    assert server.has_ended(child.pid)
    child.wait()
    assert server.has_ended(child.pid)


def test_a_taken_port_or_state_folder_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    done = localcloud_command("start", "--port", str(cloud.settings.port), "--state", str(tmp_path), "--background")
    assert done.returncode == 1
    assert f"port {cloud.settings.port}" in done.stderr
    done = localcloud_command("start", "--port", "1", "--state", str(cloud.settings.state))
    assert done.returncode == 1


def sam(cloud: Cloud, folder: Path, *arguments: str) -> str:
    """Runs the SAM CLI as it is installed; returns what it printed."""
    program = Path(sys.executable).parent / "sam"
    environment = os.environ | cloud.environment() | {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"sam {arguments[0]}:\n{done.stdout[-6000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def deployed(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Outputs of the SAM application's stack, built and deployed."""
    build = tmp_path_factory.mktemp("sam")
    app = shutil.copytree(APP, build / "app")
    template = (app / "template.yaml").read_text(encoding="utf-8")
    # SAM builds with the Python that a runtime names, and the one that is surely here is this one
    (app / "template.yaml").write_text(template.replace("python3.13", f"python{VERSION}"), encoding="utf-8")
    sam(cloud, build, "build", "--template", str(app / "template.yaml"), "--build-dir", str(build / "build"))
    arguments = ["--template", str(build / "build" / "template.yaml"), "--stack-name", "tiny", "--resolve-s3"]
    arguments += ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar"]
    sam(cloud, build, "deploy", *arguments)
    stack = cloud.client("cloudformation").describe_stacks(StackName="tiny")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def items(cloud: Cloud, table: str, kind: str) -> list[dict[str, Any]]:
    found = cloud.client("dynamodb").scan(TableName=table)["Items"]
    return [item for item in found if item["pk"]["S"].startswith(kind)]


def test_the_custom_resource_wrote_through_its_lambda(cloud: Cloud, deployed: dict[str, str]) -> None:
    assert deployed["Greeting"] == "hello from the layer"
    body = cloud.client("s3").get_object(Bucket=deployed["Bucket"], Key="code/made-by-stack.txt")["Body"].read()
    assert body == b"hello from the layer"


def test_an_object_runs_the_state_machine_through_eventbridge(cloud: Cloud, deployed: dict[str, str]) -> None:
    cloud.client("s3").put_object(Bucket=deployed["Bucket"], Key="raw/a+b c%20.csv", Body=b"x")
    seen = wait_for(lambda: items(cloud, deployed["Table"], "OBJECT#"))
    assert [item["pk"]["S"] for item in seen] == ["OBJECT#raw/a+b c%20.csv"]


def test_a_partial_batch_failure_comes_back_alone(cloud: Cloud, deployed: dict[str, str]) -> None:
    for body in ("good", "once-bad"):
        cloud.client("sqs").send_message(QueueUrl=deployed["Queue"], MessageBody=json.dumps({"kind": body}))

    def counts() -> dict[str, int]:
        found = items(cloud, deployed["Table"], "MESSAGE#")
        return {item["pk"]["S"]: int(item["tries"]["N"]) for item in found}

    wait_for(lambda: counts().get("MESSAGE#once-bad") == 2, 40)
    assert counts()["MESSAGE#good"] == 1


def test_the_scheduler_calls_its_target(cloud: Cloud, deployed: dict[str, str]) -> None:
    wait_for(lambda: items(cloud, deployed["Table"], "TICK#"), 90)


def test_the_functions_role_is_enforced(cloud: Cloud, deployed: dict[str, str]) -> None:
    answer = cloud.client("lambda").invoke(FunctionName=deployed["Function"], Payload=b'{"forbidden": true}')
    assert "AccessDenied" in json.loads(answer["Payload"].read())["refused"]


def test_stopping_ends_the_lambda_workers(tmp_path: Path) -> None:
    cloud = start_cloud(tmp_path / "state")
    role = cloud.role("worker", "lambda.amazonaws.com", [])
    archive = tmp_path / "app.zip"
    subprocess.run(
        [sys.executable, "-c", f"import zipfile; zipfile.ZipFile({str(archive)!r}, 'w').writestr('app.py', "
         "'def handler(event, context): return 1')"], check=True,
    )  # fmt: skip
    client = cloud.client("lambda")
    client.create_function(
        FunctionName="one",
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": archive.read_bytes()},
    )
    client.invoke(FunctionName="one")
    pid = server.running_pid(cloud.settings.state)
    assert pid is not None
    workers = children(pid)
    assert workers
    began = time.monotonic()
    stop_cloud(cloud)
    assert server.has_ended(pid)
    assert time.monotonic() - began < 10
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
