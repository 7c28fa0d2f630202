"""An event that nobody handled: SQS messages of the queue where EventBridge and Lambda leave what they give up."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.report_dead_letter import report_dead_letter

logger = Logger(service="report_dead_letter")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    def handle(message: dict[str, Any]) -> None:
        given = message.get("messageAttributes") or {}
        attributes = {name: str(each.get("stringValue") or "") for name, each in given.items()}
        bootstrap.call(report_dead_letter, body=message["body"], attributes=attributes)

    # what cannot be reported stays in the queue, and its alarm goes into ALARM
    return bootstrap.each_message(event, handle, logger)
