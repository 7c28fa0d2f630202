"""The release ends: the challenger becomes the champion, or the endpoint is the champion's again."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.complete_release import complete_release

logger = Logger(service="complete_release")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return bootstrap.call(complete_release, **event)
