"""What stands behind an endpoint under one configuration: fleets, weights, capture; and how traffic moves onto it."""

from __future__ import annotations

import logging
import math
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import botocore.exceptions

from localcloud import clock, identity
from localcloud.extension import ServiceError
from localcloud.sagemaker import containers, images, memory, models, store, transfer
from localcloud.sagemaker.capture import Capture
from localcloud.sagemaker.logstream import LogStream
from localcloud.sagemaker.router import Door, Lane, Traffic
from localcloud.sagemaker.workers import Fleet, ServingSpec, WorkerFailed

log = logging.getLogger(__name__)

Record = dict[str, Any]
START_SECONDS = 300.0  # AWS's default of ContainerStartupHealthCheckTimeoutInSeconds is of this order
LEAST_START_SECONDS = 30.0  # real ones: a process starts as fast as the machine, however fast the clock
POLL_SECONDS = 0.5


class DeploymentFailed(Exception):  # noqa: N818 - says what happened
    """Why the endpoint could not go to a configuration; the message is its FailureReason."""


class RolledBack(DeploymentFailed):
    """Traffic had begun to move and went back."""


@dataclass
class Variant:
    """One production variant in service."""

    name: str
    wanted: Record  # ProductionVariant of the configuration
    image: str
    fleet: Fleet
    logs: Logs
    weight: float
    count: int
    resolved_at: float

    def summary(self, status: Record | None = None) -> Record:
        """ProductionVariantSummary; `status` is what is being done with the variant."""
        image = {"SpecifiedImage": self.image, "ResolvedImage": self.image, "ResolutionTime": self.resolved_at}
        return {
            "VariantName": self.name,
            "DeployedImages": [image],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
            "CurrentInstanceCount": len(self.fleet.workers),
            "DesiredInstanceCount": self.count,
            **({"VariantStatus": [status]} if status else {}),
        }


class Logs:
    """The log streams of a variant's instances: group `/aws/sagemaker/Endpoints/<endpoint>`."""

    def __init__(self, endpoint: str, variant: str, role_arn: str) -> None:
        self._role_arn = role_arn
        self._group, self._variant = f"/aws/sagemaker/Endpoints/{endpoint}", variant
        self._streams: dict[str, LogStream] = {}
        self._lock = threading.Lock()

    def write(self, instance: str, line: str) -> None:
        with self._lock:
            stream = self._streams.get(instance)
            if stream is None:
                stream = LogStream(self._group, f"{self._variant}/{instance}", self._role_arn)
                self._streams[instance] = stream
        stream.write(line)

    def close(self) -> None:
        with self._lock:
            streams, self._streams = list(self._streams.values()), {}
        for stream in streams:
            stream.close()


@dataclass
class Deployment:
    """The fleets of one configuration of one endpoint. `folder` holds the extracted models."""

    endpoint: str
    config: Record
    role_arn: str
    folder: Path
    capture_config: Record | None
    capture: Capture | None = None
    variants: list[Variant] = field(default_factory=list)
    status: Record | None = None  # ProductionVariantStatus of every variant, while it is being changed

    def summaries(self) -> list[Record]:
        return [variant.summary(self.status) for variant in self.variants]

    @property
    def instances(self) -> int:
        return sum(variant.count for variant in self.variants)

    def lanes(self, share: float = 1.0) -> tuple[Lane, ...]:
        return tuple(Lane(v.name, v.fleet, v.weight * share) for v in self.variants)

    def traffic(self) -> Traffic:
        return Traffic(self.lanes(), self.capture)

    def end(self, *, drain: float = 60.0, upload: bool = True) -> None:
        """Ends the processes once their requests are answered, then removes what they served from."""
        threads = [threading.Thread(target=v.fleet.stop, args=(drain,), daemon=True) for v in self.variants]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if upload:
            for variant in self.variants:
                variant.logs.close()
        if self.capture is not None:
            self.capture.close(upload=upload)
        shutil.rmtree(self.folder, ignore_errors=True)


def status(kind: str, message: str) -> Record:
    """A ProductionVariantStatus that begins now."""
    return {"Status": kind, "StatusMessage": message, "StartTime": store.now()}


