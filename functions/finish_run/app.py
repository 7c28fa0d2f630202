"""The lifecycle's one end: the record is closed, the lock freed, a run for what arrived meanwhile asked for."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.finish_run import finish_run

logger = Logger(service="finish_run")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return bootstrap.call(finish_run, **event)
