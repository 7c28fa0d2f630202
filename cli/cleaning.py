"""What a project has on AWS beside its data and its history, found by name and tags, and how to remove it.

The stack does not own these: the line made them. A thing counts as the project's only when its tags, what it hands
over, or a name that is made for this project alone, say so: `shop-2` begins like `shop`, and the endpoint of
`test-shop` of the stack `sluice` is named as that of `shop` of `sluice-test`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from cli.connection import Connection, described
from cli.errors import CliError
from sluice import names
from sluice.aws.clients import absent
from sluice.ports import Settings

SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")
STAYS = (
    "training, processing, transform and tuning jobs, which SageMaker never deletes and which cost nothing",
    "log groups of SageMaker and Glue, which all of the account's jobs share",
    "metrics, which CloudWatch forgets after 15 months",
)
_CUT = 24
"""Longer names are cut and hashed; what is left of them is at least this long."""


@dataclass(frozen=True)
class Thing:
    """One thing that the line made."""

    kind: str
    name: str
    remove: Callable[[], Any]


def things(connection: Connection, project: str) -> list[Thing]:
    """In the order in which they can be removed; asks AWS, changes nothing."""
    finder = _Finder(connection, project)
    return [
        *finder.schedules(),
        *finder.endpoint(),
        *finder.alarms(),
        *finder.tagged("endpoint configuration", "EndpointConfig", "list_endpoint_configs", "EndpointConfigs"),
        *finder.tagged("model", "Model", "list_models", "Models"),
        *finder.packages(),
    ]


def remove(found: list[Thing], told: Callable[[str], Any]) -> list[str]:
    """Removes all that can be; what could not be, with the reason. Gone meanwhile counts as removed."""
    left = []
    for thing in found:
        try:
            thing.remove()
            told(f"removed {thing.kind} {thing.name}")
        except (ClientError, CliError) as error:
            if not (isinstance(error, ClientError) and absent(error)):
                left.append(f"{thing.kind} {thing.name}: {error}")
    return left


class _Finder:
    def __init__(self, connection: Connection, project: str) -> None:
        self._connection, self._project = connection, project
        self._settings: Settings = connection.world.settings
        self._stack = self._settings.stack
        self._sagemaker = connection.client("sagemaker")

    def schedules(self) -> Iterator[Thing]:
        scheduler = self._connection.client("scheduler")
        for name in (
            names.monitor_schedule(self._stack, self._project),
            names.retrain_schedule(self._stack, self._project),
        ):
            found = described(scheduler.get_schedule, Name=name)
            # a schedule has no tags; what it hands over names its project
            if found and json.loads(found["Target"].get("Input") or "{}").get("project") == self._project:
                yield Thing("schedule", name, partial(scheduler.delete_schedule, Name=name))

    def alarms(self) -> Iterator[Thing]:
        cloudwatch = self._connection.client("cloudwatch")
        # the slash ends the project's name
        prefix = names.alarm(self._stack, self._project, "")
        # composites first: CloudWatch keeps what a composite depends on, and lists metric alarms alone unless asked
        for kind in ("CompositeAlarm", "MetricAlarm"):
            pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix, AlarmTypes=[kind])
            for name in [alarm["AlarmName"] for page in pages for alarm in page.get(f"{kind}s", [])]:
                yield Thing("alarm", name, partial(cloudwatch.delete_alarms, AlarmNames=[name]))

    def endpoint(self) -> Iterator[Thing]:
        name = names.endpoint(self._stack, self._project)
        found = described(self._sagemaker.describe_endpoint, EndpointName=name)
        if found and self._owned(found["EndpointArn"]):
            yield Thing("endpoint", name, lambda: delete_endpoint(self._sagemaker, name))

    def tagged(self, kind: str, noun: str, operation: str, member: str) -> Iterator[Thing]:
        """Models and endpoint configurations: many, named after runs, tagged with the project."""
        beginning = names.endpoint(self._stack, self._project)[:_CUT]
        delete = getattr(self._sagemaker, "delete_model" if noun == "Model" else "delete_endpoint_config")
        for page in self._sagemaker.get_paginator(operation).paginate(NameContains=beginning):
            for found in page[member]:
                name = found[f"{noun}Name"]
                if self._owned(found[f"{noun}Arn"]):
                    yield Thing(kind, name, partial(delete, **{f"{noun}Name": name}))

    def packages(self) -> Iterator[Thing]:
        group = names.package_group(self._stack, self._project)
        found = described(self._sagemaker.describe_model_package_group, ModelPackageGroupName=group)
        if not (found and self._owned(found["ModelPackageGroupArn"])):
            return
        pages = self._sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
        for arn in [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]]:
            yield Thing("model package", arn, partial(self._sagemaker.delete_model_package, ModelPackageName=arn))
        yield Thing(
            "model package group",
            group,
            lambda: self._sagemaker.delete_model_package_group(ModelPackageGroupName=group),
        )

    def _owned(self, arn: str) -> bool:
        pages = self._sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
        found = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
        return found.get("sluice:stack") == self._stack and found.get("sluice:project") == self._project


def delete_endpoint(sagemaker: Any, name: str, patience: float = 1_800.0, every: float = 5.0) -> None:
    """Deletes an endpoint once it is settled, and waits until it is gone. Raises CliError after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        found = described(sagemaker.describe_endpoint, EndpointName=name)
        if not found:
            return
        if found["EndpointStatus"] in SETTLED:
            sagemaker.delete_endpoint(EndpointName=name)
        elif time.monotonic() > deadline:
            raise CliError(
                f"{name} is still {found['EndpointStatus']} after {patience:.0f} s: "
                "see it in SageMaker, then run the command again (`sluice status` shows its state)"
            )
        time.sleep(min(every, max(0.1, deadline - time.monotonic())))
