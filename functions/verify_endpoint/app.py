"""The release and the rollback ask whether the endpoint is what they meant it to be."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.verify_endpoint import verify_endpoint

logger = Logger(service="verify_endpoint")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return bootstrap.call(verify_endpoint, **event)
