"""One service call of a Task: PascalCase arguments in, PascalCase answer out, errors named as Step Functions does.

Names of errors: an `aws-sdk` integration reports the Java SDK's class (`DynamoDb.ConditionalCheckFailedException`;
what the service's model does not name is `SageMaker.SageMakerException`), an optimised one the older class
(`SageMaker.AmazonSageMakerException`).
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.model import OperationModel
from ministack.services import stepfunctions as sfn

from localcloud import identity, shapes

# Java SDK service names (lower case) whose boto3 name differs.
_BOTO_NAMES = {
    "sfn": "stepfunctions",
    "states": "stepfunctions",
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
    "sagemakerruntime": "sagemaker-runtime",
}
# (prefix, class of errors that the model does not name) of the optimised integrations.
_OPTIMISED = {
    "lambda": ("Lambda", "AWSLambdaException"),
    "sagemaker": ("SageMaker", "AmazonSageMakerException"),
    "glue": ("Glue", "AWSGlueException"),
    "sns": ("SNS", "AmazonSNSException"),
    "sqs": ("SQS", "AmazonSQSException"),
    "dynamodb": ("DynamoDB", "AmazonDynamoDBException"),
    "events": ("EventBridge", "AmazonEventBridgeException"),
    "stepfunctions": ("StepFunctions", "AWSStepFunctionsException"),
}
# String members that take a JSON value in the optimised integrations, which Step Functions writes as text.
_JSON_TEXT = frozenset({"Input", "Detail", "MessageBody", "Message", "Payload"})
_SESSION = "StepFunctions"


def boto_name(service: str) -> str:
    """The boto3 name of a service as a Resource ARN names it. Raises States.Runtime when there is none."""
    name = _BOTO_NAMES.get(service, service)
    if name not in botocore.session.get_session().get_available_services():
        raise sfn._ExecutionError("States.Runtime", f"the service {service!r} of the Resource is not known")
    return name


def call(service: str, action: str, arguments: Any, role_arn: str, *, optimised: bool) -> dict[str, Any]:
    """Calls `service` (boto3 name) as `role_arn`; raises sfn._ExecutionError."""
    operation = _operation(service, action)
    parameters = _to_api(operation.input_shape, arguments or {}, "", as_text=optimised) if operation.input_shape else {}
    client = identity.client(service, role_arn, _SESSION)
    try:
        response = getattr(client, xform_name(operation.name))(**parameters)
    except ParamValidationError as error:
        raise _unusable(str(error)) from None
    except ClientError as error:
        raise sfn._ExecutionError(*_named(service, operation, error, optimised)) from None
    except BotoCoreError as error:
        prefix = _prefix(service, optimised)[0]
        raise sfn._ExecutionError(f"{prefix}.SdkClientException", str(error)) from None
    response.pop("ResponseMetadata", None)
    return _from_api(operation.output_shape, response) if operation.output_shape else {}


def _operation(service: str, action: str) -> OperationModel:
    model = shapes.service_model(service)
    name = action[:1].upper() + action[1:]
    if name not in model.operation_names:
        raise sfn._ExecutionError("States.Runtime", f"{service} has no action {action!r}")
    return model.operation_model(name)


def _to_api(shape: Any, value: Any, path: str, *, as_text: bool) -> Any:
    """Arguments with AWS's member names for the API's; unknown fields are refused."""
    if shape.type_name == "structure":
        if not isinstance(value, dict):
            raise _unusable(f"{path or 'Arguments'} must be an object")
        result = {}
        for name, item in value.items():
            member = _member(shape, name)
            if member is None:
                raise _unusable(f"The field '{path}{name}' is not supported by Step Functions")
            result[member] = _to_api(shape.members[member], item, f"{path}{name}.", as_text=as_text)
        return result
    if shape.type_name == "list" and isinstance(value, list):
        return [_to_api(shape.member, item, path, as_text=as_text) for item in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: _to_api(shape.value, item, f"{path}{key}.", as_text=as_text) for key, item in value.items()}
    if shape.type_name == "blob":
        return (value if isinstance(value, str) else json.dumps(value)).encode()
    if shape.type_name == "string" and not isinstance(value, str):
        if as_text and path.rstrip(".").rsplit(".", 1)[-1] in _JSON_TEXT:
            return json.dumps(value)
        return value
    if shape.type_name in ("integer", "long") and isinstance(value, float) and value.is_integer():
        return int(value)  # JSONata has one kind of number
    return value


def _member(shape: Any, name: str) -> str | None:
    if (shape.name, name) == ("AttributeValue", "Nul"):
        return "NULL"  # the Java SDK's name of it
    for member in (name, name[:1].lower() + name[1:]):
        # AWS takes PascalCase alone, also where the API's own name begins in lower case.
        if member in shape.members and name[:1].isupper():
            return member
    return None


def _from_api(shape: Any, value: Any) -> Any:
    """The answer with PascalCase members, datetimes as ISO 8601, streams and blobs as text."""
    if shape.type_name == "structure":
        return {
            name[:1].upper() + name[1:]: _from_api(shape.members[name], item)
            for name, item in value.items()
            if name in shape.members and item is not None
        }
    if shape.type_name == "list":
        return [_from_api(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: _from_api(shape.value, item) for key, item in value.items()}
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if shape.type_name == "blob":
        data = value.read() if hasattr(value, "read") else value
        try:
            return data.decode()
        except UnicodeDecodeError:
            return base64.b64encode(data).decode()
    return value


def _named(service: str, operation: OperationModel, error: ClientError, optimised: bool) -> tuple[str, str]:
    """(error name, cause) of a refused call."""
    details: Mapping[str, Any] = error.response.get("Error", {})
    metadata = error.response.get("ResponseMetadata", {})
    code = str(details.get("Code", "")).rsplit("#", 1)[-1]
    prefix, unnamed = _prefix(service, optimised)
    name = unnamed
    for shape in operation.service_model.error_shapes:
        if code in (shape.name, shape.metadata.get("error", {}).get("code")):
            name = re.sub(r"(Exception|Fault)?$", "", shape.name, count=1) + "Exception"
            break
    cause = (
        f"{details.get('Message', '')} (Service: {prefix}, Status Code: {metadata.get('HTTPStatusCode')}, "
        f"Error Code: {code}, Request ID: {metadata.get('RequestId', '')})"
    )
    return f"{prefix}.{name}", cause


def _prefix(service: str, optimised: bool) -> tuple[str, str]:
    if optimised:
        return _OPTIMISED[service]
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+", shapes.service_model(service).service_id)
    name = "".join(word.capitalize() for word in words)
    return name, f"{name}Exception"


def _unusable(why: str) -> sfn._ExecutionError:
    return sfn._ExecutionError("States.Runtime", f"The Arguments could not be used to start the Task: [{why}]")
