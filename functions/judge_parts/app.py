"""Judges a file that is too large for one function in parts: a state machine asks for one task at a time."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.judge_parts import judge_parts

logger = Logger(service="judge_parts")
TO_RECORD = 30  # seconds that are left to write what was found


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    seconds = context.get_remaining_time_in_millis() / 1000 - TO_RECORD
    return bootstrap.call(judge_parts, **event, seconds=seconds)
