"""The lifecycle's one end: the record is closed, the lock freed, a run for what arrived meanwhile asked for.

The state machine calls it; Step Functions' event calls it where the state machine could not.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.finish_run import finish_run, stopped_run

logger = Logger(service="finish_run")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    if event.get("detail-type") == "Step Functions Execution Status Change":
        return bootstrap.call(finish_run, **stopped_run(event["detail"]))
    return bootstrap.call(finish_run, **event)
