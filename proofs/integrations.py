"""A Task's Resource: which call it makes, and whether Step Functions has that integration."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

import botocore.session
from botocore.model import OperationModel, ServiceModel

from proofs.members import nearest

CALL, SYNC, SYNC_2, TOKEN = "", "sync", "sync:2", "waitForTaskToken"

# service:action → patterns, from "Integrating optimized services" in the Step Functions developer guide. What is not
# listed here is refused: a new integration is a new line, with its patterns looked up there.
OPTIMISED: dict[str, frozenset[str]] = {
    "lambda:invoke": frozenset({CALL, TOKEN}),
    "states:startExecution": frozenset({CALL, SYNC, SYNC_2, TOKEN}),
    "sagemaker:createEndpoint": frozenset({CALL}),
    "sagemaker:createEndpointConfig": frozenset({CALL}),
    "sagemaker:createModel": frozenset({CALL}),
    "sagemaker:updateEndpoint": frozenset({CALL}),
    "sagemaker:createTrainingJob": frozenset({CALL, SYNC}),
    "sagemaker:createTransformJob": frozenset({CALL, SYNC}),
    "sagemaker:createHyperParameterTuningJob": frozenset({CALL, SYNC}),
    "sagemaker:createProcessingJob": frozenset({CALL, SYNC}),
    "sagemaker:createLabelingJob": frozenset({CALL, SYNC}),
    "glue:startJobRun": frozenset({CALL, SYNC}),
    "sns:publish": frozenset({CALL, TOKEN}),
    "sqs:sendMessage": frozenset({CALL, TOKEN}),
    "events:putEvents": frozenset({CALL, TOKEN}),
    "dynamodb:getItem": frozenset({CALL}),
    "dynamodb:putItem": frozenset({CALL}),
    "dynamodb:updateItem": frozenset({CALL}),
    "dynamodb:deleteItem": frozenset({CALL}),
}
# Text members for which an optimised integration takes JSON and writes it as text.
JSON_MEMBERS: dict[str, frozenset[str]] = {
    "lambda:invoke": frozenset({"Payload"}),
    "states:startExecution": frozenset({"Input"}),
    "sns:publish": frozenset({"Message"}),
    "sqs:sendMessage": frozenset({"MessageBody"}),
    "events:putEvents": frozenset({"Detail"}),
}
# Names in a Resource whose boto3 name differs in more than case and dashes.
_BOTO_NAMES = {"states": "stepfunctions", "sfn": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}
_RESOURCE = re.compile(
    r"arn:(?:aws|aws-cn|aws-us-gov|\$\{\w+\}):states:::(?P<sdk>aws-sdk:)?(?P<service>[A-Za-z0-9-]+):(?P<action>\w+)"
    r"(?:\.(?P<pattern>[\w:]+))?"
)


class UnknownIntegrationError(Exception):
    """Step Functions has no such integration; the message says what it has."""


@dataclass(frozen=True)
class Integration:
    """One call of a Task: `service` as boto3 names it, `key` as the Resource names both."""

    key: str
    service: str
    operation: OperationModel
    pattern: str
    optimised: bool

    @property
    def json_members(self) -> frozenset[str]:
        return JSON_MEMBERS.get(self.key, frozenset()) if self.optimised else frozenset()


@functools.cache
def service_model(service: str) -> ServiceModel:
    """botocore's model by boto3 name. Raises UnknownIntegrationError when there is none."""
    session = botocore.session.get_session()
    known = session.get_available_services()
    if service not in known:
        raise UnknownIntegrationError(f"AWS has no service {service!r}" + nearest(service, known))
    return session.get_service_model(service)


@functools.cache
def operation_model(service: str, operation: str) -> OperationModel:
    """The operation by its API name (`CreateTrainingJob`). Raises UnknownIntegrationError."""
    model = service_model(service)
    if operation not in model.operation_names:
        known = list(model.operation_names)
        raise UnknownIntegrationError(f"{service} has no operation {operation!r}" + nearest(operation, known))
    return model.operation_model(operation)


@functools.cache
def parse(resource: str) -> Integration:
    """The call that a Resource makes. Raises UnknownIntegrationError."""
    match = _RESOURCE.fullmatch(resource)
    if match is None:
        raise UnknownIntegrationError(f"{resource!r} is no service integration")
    service, action, pattern = match["service"], match["action"], match["pattern"] or CALL
    key, optimised = f"{service}:{action}", match["sdk"] is None
    if optimised:
        if key not in OPTIMISED:
            raise UnknownIntegrationError(f"{key} is no optimised integration" + nearest(key, list(OPTIMISED)))
        patterns = OPTIMISED[key]
    else:
        patterns = frozenset({CALL, TOKEN})
    if pattern not in patterns:
        has = ", ".join(each or "request-response" for each in sorted(patterns))
        raise UnknownIntegrationError(f"{key} has no .{pattern}; it has {has}")
    if not action[:1].islower():
        raise UnknownIntegrationError(f"actions begin with a small letter: {action[:1].lower() + action[1:]}")
    boto_name = _boto_name(service) if not optimised else _BOTO_NAMES.get(service, service)
    return Integration(key, boto_name, operation_model(boto_name, action[:1].upper() + action[1:]), pattern, optimised)


def _boto_name(service: str) -> str:
    """boto3's name of a service that an aws-sdk Resource names by its service id (`sagemakerruntime`, `sfn`)."""
    known = botocore.session.get_session().get_available_services()
    undashed = {each.replace("-", ""): each for each in known}
    model = service_model(_BOTO_NAMES.get(service, undashed.get(service, service)))
    wanted = str(model.metadata.get("serviceId", "")).replace(" ", "").lower()
    if service != wanted:
        raise UnknownIntegrationError(f"Step Functions names the service {wanted!r}, not {service!r}")
    return model.service_name
