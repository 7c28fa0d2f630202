"""An alarm of Sluice changed its state (`CloudWatch Alarm State Change`), or a model was measured."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.answer_lasting_alarms import answer_lasting_alarms
from sluice.steps.respond_to_alarm import respond_to_alarm

logger = Logger(service="respond_to_alarm")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    if event.get("detail-type") == "Model Measured":
        detail = event["detail"]
        return bootstrap.call(answer_lasting_alarms, project=detail["project"], at=detail["at"])
    return bootstrap.call(respond_to_alarm, event["detail"])
