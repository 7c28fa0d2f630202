"""IAM for what the local cloud adds: action and resource of each SageMaker call, passed roles, tags, implied calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from localcloud import call_log, extension, implied_calls
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


def install(settings: Settings) -> None:
    """Adds the SageMaker mappings, what calls need besides their own action, and the call log to ministack's IAM."""
    call_log.install(settings)
    _map_sagemaker()
    _add_the_metric_namespace()
    if settings.enforce_iam:
        _require_what_calls_imply()
        extension.request_checks.append(_check_passed_roles_and_tags)
        _guard_passed_roles("scheduler", "scheduler.amazonaws.com")
        _guard_alarms()


def shutdown() -> None:
    call_log.shutdown()


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
    # the only one of the lists that AWS authorises by the resource that it is about
    if operation.startswith("List") and operation != "ListTrainingJobsForHyperParameterTuningJob":
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
    """What a CloudWatch call is authorized on: each alarm that it names, every alarm when it describes them.

    A caller who makes a composite alarm needs the right on every alarm, because it reports on others:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
    """
    prefix = f"arn:aws:cloudwatch:{region}:{account}:alarm:"
    if operation in ("DescribeAlarms", "DescribeAlarmHistory", "PutCompositeAlarm"):
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
        request = _json_object(body)
        arns = _alarm_arns(operation, request, settings.region, settings.account)
        checks = [(f"cloudwatch:{operation}", arn) for arn in arns[1:]]
        if operation in ("PutMetricAlarm", "PutCompositeAlarm") and request.get("Tags"):
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html (Tags)
            checks.append(("cloudwatch:TagResource", arns[0].rpartition(":")[0] + f":{request.get('AlarmName')}"))
        for action, arn in checks:
            access_key = extract_access_key_id(headers, query_params)
            if why := denial(access_key, action, "monitoring", arn):
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


def _require_what_calls_imply() -> None:
    """A call is allowed when what it implies is allowed too; the denial is then that of the implied action."""
    from ministack.core import iam_evaluator

    enforce = iam_evaluator.enforce

    def enforcing(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        if denied is not None or call_log.principal_of(access_key_id)[1] == "":
            return denied
        for each in implied_calls.of_call(iam_action, resource_arn, region, Settings.current().account):
            why = enforce(access_key_id, each.action, each.action.split(":")[0], region, each.resource, each.context)
            if why is not None:
                return why
        return None

    iam_evaluator.enforce = enforcing


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
