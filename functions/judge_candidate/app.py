"""The lifecycle asks whether the candidate passes the contract's gates."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.judge_candidate import judge_candidate

logger = Logger(service="judge_candidate")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return bootstrap.call(judge_candidate, **event)
