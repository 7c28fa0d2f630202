"""Execution logs of state machines in CloudWatch Logs, and what AWS demands of a machine that has them.

ministack keeps a LoggingConfiguration and writes nothing.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from localcloud import authorization, identity

# AWS delivers logs for the machine; its role must be allowed to order that: developer guide, "Logging in CloudWatch".
DELIVERY_ACTIONS = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
_FATAL = frozenset({"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"})
_ERROR_ENDS = ("Failed", "TimedOut", "Aborted")
_DATA = frozenset({"input", "output", "inputDetails", "outputDetails", "parameters"})


def install() -> None:
    """Writes events as they are added to a history, and checks machines as they are made and changed."""
    from ministack.core.responses import error_response_json
    from ministack.services import stepfunctions as sfn
    from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

    add_event = sfn._add_event

    def add_and_log_event(execution: dict[str, Any], event_type: str, details: dict[str, Any] | None = None) -> Any:
        event = add_event(execution, event_type, details)
        _log(execution, event)
        return event

    sfn._add_event = add_and_log_event

    handlers = _RESOURCE_HANDLERS["AWS::StepFunctions::StateMachine"]
    create, update = handlers["create"], handlers["update"]

    def create_from_template(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        return create(logical_id, _checked_properties(props), stack_name)

    def update_from_template(physical_id: str, old: Any, new: dict[str, Any], stack_name: str, *more: Any) -> Any:
        return update(physical_id, old, _checked_properties(new), stack_name, *more)

    handlers["create"], handlers["update"] = create_from_template, update_from_template
    for name in ("_create_state_machine", "_update_state_machine"):
        setattr(sfn, name, _checked_call(getattr(sfn, name), sfn, error_response_json))


def logged(level: str, event_type: str) -> bool:
    """Whether a machine with this level logs such an event (developer guide, table of log levels)."""
    if level == "ALL":
        return True
    if level == "ERROR":
        return event_type.endswith(_ERROR_ENDS) or event_type == "FailStateEntered"
    return level == "FATAL" and event_type in _FATAL


def _log(execution: dict[str, Any], event: dict[str, Any]) -> None:
    from ministack.services import stepfunctions as sfn

    machine = sfn._state_machines.get(execution.get("stateMachineArn")) or {}
    configuration = machine.get("loggingConfiguration") or {}
    if not logged(configuration.get("level", "OFF"), event["type"]):
        return
    details: dict[str, Any] = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
    if not configuration.get("includeExecutionData"):
        details = {key: value for key, value in details.items() if key not in _DATA}
    moment = dt.datetime.now(dt.UTC)
    record = {
        "id": str(event["id"]),
        "type": event["type"],
        "details": details,
        "previous_event_id": str(event.get("previousEventId", event["id"] - 1)),
        "event_timestamp": str(int(moment.timestamp() * 1000)),
        "execution_arn": execution["executionArn"],
    }
    _write(group(configuration), f"states/{machine['name']}/{moment:%Y-%m-%d}", json.dumps(record, default=str))


def _write(log_group: str, stream: str, line: str) -> None:
    """Log delivery is a service's work, so no role is asked; a group that was deleted since loses its logs."""
    from ministack.services import cloudwatch_logs

    cloudwatch_logs._create_log_stream({"logGroupName": log_group, "logStreamName": stream})
    events = [{"timestamp": int(dt.datetime.now(dt.UTC).timestamp() * 1000), "message": line}]
    cloudwatch_logs._put_log_events({"logGroupName": log_group, "logStreamName": stream, "logEvents": events})


def group(configuration: dict[str, Any]) -> str:
    """Name of the log group of a configuration in the API's spelling."""
    arn = configuration["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"]
    return str(arn).split(":log-group:", 1)[-1].removesuffix(":*")


def _checked_properties(props: dict[str, Any]) -> dict[str, Any]:
    """Template properties with the configuration in the API's spelling. Raises ValueError."""
    if "LoggingConfiguration" not in props:
        return props
    configuration = _in_lower_camel_case(props["LoggingConfiguration"])
    configuration["includeExecutionData"] = str(configuration.get("includeExecutionData", False)).lower() == "true"
    if why := problem(configuration, props["RoleArn"]):
        raise ValueError(why)
    return {**props, "LoggingConfiguration": configuration}


def _checked_call(original: Any, sfn: Any, error_response_json: Any) -> Any:
    def change(data: dict[str, Any]) -> Any:
        if configuration := data.get("loggingConfiguration"):
            machine = sfn._state_machines.get(data.get("stateMachineArn")) or {}
            if why := problem(configuration, data.get("roleArn") or machine.get("roleArn", "")):
                code = "AccessDeniedException" if "not authorized" in why else "InvalidLoggingConfiguration"
                return error_response_json(code, why, 400)
        return original(data)

    return change


def problem(configuration: dict[str, Any], role_arn: str) -> str:
    """Why AWS would refuse a machine with this configuration, or ""."""
    from ministack.services import cloudwatch_logs

    if configuration.get("level", "OFF") == "OFF":
        return ""
    try:
        name = group(configuration)
    except (KeyError, IndexError):
        return "Invalid Logging Configuration: Must specify exactly one Log Destination."
    if name not in cloudwatch_logs._log_groups:
        return f"Invalid Logging Configuration: Log Destination {name} does not exist."
    access_key = identity.role_credentials(role_arn)["aws_access_key_id"]
    for action in DELIVERY_ACTIONS:
        if why := authorization.denial(access_key, action, "logs", "*"):
            return f"The state machine IAM Role is not authorized to access the Log Destination: {why}"
    return ""


def _in_lower_camel_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _in_lower_camel_case(item) for key, item in value.items()}
    return [_in_lower_camel_case(item) for item in value] if isinstance(value, list) else value
