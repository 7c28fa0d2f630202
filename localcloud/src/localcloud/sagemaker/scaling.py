"""Application Auto Scaling for endpoint variants: who is registered is known, and nothing is ever scaled.

Policies are refused, and so is a target whose range the variant is outside of, because AWS would then scale it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from localcloud import authorization
from localcloud.extension import CallContext, ServiceError, json_service, operation, register_service
from localcloud.sagemaker import store
from localcloud.settings import Settings

Record = dict[str, Any]

SERVICE = "application-autoscaling"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
MAX_PAGE = 50  # of a page

_targets: dict[str, Record] = {}  # by resource id; guarded by store.lock()
_variants: Callable[[str], dict[str, int]]


def install(settings: Settings, variants: Callable[[str], dict[str, int]]) -> None:
    """Adds the service, without any target.

    `variants` gives the instances of each variant of an endpoint, nothing without such an endpoint.
    """
    from ministack.core import iam_actions

    global _variants
    _variants = variants
    _targets.clear()
    register_service(
        SERVICE, json_service(SERVICE, "AnyScaleFrontendService."), target_prefixes=["AnyScaleFrontendService."]
    )
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE


def scaled(endpoint: str) -> set[str]:
    """Variants of `endpoint` that are registered."""
    prefix = f"endpoint/{endpoint}/variant/"
    with store.lock():
        return {resource.removeprefix(prefix) for resource in _targets if resource.startswith(prefix)}


def deregister_all(endpoint: str, context: CallContext) -> None:
    """What DeleteEndpoint does without saying so. Raises when its caller may not."""
    found = scaled(endpoint)
    if found and authorization.denial(context.access_key, f"{SERVICE}:DeregisterScalableTarget", SERVICE, "*"):
        raise ServiceError(
            "AccessDeniedException",
            "An Application AutoScaling scalable target exists for a variant being deleted, and the IAM identity used "
            f"to invoke DeleteEndpoint does not have {SERVICE}:DeregisterScalableTarget permission to deregister the "
            "scalable target.",
        )
    with store.lock():
        for variant in found:
            _targets.pop(f"endpoint/{endpoint}/variant/{variant}", None)


@operation(SERVICE, "RegisterScalableTarget")
def register_scalable_target(request: Record, context: CallContext) -> Record:
    for member in ("SuspendedState", "Tags", "RoleARN"):
        if request.get(member):
            raise _refused(member)
    resource = _resource(request)
    with store.lock():
        before = _targets.get(resource, {})
        least, most = (request.get(name, before.get(name)) for name in ("MinCapacity", "MaxCapacity"))
        if least is None or most is None:
            raise ServiceError(
                "ValidationException", "MinCapacity and MaxCapacity are required for a new scalable target"
            )
        if least < 0 or most < least:
            raise ServiceError("ValidationException", f"Maximum capacity {most} is below minimum capacity {least}")
        now = _instances(resource)
        if not least <= now <= most:
            raise _refused(f"a scalable target of {least} to {most} instances for a variant that has {now}")
        account, region = context.account, context.region
        role = "aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
        _targets[resource] = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": resource,
            "ScalableDimension": DIMENSION,
            "MinCapacity": least,
            "MaxCapacity": most,
            "RoleARN": f"arn:aws:iam::{account}:role/{role}AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
            "CreationTime": before.get("CreationTime") or store.now(),
            "ScalableTargetARN": before.get("ScalableTargetARN")
            or f"arn:aws:{SERVICE}:{region}:{account}:scalable-target/{uuid4().hex}",
        }
        return {"ScalableTargetARN": _targets[resource]["ScalableTargetARN"]}


@operation(SERVICE, "DeregisterScalableTarget")
def deregister_scalable_target(request: Record, context: CallContext) -> None:
    resource = request["ResourceId"]
    with store.lock():
        if request["ScalableDimension"] != DIMENSION or _targets.pop(resource, None) is None:
            raise ServiceError(
                "ObjectNotFoundException",
                f"No scalable target registered for service namespace: {request['ServiceNamespace']}, resource ID: "
                f"{resource}, scalable dimension: {request['ScalableDimension']}",
            )


@operation(SERVICE, "DescribeScalableTargets")
def describe_scalable_targets(request: Record, context: CallContext) -> Record:
    wanted = request.get("ResourceIds") or []
    with store.lock():
        found = [
            target
            for resource, target in sorted(_targets.items())
            if request["ServiceNamespace"] == target["ServiceNamespace"]
            and (not wanted or resource in wanted)
            and request.get("ScalableDimension") in (None, target["ScalableDimension"])
        ]
    try:
        start = int(base64.b64decode(request.get("NextToken") or base64.b64encode(b"0"), validate=True))
    except (ValueError, binascii.Error):
        raise ServiceError("InvalidNextTokenException", "The token is not valid") from None
    end = start + min(int(request.get("MaxResults") or MAX_PAGE), MAX_PAGE)
    more = {"NextToken": base64.b64encode(str(end).encode()).decode()} if end < len(found) else {}
    return {"ScalableTargets": found[start:end], **more}


@operation(SERVICE, "DescribeScalingPolicies")
def describe_scaling_policies(request: Record, context: CallContext) -> Record:
    """None: PutScalingPolicy is refused."""
    return {"ScalingPolicies": []}


def _resource(request: Record) -> str:
    """The ResourceId of a variant that there is."""
    if request["ServiceNamespace"] != "sagemaker" or request["ScalableDimension"] != DIMENSION:
        raise _refused(f"{request['ServiceNamespace']} with {request['ScalableDimension']}")
    resource = str(request["ResourceId"])
    parts = resource.split("/")
    if len(parts) != 4 or (parts[0], parts[2]) != ("endpoint", "variant"):
        raise ServiceError(
            "ValidationException", f"ResourceId {resource!r} is not endpoint/<endpoint>/variant/<variant>"
        )
    if parts[3] not in _variants(parts[1]):
        raise ServiceError("ValidationException", f"SageMaker variant not found: {resource}")
    return resource


def _instances(resource: str) -> int:
    _, endpoint, _, variant = resource.split("/")
    return _variants(endpoint)[variant]


def _refused(what: str) -> ServiceError:
    return ServiceError("ValidationException", f"{what} is not supported by the local cloud")
