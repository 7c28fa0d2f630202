"""An accepted dataset waits for its profile (event `Dataset Accepted`)."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.profile_dataset import profile_dataset

logger = Logger(service="profile_dataset")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    detail = event["detail"]
    return bootstrap.call(profile_dataset, project=detail["project"], dataset_id=detail["dataset_id"])
