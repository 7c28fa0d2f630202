"""Gives each function the ports that its signature names. The only place where entry points and AWS meet."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from sluice import cold_start
from sluice.aws.alarms import CloudWatchAlarms
from sluice.aws.alerts import SnsAlerts
from sluice.aws.clients import Clients
from sluice.aws.events import BusEvents
from sluice.aws.executions import StepFunctionsExecutions
from sluice.aws.ledger import DynamoLedger
from sluice.aws.metrics import CloudWatchMetrics
from sluice.aws.models import SageMakerModels
from sluice.aws.objects import S3Objects
from sluice.aws.registry import SageMakerRegistry
from sluice.aws.schedules import SchedulerSchedules
from sluice.aws.signer import KmsSigner
from sluice.ports import (
    Alarms,
    Alerts,
    Clock,
    Events,
    Executions,
    Ledger,
    Metrics,
    Models,
    ObjectStore,
    Registry,
    Schedules,
    Settings,
    Signer,
)

T = TypeVar("T")


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class World:
    """Every port, by the name under which a function asks for it. Nothing below this module may take all of them."""

    settings: Settings
    objects: ObjectStore
    ledger: Ledger
    alerts: Alerts
    events: Events
    metrics: Metrics
    alarms: Alarms
    models: Models
    registry: Registry
    signer: Signer
    executions: Executions
    schedules: Schedules
    clock: Clock

    def call(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Calls `function` with the ports that its signature names. Raises TypeError for one in `named` as well."""
        return function(*arguments, **named, **{name: getattr(self, name) for name in ports_of(function)})


PORTS = tuple(field.name for field in fields(World))


def ports_of(function: Callable[..., Any]) -> list[str]:
    """The ports that a function asks for: its keyword-only parameters with a port's name."""
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.kind is each.KEYWORD_ONLY and each.name in PORTS]


def settings(environment: Mapping[str, str]) -> Settings:
    """`SLUICE_<NAME>` for each setting. A missing setting is reported by the port that needs it, when it is used."""
    names = {field.name: f"SLUICE_{field.name.upper()}" for field in fields(Settings)}
    return Settings(**{name: environment[key] for name, key in names.items() if environment.get(key)})


def assemble(chosen: Settings, clients: Clients | None = None) -> World:
    """The ports on AWS. An adapter makes its client at its first use."""
    shared = clients or Clients()
    return World(
        settings=chosen,
        objects=S3Objects(shared, chosen),
        ledger=DynamoLedger(shared, chosen),
        alerts=SnsAlerts(shared, chosen),
        events=BusEvents(shared, chosen),
        metrics=CloudWatchMetrics(shared, chosen),
        alarms=CloudWatchAlarms(shared, chosen),
        models=SageMakerModels(shared, chosen),
        registry=SageMakerRegistry(shared, chosen),
        signer=KmsSigner(shared, chosen),
        executions=StepFunctionsExecutions(shared, chosen),
        schedules=SchedulerSchedules(shared, chosen),
        clock=SystemClock(),
    )


@cache
def world() -> World:
    """The ports of this process, from its environment."""
    cold_start.ended()
    return assemble(settings(os.environ))


def call(step: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Calls an entry point with those of this process's ports that its signature names."""
    return world().call(step, *arguments, **named)


def each_message(event: Mapping[str, Any], handle: Callable[[dict[str, Any]], Any], logger: Any) -> dict[str, Any]:
    """Handles each SQS message of an event. What a function with ReportBatchItemFailures answers: those that failed.

    They come back, alone; after the queue's maxReceiveCount they are in its dead-letter queue. Powertools' batch
    processor does the same; with asyncio and what else it imports, it is an eighth of a cold start's CPU.
    """
    failed = []
    for message in event["Records"]:
        try:
            handle(message)
        except Exception:
            logger.exception("message %s failed; it comes back", message["messageId"])
            failed.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failed}
