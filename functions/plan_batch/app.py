"""The batch machine asks which model scores the file, and how."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.plan_batch import plan_batch

logger = Logger(service="plan_batch")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return plan_batch(bootstrap.world(), **event)
