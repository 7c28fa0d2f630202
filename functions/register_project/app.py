"""A project.yaml, or an object where Sluice reads nothing, arrived in S3 (EventBridge `Object Created`)."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.register_project import register_project

logger = Logger(service="register_project")
TO_RECORD = 60  # seconds that are left to say what becomes of accepted rows


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    # not powertools' event class: it URL-decodes the key, which EventBridge does not encode
    arrived = event["detail"]["object"]
    return bootstrap.call(
        register_project,
        key=arrived["key"],
        version_id=arrived.get("version-id"),
        size=arrived.get("size"),
        seconds=context.get_remaining_time_in_millis() / 1000 - TO_RECORD,
    )
