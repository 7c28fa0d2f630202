"""The world in memory: one fake per port, each with state that a test may read and lay down."""

from __future__ import annotations

from typing import Any

from sluice.bootstrap import World
from sluice.ports import Settings
from testing.fakes.clock import FixedClock
from testing.fakes.failing import Crash, failing, failing_once, interrupted
from testing.fakes.ledger import FakeLedger
from testing.fakes.messages import FakeAlerts, FakeEvents, Published
from testing.fakes.objects import FakeObjects
from testing.fakes.orchestration import FakeExecutions, FakeSchedules
from testing.fakes.sagemaker import ClientError, FakeModels, FakeRegistry, Invocation
from testing.fakes.signer import FakeSigner
from testing.fakes.watch import FakeAlarms, FakeMetrics

__all__ = [
    "SETTINGS",
    "ClientError",
    "Crash",
    "FakeAlarms",
    "FakeAlerts",
    "FakeEvents",
    "FakeExecutions",
    "FakeLedger",
    "FakeMetrics",
    "FakeModels",
    "FakeObjects",
    "FakeRegistry",
    "FakeSchedules",
    "FakeSigner",
    "FixedClock",
    "Invocation",
    "Published",
    "failing",
    "failing_once",
    "interrupted",
    "world",
]

_ACCOUNT = "us-east-1:123456789012"
SETTINGS = Settings(
    stack="sluice",
    bucket="data",
    table="sluice-ledger",
    topic_arn=f"arn:aws:sns:{_ACCOUNT}:sluice-alerts",
    bus="sluice",
    lifecycle_arn=f"arn:aws:states:{_ACCOUNT}:stateMachine:sluice-lifecycle",
    batch_arn=f"arn:aws:states:{_ACCOUNT}:stateMachine:sluice-batch",
    parts_arn=f"arn:aws:states:{_ACCOUNT}:stateMachine:sluice-judge-parts",
    rollback_arn=f"arn:aws:states:{_ACCOUNT}:stateMachine:sluice-rollback",
    release_arn=f"arn:aws:states:{_ACCOUNT}:stateMachine:sluice-release",
    monitor_function_arn=f"arn:aws:lambda:{_ACCOUNT}:function:sluice-monitor",
    scheduler_role_arn="arn:aws:iam::123456789012:role/sluice-scheduler",
    execution_role_arn="arn:aws:iam::123456789012:role/sluice-learn",
    data_key_arn="arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0",
    frameworks_registry="763104351884.dkr.ecr.us-east-1.amazonaws.com",
    source_uri="s3://data/code/0123/sourcedir.tar.gz",
    learn_uri="s3://data/code/0123/learn/",
    glue_script_uri="s3://data/code/0123/glue/clean_dataset.py",
)


def world(**overrides: Any) -> World:
    """A fresh world of fakes; `overrides` replaces ports or `settings`, such as `clock=FixedClock(...)`."""
    clock = overrides.pop("clock", None) or FixedClock()
    settings = overrides.pop("settings", None) or SETTINGS
    parts: dict[str, Any] = {
        "objects": FakeObjects(settings.bucket, clock.now),
        "ledger": FakeLedger(),
        "alerts": FakeAlerts(),
        "events": FakeEvents(),
        "metrics": FakeMetrics(),
        "alarms": FakeAlarms(),
        "models": FakeModels(clock.now),
        "registry": FakeRegistry(),
        "signer": FakeSigner(),
        "executions": FakeExecutions(),
        "schedules": FakeSchedules(),
    }
    return World(settings=settings, clock=clock, **{**parts, **overrides})
