"""Ends a rollback: the champion pointer follows the endpoint, and an alert is sent."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.complete_rollback import complete_rollback

logger = Logger(service="complete_rollback")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return bootstrap.call(complete_rollback, **event)
