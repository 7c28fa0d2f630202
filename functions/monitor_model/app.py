"""The scheduler asks for a look at a project's captured requests and late labels."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.monitor_model import monitor_model

logger = Logger(service="monitor_model")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return monitor_model(bootstrap.world(), **event)
