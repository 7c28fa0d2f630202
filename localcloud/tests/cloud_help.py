"""What the tests share: starting a real local cloud on a free port, clients, waiting."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

import localcloud
from localcloud import environments, identity
from localcloud.settings import Settings


@dataclass
class Cloud:
    """A running local cloud as a test sees it: over HTTP, as the administrator or with given credentials."""

    settings: Settings
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        return self.settings.endpoint

    def client(self, service: str, **credentials: str) -> Any:
        """A boto3 client of this cloud; `credentials` are boto3's arguments, the administrator's by default."""
        key = service + json.dumps(credentials, sort_keys=True)
        if key not in self._clients:
            credentials = credentials or {
                "aws_access_key_id": identity.ADMIN_ACCESS_KEY,
                "aws_secret_access_key": identity.ADMIN_SECRET_KEY,
            }
            config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=120)
            self._clients[key] = boto3.client(
                service, region_name=self.settings.region, endpoint_url=self.endpoint, config=config, **credentials
            )
        return self._clients[key]

    def environment(self) -> dict[str, str]:
        """Environment with which a command (sam, aws) speaks to this cloud as the administrator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.settings.region,
            "AWS_DEFAULT_REGION": self.settings.region,
            "AWS_ACCESS_KEY_ID": identity.ADMIN_ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": identity.ADMIN_SECRET_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
        }

    def role(self, name: str, service: str, statements: list[dict[str, Any]]) -> str:
        """Makes a role that `service` may assume; returns its ARN."""
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        if statements:
            policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy)
        return str(arn)

    def event_queue(self, name: str) -> tuple[str, str]:
        """Makes a queue that EventBridge may send to; returns its URL and ARN."""
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
        policy = {"Version": "2012-10-17", "Statement": [{**send, "Principal": {"Service": "events.amazonaws.com"}}]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        return url, arn

    def calls(self) -> list[dict[str, Any]]:
        """The permission checks so far, in order."""
        lines = (self.settings.state / "calls.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


def needs(kind: environments.Kind) -> None:
    """Skips the test when this machine has no environment that stands for `kind`."""
    if why := environments.missing(kind, environments.python(kind)):
        pytest.skip(why)


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def localcloud_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `localcloud`, the one that is tested here, and returns what it said."""
    command = [sys.executable, "-P", "-m", "localcloud", *arguments]
    environment = os.environ | {"PYTHONPATH": str(Path(localcloud.__file__).parents[1])}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)


def start_cloud(state: Path, speed: float = 1.0, *options: str) -> Cloud:
    """Starts a cloud in the background; the test fails with the cloud's log when it does not answer."""
    settings = Settings(port=free_port(), state=state, speed=speed)
    arguments = ["--port", str(settings.port), "--state", str(state), "--speed", str(speed), "--background", *options]
    done = localcloud_command("start", *arguments)
    assert done.returncode == 0, done.stderr
    return Cloud(settings)


def stop_cloud(cloud: Cloud) -> None:
    """Stops a cloud that start_cloud started."""
    done = localcloud_command("stop", "--state", str(cloud.settings.state))
    assert done.returncode == 0, done.stderr


def wait_for(what: Callable[[], Any], seconds: float = 20.0, every: float = 0.1) -> Any:
    """Asks until the answer is truthy and returns it."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain"
        time.sleep(every)
    return answer
