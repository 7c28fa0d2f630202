"""The release waits; an alarm finds here what ends the wait."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.watch_canary import watch_canary

logger = Logger(service="watch_canary")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return bootstrap.call(watch_canary, **event)
