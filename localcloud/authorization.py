"""IAM for what the local cloud adds: action and resource of each SageMaker call, passed roles, and the call log.

`<state>/calls.jsonl` gets one line for every permission that was checked: time, principal, role, service, action,
resource, allowed, the HTTP status and the names of the request's top-level members.
"""

from __future__ import annotations

import contextvars
import datetime as dt
import json
import re
import threading
from collections.abc import Iterator
from typing import Any, TextIO
from urllib.parse import unquote

from localcloud import extension
from localcloud.settings import Settings

# Longest first, because the first suffix that fits an operation's name decides: (suffix, ARN type, name member).
_RESOURCES = (
    ("EndpointWeightsAndCapacities", "endpoint", "EndpointName"),
    ("HyperParameterTuningJob", "hyper-parameter-tuning-job", "HyperParameterTuningJobName"),
    ("ModelPackageGroup", "model-package-group", "ModelPackageGroupName"),
    ("EndpointConfig", "endpoint-config", "EndpointConfigName"),
    ("ProcessingJob", "processing-job", "ProcessingJobName"),
    ("TransformJob", "transform-job", "TransformJobName"),
    ("TrainingJob", "training-job", "TrainingJobName"),
    ("ModelPackage", "model-package", "ModelPackageName"),
    ("Endpoint", "endpoint", "EndpointName"),
    ("Model", "model", "ModelName"),
)
_RUNTIME_PATHS = (
    (re.compile(r"/endpoints/([^/]+)/invocations$"), "InvokeEndpoint"),
    (re.compile(r"/endpoints/([^/]+)/async-invocations$"), "InvokeEndpointAsync"),
    (re.compile(r"/endpoints/([^/]+)/invocations-response-stream$"), "InvokeEndpointWithResponseStream"),
)
_ROLE_MEMBERS = frozenset({"RoleArn", "ExecutionRoleArn"})

_checks: contextvars.ContextVar[list[dict[str, Any]] | None] = contextvars.ContextVar("checks", default=None)
_log_lock = threading.Lock()
_log: TextIO | None = None


def install(settings: Settings) -> None:
    """Adds the SageMaker mappings and the call log to ministack's IAM."""
    global _log
    _log = (settings.state / "calls.jsonl").open("a", encoding="utf-8")
    _map_sagemaker()
    _add_the_metric_namespace()
    _record_checks()
    _log_requests()
    if settings.enforce_iam:
        extension.request_checks.append(_check_passed_roles_and_tags)
        _guard_passed_roles("scheduler", "scheduler.amazonaws.com")
        _guard_alarms()


def shutdown() -> None:
    global _log
    with _log_lock:
        if _log is not None:
            _log.close()
        _log = None


def denial(access_key: str, action: str, service: str, resource: str, context: dict[str, Any] | None = None) -> str:
    """Why the key's principal may not do `action` on `resource`; "" when it may (or IAM is off)."""
    if not Settings.current().enforce_iam:
        return ""
    from ministack.core import iam_evaluator
    from ministack.core.iam_actions import identity_denial_message

    settings = Settings.current()
    denied = iam_evaluator.enforce(access_key, action, service, settings.region, resource, context)
    if denied is None:
        return ""
    if isinstance(denied, iam_evaluator.AuthError):
        return denied.message
    return identity_denial_message(action, denied.principal_arn, resource, denied.decision == "Deny")


def sagemaker_resource(operation: str, request: dict[str, Any], region: str, account: str) -> str:
    """ARN of the resource that a SageMaker call is about; "*" where AWS takes none."""
    prefix = f"arn:aws:sagemaker:{region}:{account}:"
    if "ResourceArn" in request:
        return str(request["ResourceArn"])
    if operation.startswith("List"):
        return "*"
    if operation == "CreateModelPackage" and request.get("ModelPackageGroupName"):
        group = str(request["ModelPackageGroupName"]).rsplit("/", 1)[-1]
        return f"{prefix}model-package/{group.lower()}/*"
    if operation == "UpdateModelPackage" or operation.endswith("ModelPackage"):
        name = str(request.get("ModelPackageArn") or request.get("ModelPackageName") or "*")
        return name if name.startswith("arn:") else f"{prefix}model-package/{name.lower()}"
    for suffix, kind, member in _RESOURCES:
        if operation.endswith(suffix):
            name = str(request.get(member, "*"))
            # SageMaker writes names into ARNs in lower case.
            return name if name.startswith("arn:") else f"{prefix}{kind}/{name.lower()}"
    return "*"


