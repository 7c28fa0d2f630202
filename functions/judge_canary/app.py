"""The release asks, at each step, whether to go on, to hold or to abort."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.judge_canary import judge_canary

logger = Logger(service="judge_canary")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return bootstrap.call(judge_canary, **event)
