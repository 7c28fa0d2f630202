"""Tags of every SageMaker resource, by ARN."""

from __future__ import annotations

from typing import Any

from localcloud.extension import CallContext, operation
from localcloud.sagemaker import store


@operation("AddTags")
def add_tags(request: dict[str, Any], context: CallContext) -> dict[str, Any]:
    store.tag(request["ResourceArn"], request["Tags"])
    return {"Tags": _list(request["ResourceArn"])}


@operation("ListTags")
def list_tags(request: dict[str, Any], context: CallContext) -> dict[str, Any]:
    return {"Tags": _list(request["ResourceArn"])}


@operation("DeleteTags")
def delete_tags(request: dict[str, Any], context: CallContext) -> dict[str, Any]:
    store.untag(request["ResourceArn"], request["TagKeys"])
    return {}


def _list(resource: str) -> list[dict[str, str]]:
    return [{"Key": k, "Value": v} for k, v in store.tags_of(resource).items()]
