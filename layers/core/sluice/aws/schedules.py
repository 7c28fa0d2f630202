"""EventBridge Scheduler."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws.clients import Clients, code, required
from sluice.ports import Json, Settings


class SchedulerSchedules:
    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    def ensure(self, name: str, expression: str, target_arn: str, payload: Json) -> None:
        schedule: Json = {
            "Name": name,
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED",
            "Target": {
                "Arn": target_arn,
                "RoleArn": required(self._settings, "scheduler_role_arn"),
                "Input": json.dumps(payload, allow_nan=False),
                # a measurement that is an hour late is superseded by the next one
                "RetryPolicy": {"MaximumEventAgeInSeconds": 3_600, "MaximumRetryAttempts": 3},
            },
        }
        try:
            self._scheduler.create_schedule(**schedule)
        except ClientError as error:
            if code(error) != "ConflictException":
                raise
            self._scheduler.update_schedule(**schedule)

    def delete(self, name: str) -> None:
        try:
            self._scheduler.delete_schedule(Name=name)
        except ClientError as error:
            if code(error) != "ResourceNotFoundException":
                raise

    @property
    def _scheduler(self) -> Any:
        return self._clients("scheduler")
