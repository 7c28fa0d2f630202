"""Checks that job and model requests share, with AWS's messages."""

from __future__ import annotations

import functools
import json
import logging
from typing import Any

import botocore.exceptions

from localcloud import identity, shapes
from localcloud.extension import ServiceError
from localcloud.settings import Settings

log = logging.getLogger(__name__)


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def unsupported(what: str) -> ServiceError:
    """What this cloud cannot do is refused by name, never ignored in silence."""
    return invalid(f"{what} is not supported by the local cloud.")


def refuse(request: dict[str, Any], *members: str) -> None:
    """Raises when `request` has one of `members` with a value that asks for something."""
    for member in members:
        if request.get(member) not in (None, False, [], {}, ""):
            raise unsupported(member)


def ignore(request: dict[str, Any], job: str, *members: str) -> None:
    """Notes what has no meaning on one machine."""
    for member in members:
        if request.get(member):
            log.warning("%s: %s is accepted and has no effect in the local cloud", job, member)


def one_instance(resources: dict[str, Any]) -> None:
    """Refuses clusters of several instances and of several groups."""
    refuse(resources, "InstanceGroups", "KeepAlivePeriodInSeconds", "TrainingPlanArn", "InstancePlacementConfig")
    if int(resources.get("InstanceCount", 1)) > 1:
        raise unsupported(f"distributed training (InstanceCount {resources['InstanceCount']})")


def role(role_arn: str) -> None:
    """The role must be there and trust SageMaker, or the message that AWS gives."""
    name = role_arn.rsplit("/", 1)[-1]
    failure = invalid(
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )
    if role_arn.split(":")[4] != Settings.current().account:
        raise failure
    try:
        found = identity.client("iam").get_role(RoleName=name)["Role"]
    except botocore.exceptions.ClientError:
        raise failure from None
    trust = found["AssumeRolePolicyDocument"]
    statements = (json.loads(trust) if isinstance(trust, str) else trust).get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = [principal] if isinstance(principal, str) else principal.get("Service", [])
        services = [services] if isinstance(services, str) else services
        if statement.get("Effect") == "Allow" and {"sagemaker.amazonaws.com", "*"} & set(services):
            return
    raise failure


@functools.cache
def _members(operation: str) -> frozenset[str]:
    shape = shapes.service_model("sagemaker").operation_model(operation).output_shape
    return frozenset(shape.members) if shape else frozenset()


def answer(operation: str, record: dict[str, Any]) -> dict[str, Any]:
    """The members of `record` that the answer of `operation` has."""
    members = _members(operation)
    return {k: v for k, v in record.items() if k in members and v is not None}
