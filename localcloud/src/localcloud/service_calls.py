"""Asks IAM about what services do under roles and as themselves (the tables of `implied_calls.py`).

What is denied does not happen, as on AWS: a container without its image does not start, an event that may not be
delivered goes to the target's dead-letter queue, a poller without permission receives nothing.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from typing import Any

from localcloud import authorization, call_log, identity, implied_calls
from localcloud.settings import Settings

logger = logging.getLogger("localcloud.service_calls")

_IMAGE = re.compile(r"(?P<image_account>\d{12})\.dkr\.ecr\.(?P<image_region>[\w-]+)\.[\w.]+/(?P<repository>[^:@]+)")


def install(settings: Settings) -> None:
    """Puts the checks before ministack's deliveries, pollers and functions."""
    identity.assume_checks.append(_assume)
    if not settings.enforce_iam:
        return
    _guard_rules()
    _guard_alarm_actions()
    _guard_queue_pollers()
    _guard_functions()
    _guard_log_groups()
    _hide_absent_objects()


def shutdown() -> None:
    identity.assume_checks.clear()


def role_denial(occasion: str, role_arn: str, session: str, **facts: str) -> str:
    """Why a service may not do under this role what the occasion asks for; "" when it may."""
    settings = Settings.current()
    if not settings.enforce_iam:
        return ""
    access_key = identity.role_credentials(role_arn, session)["aws_access_key_id"]
    for each in implied_calls.of_role(occasion, region=settings.region, account=settings.account, **facts):
        service = each.action.split(":")[0]
        if why := authorization.denial(access_key, each.action, service, each.resource, each.context):
            return why
    return ""


def image_denial(role_arn: str, uri: str) -> str:
    """Why SageMaker may not pull the image for a container of this role; "" when it may."""
    match = _IMAGE.match(uri)
    return role_denial("image", role_arn, "SageMaker", **match.groupdict()) if match else ""


def service_denial(occasion: str, resource: str, source_arn: str = "", service: str = "") -> str:
    """Why a service may not do this as itself; "" when the resource's own policy lets it."""
    settings = Settings.current()
    principal = implied_calls.SERVICE_CALLS[occasion][0].format(service=service)
    return _denial_of(principal, implied_calls.of_service(occasion, resource, source_arn, settings.account))


def _denial_of(principal: str, asked: Iterable[implied_calls.Implied]) -> str:
    settings = Settings.current()
    for each in asked:
        allowed = not settings.enforce_iam or _own_policy_allows(principal, each)
        call_log.add(principal, "", each.action, each.resource, each.context, allowed=allowed)
        if not allowed:
            return f"{principal} is not authorized to perform: {each.action} on resource: {each.resource}"
    return ""


def _own_policy_allows(principal: str, asked: implied_calls.Implied) -> bool:
    from ministack.core import iam_evaluator
    from ministack.services import iam

    if asked.action == "sts:AssumeRole":
        document = (iam._roles.get(asked.resource.rsplit("/", 1)[-1]) or {}).get("AssumeRolePolicyDocument")
    else:
        found = iam_evaluator._resource_policy(asked.action.split(":")[0], asked.resource)
        document = found[0] if found else None
    if not document:
        return False
    policy = json.loads(document) if isinstance(document, str) else document
    settings = Settings.current()
    context = iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type="Service",
        principal_account="",
        action=asked.action,
        resource_arn=asked.resource,
        region=settings.region,
        service_context={key.lower(): value for key, value in asked.context.items()},
    )
    allowed = False
    for each in _listed(policy.get("Statement")):
        named = each.get("Principal", {})
        # {"AWS": "*"} is everybody, services included: the default policy of a topic
        services = [named] if isinstance(named, str) else [*_listed(named.get("Service")), *_listed(named.get("AWS"))]
        resources = _listed(each.get("Resource")) or [asked.resource]
        if (
            {principal, "*"} & set(services)
            and iam_evaluator._action_matches(asked.action, _listed(each.get("Action")), [])
            and iam_evaluator._resource_matches(asked.resource, resources, [])
            and iam_evaluator._conditions_met(each.get("Condition", {}), context)
        ):
            if each["Effect"] == "Deny":
                return False
            allowed = True
    return allowed


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _assume(role_arn: str, session: str) -> None:
    """Raises PermissionError when the role does not trust the service whose session this is."""
    service = implied_calls.SESSIONS.get(session)
    if service and (why := service_denial("assume", role_arn, service=service)):
        raise PermissionError(why)


# --- where ministack acts for a service -------------------------------------------------------------------------------


def _guard_rules() -> None:
    from ministack.services import eventbridge

    invoke = eventbridge._invoke_target

    def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        why = _rule_denial(target, str(rule.get("Arn", "")))
        if not why:
            invoke(target, event, rule, view)
            return
        logger.error("rule %s: %s", rule.get("Name"), why)
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        if queue and not _rule_denial({"Arn": queue}, str(rule.get("Arn", ""))):
            shown = view or eventbridge._pattern_event_view(event)
            eventbridge._dispatch_to_sqs(eventbridge.parse_arn(queue), json.dumps(shown.event_with_detail()))

    eventbridge._invoke_target = invoke_target


