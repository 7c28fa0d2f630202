"""An event that nobody handled: SQS messages of the queue where EventBridge and Lambda leave what they give up."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.report_dead_letter import report_dead_letter

logger = Logger(service="report_dead_letter")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    def handle(record: SQSRecord) -> dict[str, Any]:
        given = record.raw_event.get("messageAttributes") or {}
        attributes = {name: str(each.get("stringValue") or "") for name, each in given.items()}
        return bootstrap.call(report_dead_letter, body=record.body, attributes=attributes)

    # what cannot be reported stays in the queue, and its alarm goes into ALARM
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False, logger=logger)  # type: ignore[arg-type]
    return process_partial_response(event, handle, processor, context)
