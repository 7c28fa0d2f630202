"""What ministack's CloudFormation leaves out of a resource: encryption and lifecycle of buckets, encryption and
backups of tables, budgets. Without it the stack would say that it is encrypted and the cloud would not know.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.serialize import create_serializer

from localcloud import shapes
from localcloud.settings import Settings

Properties = dict[str, Any]
_BUDGET = "AWS::Budgets::Budget"


def install(settings: Settings) -> None:
    """Wraps the handlers of buckets and tables and adds that of budgets."""
    from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

    for kind, complete in (("AWS::S3::Bucket", _complete_bucket), ("AWS::DynamoDB::Table", _complete_table)):
        handlers = _RESOURCE_HANDLERS[kind]
        handlers["create"] = _completed_creation(handlers["create"], complete, handlers["delete"])
        handlers["update"] = _completed_update(handlers["update"], complete)
    if _BUDGET in _RESOURCE_HANDLERS:
        raise RuntimeError("ministack has budgets in its CloudFormation now: look at localcloud.stack_resources")
    _RESOURCE_HANDLERS[_BUDGET] = {"create": _create_budget, "update": _update_budget, "delete": _delete_budget}


def shutdown() -> None:
    """Nothing to end."""


def _completed_creation(
    create: Callable[..., Any], complete: Callable[[str, Properties], None], delete: Callable[..., Any]
) -> Callable[..., Any]:
    def created(logical_id: str, props: Properties, stack_name: str) -> Any:
        name, attributes = create(logical_id, props, stack_name)
        try:
            complete(name, props)
        except Exception:
            delete(name, props)  # what could not be made whole is not there
            raise
        return name, attributes

    return created


def _completed_update(update: Callable[..., Any], complete: Callable[[str, Properties], None]) -> Callable[..., Any]:
    def updated(physical_id: str, old: Properties, new: Properties, stack_name: str, *more: Any) -> Any:
        name, attributes = update(physical_id, old, new, stack_name, *more)
        complete(name, new)
        return name, attributes

    return updated


def _complete_bucket(name: str, props: Properties) -> None:
    from ministack.services import s3

    if encryption := props.get("BucketEncryption"):
        rules = [
            {
                "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
                "BucketKeyEnabled": _true(rule.get("BucketKeyEnabled", False)),
            }
            for rule in encryption["ServerSideEncryptionConfiguration"]
        ]
        request = {"Bucket": name, "ServerSideEncryptionConfiguration": {"Rules": rules}}
        _accepted("AWS::S3::Bucket", s3._put_bucket_encryption(name, _s3_body("PutBucketEncryption", request)))
    if lifecycle := props.get("LifecycleConfiguration"):
        request = {"Bucket": name, "LifecycleConfiguration": {"Rules": [_rule(rule) for rule in lifecycle["Rules"]]}}
        body = _s3_body("PutBucketLifecycleConfiguration", request)
        _accepted("AWS::S3::Bucket", s3._put_bucket_lifecycle(name, body))


def _rule(rule: Properties) -> dict[str, Any]:
    """A lifecycle rule as the API has it; only what is known to mean the same there."""
    translated: dict[str, Any] = {"Filter": {"Prefix": rule.get("Prefix", "")}, "Status": rule["Status"]}
    for key, value in rule.items():
        if key == "Id":
            translated["ID"] = value
        elif key == "ExpirationInDays":
            translated["Expiration"] = {"Days": int(value)}
        elif key in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"):
            translated[key] = {name: int(number) for name, number in value.items()}
        elif key not in ("Status", "Prefix"):
            raise ValueError(f"AWS::S3::Bucket LifecycleConfiguration.{key} is not supported by the local cloud")
    return translated


def _s3_body(operation: str, request: dict[str, Any]) -> bytes:
    """The XML that a client would send."""
    model = shapes.service_model("s3").operation_model(operation)
    body = create_serializer("rest-xml").serialize_to_request(request, model)["body"]
    return body if isinstance(body, bytes) else str(body).encode()


def _complete_table(name: str, props: Properties) -> None:
    from ministack.services import dynamodb

    if specification := props.get("SSESpecification"):
        request = {key: value for key, value in specification.items() if key != "SSEEnabled"}
        request["Enabled"] = _true(specification["SSEEnabled"])
        dynamodb._tables[name]["SSEDescription"] = dynamodb._sse_description_from_spec(request)
    if backups := props.get("PointInTimeRecoverySpecification"):
        dynamodb._pitr_settings[name] = _true(backups["PointInTimeRecoveryEnabled"])


# Nothing costs anything here, so a budget's spending stays 0 and its alarm is never sent; it can be described.


def _create_budget(logical_id: str, props: Properties, stack_name: str) -> tuple[str, dict[str, Any]]:
    from ministack.services import budgets

    budget = dict(props["Budget"])
    budget.setdefault("BudgetName", f"{stack_name}-{logical_id}")
    if "BudgetLimit" in budget:  # CloudFormation takes a number, the API a text
        budget["BudgetLimit"] = {key: str(value) for key, value in budget["BudgetLimit"].items()}
    request = {
        "Budget": budget,
        "NotificationsWithSubscribers": [_numbered(each) for each in props.get("NotificationsWithSubscribers", [])],
        "ResourceTags": props.get("ResourceTags", []),
    }
    _accepted(_BUDGET, budgets._create_budget(request))
    return str(budget["BudgetName"]), {}


def _numbered(entry: Properties) -> dict[str, Any]:
    return {**entry, "Notification": {**entry["Notification"], "Threshold": float(entry["Notification"]["Threshold"])}}


def _update_budget(physical_id: str, old: Properties, new: Properties, stack_name: str, *_: Any) -> Any:
    if old == new:
        return physical_id, {}
    _delete_budget(physical_id, old)
    return _create_budget(physical_id, new, stack_name)


def _delete_budget(physical_id: str, props: Properties) -> None:
    from ministack.services import budgets

    budgets._delete_budget({"BudgetName": physical_id})


def _accepted(kind: str, answer: Any) -> None:
    status, _headers, body = answer
    if status >= 400:
        raise ValueError(f"{kind}: {body.decode() if isinstance(body, bytes) else json.dumps(body)}")


def _true(value: Any) -> bool:
    """CloudFormation takes truth as text, too."""
    return value is True or str(value).lower() == "true"