def _map_sagemaker() -> None:
    from ministack.core import iam_actions

    iam_actions.SERVICE_TO_IAM_NAMESPACE["sagemaker"] = "sagemaker"
    iam_actions.SERVICE_TO_IAM_NAMESPACE["sagemaker-runtime"] = "sagemaker"
    action_of, resource_of = iam_actions.extract_iam_action, iam_actions.extract_resource_arn

    def extract_iam_action(
        service: str, method: str, path: str, headers: dict, body: bytes, query_params: dict
    ) -> str | None:
        if service == "sagemaker":
            return "sagemaker:" + headers.get("x-amz-target", "").rpartition(".")[2]
        if service == "sagemaker-runtime":
            return next((f"sagemaker:{name}" for pattern, name in _RUNTIME_PATHS if pattern.match(path)), None)
        return action_of(service, method, path, headers, body, query_params)

    def extract_resource_arn(
        service: str, method: str, path: str, headers: dict, body: bytes, query_params: dict, region: str, account: str
    ) -> str:
        if service == "sagemaker":
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            return sagemaker_resource(operation, _json_object(body), region, account)
        if service == "sagemaker-runtime":
            name = unquote(path.split("/")[2]) if path.count("/") > 1 else "*"
            return f"arn:aws:sagemaker:{region}:{account}:endpoint/{name.lower()}"
        if service == "monitoring":
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            arns = _alarm_arns(operation, _json_object(body), region, account)
            if arns:
                return arns[0]
        return resource_of(service, method, path, headers, body, query_params, region, account)

    iam_actions.extract_iam_action = extract_iam_action
    iam_actions.extract_resource_arn = extract_resource_arn


def _add_the_metric_namespace() -> None:
    """The condition key `cloudwatch:namespace` of PutMetricData, which is the only bound that the action has."""
    from ministack.core import iam_actions

    context_of = iam_actions.request_tag_context

    def request_tag_context(service: str, iam_action: str, body: bytes, params: dict) -> dict[str, Any]:
        context = dict(context_of(service, iam_action, body, params))
        if iam_action == "cloudwatch:PutMetricData":
            context["cloudwatch:namespace"] = _json_object(body).get("Namespace")
        return context

    iam_actions.request_tag_context = request_tag_context


def _alarm_arns(operation: str, request: dict[str, Any], region: str, account: str) -> list[str]:
    """What a CloudWatch call is authorized on: each alarm that it names, every alarm when it describes them."""
    prefix = f"arn:aws:cloudwatch:{region}:{account}:alarm:"
    if operation in ("DescribeAlarms", "DescribeAlarmHistory"):
        return [f"{prefix}*"]
    names = request.get("AlarmNames") or ([request["AlarmName"]] if request.get("AlarmName") else [])
    return [f"{prefix}{name}" for name in names]


def _guard_alarms() -> None:
    """Authorizes a call that names several alarms on each of them; ministack's gate looks at one resource."""
    from ministack import app
    from ministack.core.iam_actions import access_denied_response
    from ministack.core.router import extract_access_key_id

    handler = app.SERVICE_HANDLERS["monitoring"]

    async def guarded(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> Any:
        settings = Settings.current()
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        for arn in _alarm_arns(operation, _json_object(body), settings.region, settings.account)[1:]:
            access_key = extract_access_key_id(headers, query_params)
            if why := denial(access_key, f"cloudwatch:{operation}", "monitoring", arn):
                action = f"cloudwatch:{operation}"
                return access_denied_response("monitoring", action, "", "", message=why, headers=headers)
        return await handler(method, path, headers, body, query_params)

    app.SERVICE_HANDLERS["monitoring"] = guarded


def _check_passed_roles_and_tags(
    service: str, operation: str, request: dict[str, Any], context: extension.CallContext
) -> None:
    if service != "sagemaker" or operation.startswith(("Describe", "List")):
        return
    checks = [
        ("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"}) for role in sorted(_roles(request))
    ]
    resource = sagemaker_resource(operation, request, context.region, context.account)
    if request.get("Tags") and operation.startswith("Create"):
        checks.append(("sagemaker:AddTags", resource, {}))
    if operation in ("CreateEndpoint", "UpdateEndpoint"):
        # AWS authorizes these on the endpoint and on the configuration that it is given.
        name = str(request.get("EndpointConfigName", "*")).lower()
        arn = f"arn:aws:sagemaker:{context.region}:{context.account}:endpoint-config/{name}"
        checks.append((f"sagemaker:{operation}", arn, {}))
    for action, arn, keys in checks:
        if why := denial(context.access_key, action, "sagemaker", arn, keys):
            raise extension.ServiceError("AccessDeniedException", why, 400)