def prepare(endpoint: str, config: Record, retained: dict[str, Record], capture_config: Record | None) -> Deployment:
    """Downloads the models and starts every variant; returns when all answer /ping.

    `retained` gives `weight` and `count` of variants that keep theirs. Raises DeploymentFailed; nothing is left then.
    """
    try:
        served = [models.served_container(variant["ModelName"]) for variant in config["ProductionVariants"]]
    except ServiceError as error:  # deleted since the configuration was made
        raise DeploymentFailed(error.message) from error
    role_arn = config.get("ExecutionRoleArn") or served[0]["RoleArn"]
    folder = containers.new_folder("endpoints", f"{endpoint}/{uuid4().hex[:12]}")
    deployment = Deployment(endpoint, config, role_arn, folder, capture_config)
    try:
        for wanted, container in zip(config["ProductionVariants"], served, strict=True):
            deployment.variants.append(_variant(deployment, wanted, container, retained))
        if capture_config and capture_config.get("EnableCapture", True):
            deployment.capture = Capture(endpoint, capture_config, role_arn)
    except BaseException:
        deployment.end(drain=0)
        raise
    return deployment


def _variant(deployment: Deployment, wanted: Record, container: Record, retained: dict[str, Record]) -> Variant:
    name = wanted["VariantName"]
    keep = retained.get(name, {})
    count = int(keep.get("count") or wanted["InitialInstanceCount"])
    weight = float(keep["weight"] if "weight" in keep else wanted["InitialVariantWeight"])
    root = deployment.folder / name
    logs = Logs(deployment.endpoint, name, container["RoleArn"])
    try:
        spec = _spec(container, container["RoleArn"], root, memory.of(wanted["InstanceType"]))
        fleet = Fleet(name, spec, logs.write, deployment.config["EndpointConfigName"])
        fleet.start(count, start_seconds(wanted))
    except (containers.ClientError, ServiceError) as error:
        raise DeploymentFailed(f"{name}: {getattr(error, 'message', error)}") from error
    except WorkerFailed as error:
        log.warning("endpoint %s, variant %s: %s", deployment.endpoint, name, error)
        threading.Thread(target=logs.close, daemon=True).start()
        raise DeploymentFailed(
            f"The primary container for production variant {name} did not pass the ping health check. Please check "
            "CloudWatch logs for this endpoint."
        ) from error
    return Variant(name, wanted, container["Image"], fleet, logs, weight, count, store.now())


def start_seconds(wanted: Record) -> float:
    """Real seconds that the instances of a ProductionVariant have to answer /ping."""
    seconds = float(wanted.get("ContainerStartupHealthCheckTimeoutInSeconds") or START_SECONDS)
    return max(min(seconds, LEAST_START_SECONDS), clock.real_seconds(seconds))


def _spec(container: Record, role_arn: str, root: Path, instance_memory: int) -> ServingSpec:
    """The model as the container finds it in `/opt/ml/model`, and the container's environment."""
    python = images.pull(container["Image"], role_arn)
    model_dir = root / "model"
    model_dir.mkdir(parents=True)
    if url := container.get("ModelDataUrl"):
        archive = root / "model.tar.gz"
        transfer.download_file(role_arn, url, archive)
        _extract(archive, model_dir)
    user = dict(container.get("Environment") or {})
    source = user.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if source.startswith("s3://"):
        archive = root / "sourcedir.tar.gz"
        transfer.download_file(role_arn, source, archive)
        _extract(archive, root / "code")
        user["SAGEMAKER_SUBMIT_DIRECTORY"] = "/opt/ml/code"
    environment = containers.environment(python, root, role_arn, user)
    return ServingSpec(python, model_dir, environment, bool(container.get("Isolated")), instance_memory)


def _extract(archive: Path, folder: Path) -> None:
    transfer.extract(archive, folder)
    archive.unlink()


