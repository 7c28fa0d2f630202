"""A file arrived in S3: SQS messages whose bodies are EventBridge's `Object Created` events."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.validate_dataset import validate_dataset

logger = Logger(service="validate_dataset")
TO_RECORD = 30  # seconds that are left to say what became of a file


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    def handle(message: dict[str, Any]) -> None:
        detail = json.loads(message["body"])["detail"]
        # the key is not URL-encoded: see register_project
        bootstrap.call(
            validate_dataset,
            bucket=detail["bucket"]["name"],
            key=detail["object"]["key"],
            version_id=detail["object"].get("version-id"),
            size=detail["object"].get("size"),
            queue_arn=message["eventSourceARN"],
            seconds=context.get_remaining_time_in_millis() / 1000 - TO_RECORD,
        )

    return bootstrap.each_message(event, handle, logger)
