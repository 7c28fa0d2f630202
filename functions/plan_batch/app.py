"""A file to score was dropped: EventBridge's `Object Created` of S3."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.plan_batch import plan_batch

logger = Logger(service="plan_batch")
TO_RECORD = 30  # seconds that are left to say what became of a file


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    # the key is not URL-encoded: see register_project
    found = event["detail"]["object"]
    version = found.get("version-id") or "null"
    seconds = context.get_remaining_time_in_millis() / 1000 - TO_RECORD
    return bootstrap.call(plan_batch, key=found["key"], version_id=version, size=found.get("size"), seconds=seconds)
