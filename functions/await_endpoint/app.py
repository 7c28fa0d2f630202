"""The release and the rollback ask whether the endpoint has settled."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.await_endpoint import await_endpoint

logger = Logger(service="await_endpoint")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return bootstrap.call(await_endpoint, **event)
