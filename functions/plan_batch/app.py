"""A file to score was dropped: EventBridge's `Object Created` of S3."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.plan_batch import plan_batch

logger = Logger(service="plan_batch")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    # the key is not URL-encoded: see register_project
    found = event["detail"]["object"]
    version = found.get("version-id") or "null"
    return plan_batch(bootstrap.world(), key=found["key"], version_id=version, size=found.get("size"))
