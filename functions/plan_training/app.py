"""A dataset is profiled (`Dataset Profiled`), or somebody wants a new model (`Training Requested`)."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.plan_training import plan_training

logger = Logger(service="plan_training")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    detail = event["detail"]
    if event["detail-type"] == "Dataset Profiled":
        cause = {"trigger": "data", "dataset_id": detail["dataset_id"]}
    else:
        cause = {"trigger": detail.get("trigger", "request"), "reason": detail.get("reason", "")}
        # the same at a redelivery, so that one request gives one run
        cause["at"] = detail.get("at", event["time"])
    return bootstrap.call(plan_training, project=detail["project"], **cause)
