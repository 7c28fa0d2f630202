"""Measures a project's captured requests and delayed labels, or asks for its scheduled retraining (`task`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.monitor_model import monitor_model
from sluice.steps.request_retraining import request_retraining

logger = Logger(service="monitor_model")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    given = dict(event)
    task = given.pop("task", "monitor")
    steps: dict[str, Callable[..., dict[str, Any]]] = {"monitor": monitor_model, "retrain": request_retraining}
    if task not in steps:
        raise ValueError(f"task {task!r} is not known; known: {', '.join(steps)}")
    return bootstrap.call(steps[task], **given)
