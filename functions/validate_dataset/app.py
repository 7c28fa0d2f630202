"""A file arrived in S3: SQS messages whose bodies are EventBridge's `Object Created` events."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.validate_dataset import validate_dataset

logger = Logger(service="validate_dataset")
TO_RECORD = 30  # seconds that are left to say what became of a file


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    def handle(record: SQSRecord) -> dict[str, Any]:
        detail = json.loads(record.body)["detail"]
        # the key is not URL-encoded: see register_project
        return bootstrap.call(
            validate_dataset,
            bucket=detail["bucket"]["name"],
            key=detail["object"]["key"],
            version_id=detail["object"].get("version-id"),
            size=detail["object"].get("size"),
            queue_arn=record.event_source_arn,
            seconds=context.get_remaining_time_in_millis() / 1000 - TO_RECORD,
        )

    # the messages that fail come back, alone; after the queue's maxReceiveCount they come from the dead-letter queue
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False, logger=logger)  # type: ignore[arg-type]
    return process_partial_response(event, handle, processor, context)