def _guard_passed_roles(service: str, principal: str) -> None:
    """Requires iam:PassRole for the roles in a service's requests, which ministack does not check."""
    from ministack import app
    from ministack.core.iam_actions import access_denied_response
    from ministack.core.router import extract_access_key_id

    handler = app.SERVICE_HANDLERS[service]

    async def guarded(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> Any:
        access_key = extract_access_key_id(headers, query_params)
        if method in ("POST", "PUT"):
            for role in sorted(_roles(_json_object(body))):
                if why := denial(access_key, "iam:PassRole", service, role, {"iam:PassedToService": principal}):
                    return access_denied_response(service, "iam:PassRole", "", "", message=why, headers=headers)
        return await handler(method, path, headers, body, query_params)

    app.SERVICE_HANDLERS[service] = guarded


def _roles(value: Any) -> set[str]:
    """Every role ARN that a request hands to a service, at whatever depth."""
    return {role for role in _role_members(value) if role.startswith("arn:")}


def _role_members(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name in _ROLE_MEMBERS and isinstance(item, str):
                yield item
            else:
                yield from _role_members(item)
    elif isinstance(value, list):
        for item in value:
            yield from _role_members(item)


def _record_checks() -> None:
    """Every permission check of a request goes into the request's list, from which the log is written."""
    from ministack.core import iam_evaluator

    enforce = iam_evaluator.enforce

    def recording(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        check = {"action": iam_action, "resource": resource_arn, "allowed": denied is None, "key": access_key_id}
        checks = _checks.get()
        if checks is None:
            _write(service, [check], None, [])
        else:
            checks.append(check)
        return denied

    iam_evaluator.enforce = recording


def _log_requests() -> None:
    from ministack import app

    dispatch = app._dispatch_service_request

    async def logged(method: str, path: str, headers: dict, body: bytes, query_params: dict, request_id: str) -> Any:
        checks: list[dict[str, Any]] = []
        token = _checks.set(checks)
        status = 0
        try:
            response = await dispatch(method, path, headers, body, query_params, request_id)
            status = response[0]
            return response
        finally:
            _checks.reset(token)
            if checks:
                members = sorted(_json_object(body)) if len(body) < 65536 else []
                _write(checks[0]["action"].split(":")[0], checks, status, members)

    app._dispatch_service_request = logged


def _write(service: str, checks: list[dict[str, Any]], status: int | None, members: list[str]) -> None:
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    lines = ""
    for check in checks:
        principal, role = _principal(check["key"])
        line = {"time": now, "principal": principal, "role": role, "service": service, "action": check["action"]}
        line |= {"resource": check["resource"], "allowed": check["allowed"], "status": status, "members": members}
        lines += json.dumps(line) + "\n"
    with _log_lock:
        if _log is not None:
            _log.write(lines)
            _log.flush()


def _principal(access_key: str) -> tuple[str, str]:
    """(principal ARN, ARN of its role or "")."""
    from ministack.core.iam_evaluator import resolve_caller_identity
    from ministack.services import iam

    arn = (resolve_caller_identity(access_key) or {}).get("userArn", "")
    if ":assumed-role/" not in arn:
        return arn, ""
    name = arn.split("/")[-2]
    role = iam._roles.get(name) or {}
    return arn, role.get("Arn") or f"arn:aws:iam::{arn.split(':')[4]}:role/{name}"


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
