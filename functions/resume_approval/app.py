"""The registry's verdict on a package (EventBridge `SageMaker Model Package State Change`)."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.resume_approval import resume_approval

logger = Logger(service="resume_approval")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    detail = event["detail"]
    return bootstrap.call(resume_approval, package_arn=detail["ModelPackageArn"], status=detail["ModelApprovalStatus"])
