"""Joins the steps to AWS. The only place where the two meet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache

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
from sluice.ports import Settings, World


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def settings(environment: Mapping[str, str]) -> Settings:
    """`SLUICE_<NAME>` for each setting. A missing setting is reported by the port that needs it, when it is used."""
    names = {field.name: f"SLUICE_{field.name.upper()}" for field in fields(Settings)}
    return Settings(**{name: environment[key] for name, key in names.items() if environment.get(key)})


def assemble(chosen: Settings, clients: Clients | None = None) -> World:
    """The services on AWS; no client is made before its first use."""
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
    """The services of this process, from its environment."""
    return assemble(settings(os.environ))
