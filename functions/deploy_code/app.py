"""CloudFormation's custom resource `Custom::JobCode`: puts the job code of this deployment into the bucket.

CloudFormation waits an hour for an answer that does not come, so each request is answered, whatever happens.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice import bootstrap
from sluice.steps.deploy_code import deploy_code

logger = Logger(service="deploy_code")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    # one id forever: a new one would make CloudFormation delete the old code, which running executions still use
    identity = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer = {**identity, "PhysicalResourceId": event.get("PhysicalResourceId", "sluice-job-code"), "Status": "SUCCESS"}
    try:
        if event["RequestType"] != "Delete":
            answer["Data"] = bootstrap.call(deploy_code)
    except Exception as error:
        logger.exception("the job code could not be deployed")
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"[:1_000]}
    body = json.dumps(answer).encode()
    # an empty type is what the address was signed with
    request = urllib.request.Request(  # noqa: S310 - the address is CloudFormation's presigned one
        event["ResponseURL"], body, {"Content-Type": ""}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310  # nosec B310 - CloudFormation's address as above
        logger.info("answered", extra={"status": answer["Status"]})