def _rule_denial(target: dict[str, Any], rule_arn: str) -> str:
    arn = str(target.get("Arn", ""))
    service = arn.split(":")[2] if arn.count(":") > 4 else ""
    if service == "sqs":
        return service_denial("rule to queue", arn, rule_arn)
    if service == "lambda":
        return service_denial("rule to function", arn, rule_arn)
    if service == "states":
        try:
            return role_denial("rule's machine", str(target.get("RoleArn")), "EventBridge", machine=arn)
        except PermissionError as error:
            return str(error)
    return ""


def _guard_alarm_actions() -> None:
    from localcloud.alarms import engine

    dispatch = engine._original_actions

    def dispatch_alarm_actions(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> Any:
        kept = dict(alarm)
        for field in ("AlarmActions", "OKActions", "InsufficientDataActions"):
            allowed = []
            for action in alarm.get(field) or []:
                ours = field == {"ALARM": "AlarmActions", "OK": "OKActions"}.get(new_state, "InsufficientDataActions")
                why = ""
                if ours and action.startswith("arn:aws:sns:") and alarm.get("ActionsEnabled", True):
                    why = service_denial("alarm to topic", action, str(alarm["AlarmArn"]))
                if why:
                    logger.error("alarm %s: %s", alarm.get("AlarmName"), why)
                else:
                    allowed.append(action)
            kept[field] = allowed
        return dispatch(kept, old_state, new_state, reason)

    engine._original_actions = dispatch_alarm_actions


def _guard_queue_pollers() -> None:
    from ministack.services import lambda_svc, sqs

    receive, delete = sqs._receive_messages_for_esm, sqs._delete_messages_for_esm

    def receive_messages_for_esm(queue_url: str, max_number: int) -> list[dict[str, Any]]:
        queue = sqs._queues.get(queue_url) or {}
        if queue.get("messages") and _poller_denied("queue poller", _arn_of(queue)):
            return []
        return list(receive(queue_url, max_number))

    def delete_messages_for_esm(queue_url: str, receipt_handles: set[str]) -> None:
        if not _poller_denied("queue done", _arn_of(sqs._queues.get(queue_url) or {})):
            delete(queue_url, receipt_handles)

    def _poller_denied(occasion: str, queue_arn: str) -> bool:
        for mapping in lambda_svc._esms.values():
            if mapping.get("EventSourceArn") != queue_arn:
                continue
            function = lambda_svc._functions.get(mapping["FunctionName"]) or {}
            role = str((function.get("config") or {}).get("Role", ""))
            if role and (why := role_denial(occasion, role, "Lambda", queue=queue_arn)):
                logger.error("the poller of %s: %s", queue_arn, why)
                return True
        return False

    sqs._receive_messages_for_esm = receive_messages_for_esm
    sqs._delete_messages_for_esm = delete_messages_for_esm


def _arn_of(queue: dict[str, Any]) -> str:
    return str((queue.get("attributes") or {}).get("QueueArn", ""))


def _guard_functions() -> None:
    """A function's role must trust Lambda; its output goes to its log group under the role, or is lost."""
    from ministack.services import lambda_svc

    execute = lambda_svc._execute_function_warm

    def execute_function_warm(func: dict[str, Any], event: Any, request_id: str) -> Any:
        config = func.get("config") or func
        role = str(config.get("Role", ""))
        if role.startswith("arn:"):
            name = config.get("FunctionName", "")
            group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
            try:
                if why := role_denial("function log", role, "Lambda", group=group, stream=name):
                    logger.error("the log of %s is lost: %s", name, why)
            except PermissionError as error:
                failure = {"errorType": "AccessDeniedException", "errorMessage": str(error)}
                return {"body": failure, "error": True, "log": ""}
        return execute(func, event, request_id)

    lambda_svc._execute_function_warm = execute_function_warm


def _guard_log_groups() -> None:
    """An encrypted log group of a stack needs a key that CloudWatch Logs may use."""
    from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

    handlers = _RESOURCE_HANDLERS["AWS::Logs::LogGroup"]
    create = handlers["create"]

    def create_log_group(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        settings = Settings.current()
        if key := props.get("KmsKeyId"):
            group, region = str(props.get("LogGroupName", logical_id)), settings.region
            asked = implied_calls.of_log_group(group, str(key), region, settings.account)
            if why := _denial_of(f"logs.{region}.amazonaws.com", asked):
                raise ValueError(why)
        return create(logical_id, props, stack_name)

    handlers["create"] = create_log_group


def _hide_absent_objects() -> None:
    """A caller who may not list a bucket gets 403 for an object that does not exist, not 404.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (Permissions)
    """
    from ministack import app
    from ministack.core.iam_actions import access_denied_response
    from ministack.core.router import extract_access_key_id

    handler = app.SERVICE_HANDLERS["s3"]

    async def guarded(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> Any:
        response = await handler(method, path, headers, body, query_params)
        if method not in ("GET", "HEAD") or response[0] != 404 or path.strip("/").count("/") < 1:
            return response
        access_key = extract_access_key_id(headers, query_params)
        if not access_key or not call_log.principal_of(access_key)[1]:
            return response
        bucket = path.strip("/").split("/", 1)[0]
        why = authorization.denial(access_key, "s3:ListBucket", "s3", f"arn:aws:s3:::{bucket}")
        if not why:
            return response
        return access_denied_response("s3", "s3:ListBucket", "", "", message=why, headers=headers)

    app.SERVICE_HANDLERS["s3"] = guarded
