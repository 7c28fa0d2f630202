"""A function's dead-letter queue is written under the function's role, and Lambda asks for that right beforehand.

ministack sends what a function failed on as the service, and checks nothing when the function is made.
"""

from __future__ import annotations

import logging
from typing import Any

from localcloud import authorization, identity
from localcloud.settings import Settings

logger = logging.getLogger("localcloud.dead_letters")


def install(settings: Settings) -> None:
    """Guards CreateFunction and what is sent, by template and by call alike."""
    if not settings.enforce_iam:
        return
    from ministack.services import lambda_svc
    from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

    handlers = _RESOURCE_HANDLERS["AWS::Lambda::Function"]
    create, update, route = handlers["create"], handlers["update"], lambda_svc._route_async_failure

    def create_from_template(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        _refuse(props)
        return _kept(create(logical_id, props, stack_name), props)

    def update_from_template(physical_id: str, old: Any, new: dict[str, Any], stack_name: str, *more: Any) -> Any:
        _refuse(new)
        return _kept(update(physical_id, old, new, stack_name, *more), new)

    def route_async_failure(target: str, name: str, event: dict[str, Any], result: dict[str, Any]) -> None:
        role = lambda_svc._functions.get(name, {}).get("config", {}).get("Role", "")
        if why := denial(role, target):
            logger.error(
                "the event on which %s failed is lost: %s", name, why
            )  # AWS counts DeadLetterErrors and drops it
            return
        route(target, name, event, result)

    handlers["create"], handlers["update"] = create_from_template, update_from_template
    lambda_svc._route_async_failure = route_async_failure


def shutdown() -> None:
    """Nothing to end."""


def _kept(made: Any, props: dict[str, Any]) -> Any:
    """ministack's CloudFormation drops both members of the function."""
    from ministack.services import lambda_svc

    config = lambda_svc._functions[made[0]]["config"]
    for member in ("DeadLetterConfig", "VpcConfig"):
        if props.get(member):
            config[member] = dict(props[member])
        else:
            config.pop(member, None)
    return made


def denial(role_arn: str, target: str) -> str:
    """Why the role may not send to the queue or topic, the key included; "" when it may."""
    access_key = identity.role_credentials(role_arn)["aws_access_key_id"]
    service = target.split(":")[2]
    action = "sqs:SendMessage" if service == "sqs" else "sns:Publish"
    return authorization.denial(access_key, action, service, target)


def _refuse(props: dict[str, Any]) -> None:
    target = (props.get("DeadLetterConfig") or {}).get("TargetArn")
    if target and (why := denial(props["Role"], target)):
        service = "SQS" if ":sqs:" in target else "SNS"
        verb = "SendMessage" if service == "SQS" else "Publish"
        raise ValueError(f"The provided execution role does not have permissions to call {verb} on {service}: {why}")