@dataclass
class Guardrails:
    """A DeploymentConfig: how traffic moves, what sends it back. Times are cloud seconds."""

    steps: tuple[float, ...] = (1.0,)
    wait: float = 0.0
    termination_wait: float = 0.0
    timeout: float = 28_800.0
    alarms: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Record | None, instances: list[int]) -> Guardrails:
        """`instances` are those of each variant that is to come.

        Raises ServiceError for what is wrong in it or not supported.
        """
        if not config:
            return cls()
        if config.get("RollingUpdatePolicy"):
            raise ServiceError("ValidationException", "RollingUpdatePolicy is not supported by the local cloud.")
        policy = config.get("BlueGreenUpdatePolicy") or {}
        routing = policy.get("TrafficRoutingConfiguration") or {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
        kind = routing["Type"]
        steps: tuple[float, ...] = (1.0,)
        if kind == "CANARY":
            steps = (_part(routing, "CanarySize", instances, 0.0, 0.5), 1.0)
        elif kind == "LINEAR":
            step = _part(routing, "LinearStepSize", instances, 0.1, 0.5)
            steps = (*[step * n for n in range(1, int((1 - 1e-9) / step) + 1)], 1.0)
        alarms = (config.get("AutoRollbackConfiguration") or {}).get("Alarms") or []
        return cls(
            steps,
            float(routing["WaitIntervalInSeconds"]),
            float(policy.get("TerminationWaitInSeconds", 0)),
            float(policy.get("MaximumExecutionTimeoutInSeconds", 28_800)),
            tuple(alarm["AlarmName"] for alarm in alarms),
        )


def _part(routing: Record, member: str, instances: list[int], low: float, high: float) -> float:
    size = routing.get(member)
    if size is None:
        raise ServiceError("ValidationException", f"{member} is required for traffic routing {routing['Type']}.")
    share = size["Value"] / (100 if size["Type"] == "CAPACITY_PERCENT" else min(instances))
    if not low <= share <= high:
        raise ServiceError(
            "ValidationException",
            f"{member} must be between {low:.0%} and {high:.0%} of the capacity, not {share:.0%}.",
        )
    return share


def shift(door: Door, old: Deployment, new: Deployment, rails: Guardrails, tell: Callable[[str, str], None]) -> None:
    """Moves the traffic from `old` to `new`; `old` is still running at the end.

    `tell` gets each status of `new` with its message. Raises RolledBack, with all traffic on `old` again, when an
    alarm goes off or time is up.
    """
    began = time.monotonic()

    def watch(cloud_seconds: float) -> None:
        until = time.monotonic() + clock.real_seconds(cloud_seconds)
        while True:
            if ringing := _ringing(rails.alarms, new.role_arn):
                raise RolledBack(f"Alarms in ALARM state during the deployment: {', '.join(ringing)}.")
            if clock.cloud_seconds(time.monotonic() - began) > rails.timeout:
                raise RolledBack("The deployment did not finish within MaximumExecutionTimeoutInSeconds.")
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, POLL_SECONDS))

    def bake(cloud_seconds: float, parameter: str, capacity: str) -> None:
        if cloud_seconds:
            tell("Baking", f"Baking for {cloud_seconds:.0f} seconds ({parameter}) with traffic enabled on {capacity}.")
        watch(cloud_seconds)

    capacity = _capacity(new, 1.0)
    try:
        if rails.alarms:
            watch(0)
        for share in rails.steps:
            capacity = _capacity(new, share)
            tell("ActivatingTraffic", f"Activating traffic on {capacity}.")
            both = () if share >= 1 else old.lanes(1 - share)
            door.switch(Traffic((*both, *new.lanes(share)), new.capture))
            bake(rails.wait, "WaitIntervalInSeconds", capacity)
        bake(rails.termination_wait, "TerminationWaitInSeconds", capacity)
    except RolledBack:
        door.switch(old.traffic())  # before anything is reported, which takes time
        raise


def _capacity(deployment: Deployment, share: float) -> str:
    kind = "full" if share >= 1 else "canary"
    return f"{kind} capacity of {math.ceil(share * deployment.instances)} instance(s)"


def _ringing(alarms: tuple[str, ...], role_arn: str) -> list[str]:
    """Which of `alarms` are in ALARM, as the endpoint's role sees them. One that cannot be read counts as in ALARM."""
    if not alarms:
        return []
    try:
        answer = identity.client("cloudwatch", role_arn, "SageMaker").describe_alarms(
            AlarmNames=list(alarms), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
    except botocore.exceptions.ClientError as error:
        raise RolledBack(f"The alarms cannot be read as {role_arn}: {error}") from error
    states = {a["AlarmName"]: a["StateValue"] for a in [*answer["MetricAlarms"], *answer["CompositeAlarms"]]}
    return [name for name in alarms if states.get(name, "ALARM") == "ALARM"]
