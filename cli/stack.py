"""A stack on a local cloud: start, deploy with the unmodified SAM CLI, and talk to it."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from cli.artefacts import ROOT, for_local_cloud, run, tool
from cli.connection import Connection
from sluice.aws.clients import Clients
from sluice.bootstrap import World

REGION = "eu-west-1"
ENVIRONMENTS = {"sklearn": "learn", "glue": "glue", "pytorch": "pytorch", "tensorflow": "tensorflow"}
"""The local cloud's name of a container → the folder in .envs that stands for it."""
ON_DEMAND = ("pytorch", "tensorflow")
"""Those of deep learning, which are made when a job first needs them."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class LocalStack:
    """One local cloud with Sluice deployed on it."""

    state: Path
    speed: float = 1.0
    port: int = field(default_factory=free_port)
    stack: str = "sluice"
    environments: Path = ROOT / ".envs"
    """The folder of the environments of deep learning."""
    make_environment: str = f"make --silent -C {shlex.quote(str(ROOT))} .envs/{{name}}/.stamp"
    """Makes an environment of deep learning, `{name}`, when a job first needs it."""

    @property
    def notices(self) -> Path:
        """What the cloud says to the person at the terminal: the making of environments."""
        return self.state / "notices.log"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes every AWS client, the SAM CLI included, speak to this cloud as its administrator."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") or k == "AWS_CA_BUNDLE"}
        return inherited | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "SAM_CLI_TELEMETRY": "0",
        }

    def start(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        arguments = ["start", "--background", "--port", str(self.port), "--state", str(self.state)]
        for kind, name in ENVIRONMENTS.items():
            folder = self.environments if name in ON_DEMAND else ROOT / ".envs"
            arguments += [f"--{kind}-python", str(folder / name / "bin" / "python")]
        arguments += ["--make-environment", self.make_environment]
        self.notices.unlink(missing_ok=True)
        self._localcloud(*arguments, "--speed", str(self.speed))

    def stop(self) -> None:
        self._localcloud("stop", "--state", str(self.state))

    @staticmethod
    def _localcloud(*arguments: str) -> None:
        # without the core package: functions must find it in their layer, not in this checkout
        environment = os.environ | {"PYTHONPATH": str(ROOT / "localcloud" / "src")}
        run([sys.executable, "-m", "localcloud", *arguments], environment=environment)

    def deploy(self) -> None:
        """`sam deploy --config-env local` of what was built for a local cloud."""
        template = for_local_cloud().template
        command = [str(tool("sam")), "deploy", "--config-env", "local", "--config-file", str(ROOT / "samconfig.toml")]
        run([*command, "--template-file", str(template), "--stack-name", self.stack], environment=self.environment)

    def client(self, service: str, config: Config | None = None) -> Any:
        # boto3's stubs have an overload for each service's literal name; here the name is a variable
        make: Callable[..., Any] = self._session.client
        return make(service, endpoint_url=self.endpoint, config=config)

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session("test", "test", region_name=REGION)

    @cached_property
    def connection(self) -> Connection:
        """The stack as its administrator sees it, through the product's own adapters."""
        return Connection(self.stack, _AdministratorClients(self))

    @property
    def outputs(self) -> dict[str, str]:
        return self.connection.outputs

    @property
    def world(self) -> World:
        return self.connection.world


class _AdministratorClients(Clients):
    """The product's adapters outside a Lambda: their clients come from the stack instead of the environment."""

    def __init__(self, stack: LocalStack) -> None:
        super().__init__()
        self._stack = stack

    def __call__(self, service: str) -> Any:
        if service not in self._made:
            self._made[service] = self._stack.client(service)
        return self._made[service]
