"""Calls that AWS makes, or permissions that it asks for, besides the call itself.

Three tables, each line with AWS's page:
- `of_call`: what a call needs besides its own action (KMS), under the caller's permissions;
- `ROLE_CALLS`: what services do under a role that they were given (image pulls, logs, metrics, tags, polling);
- `SERVICE_CALLS`: what services do as themselves, which the resource's own policy allows or not.
A check of these is logged and enforced like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from localcloud import call_log


@dataclass(frozen=True)
class Implied:
    """`docs` is the path of AWS's page below https://docs.aws.amazon.com/."""

    action: str
    resource: str
    context: dict[str, Any]
    docs: str


# --- what a call needs besides its own action -------------------------------------------------------------------------

# action → (service in kms:ViaService, KMS actions, member of the encryption context, page). S3's context is the
# bucket's ARN, because the bucket has a Bucket Key.
_S3 = ("s3", "AmazonS3/latest/userguide/UsingKMSEncryption.html")
_DYNAMODB = ("dynamodb", "amazondynamodb/latest/developerguide/encryption.usagenotes.html")
_SQS = ("sqs", "AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html")
_SNS = ("sns", "sns/latest/dg/sns-key-management.html")
_WRITES, _READS, _BOTH = ("kms:GenerateDataKey",), ("kms:Decrypt",), ("kms:GenerateDataKey", "kms:Decrypt")
_KMS: dict[str, tuple[tuple[str, str], tuple[str, ...]]] = {
    "s3:PutObject": (_S3, _WRITES),
    "s3:GetObject": (_S3, _READS),
    "s3:GetObjectVersion": (_S3, _READS),
    **{
        f"dynamodb:{operation}": (_DYNAMODB, _READS)
        for operation in (
            *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
            *("BatchGetItem", "BatchWriteItem", "ConditionCheckItem"),
        )
    },
    "sns:Publish": (_SNS, _BOTH),
    "sqs:SendMessage": (_SQS, _BOTH),
    "sqs:ReceiveMessage": (_SQS, _READS),
}
# A part of an upload is decrypted when the parts are joined:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html (permissions)
_MULTIPART = {"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}


def of_call(action: str, resource: str, region: str, account: str) -> Iterator[Implied]:
    """What a call with this action on this resource needs besides."""
    if action not in _KMS:
        return
    key = key_of(resource)
    if key is None:
        return
    (service, docs), actions = _KMS[action]
    request = call_log.current_request()
    if request and request.operation in _MULTIPART:
        actions = _BOTH
    context = {"kms:ViaService": f"{service}.{region}.amazonaws.com", "kms:CallerAccount": account}
    context |= _encryption_context(service, resource, account)
    for each in actions:
        yield Implied(each, key, context, docs)


def _encryption_context(service: str, resource: str, account: str) -> dict[str, str]:
    if service == "s3":
        return {"kms:EncryptionContext:aws:s3:arn": resource.split("/", 1)[0]}
    if service == "dynamodb":
        table = resource.split("/")[1]
        return {
            "kms:EncryptionContext:aws:dynamodb:tableName": table,
            "kms:EncryptionContext:aws:dynamodb:subscriberId": account,
        }
    member = "topicArn" if service == "sns" else "arn"
    return {f"kms:EncryptionContext:aws:{service}:{member}": resource}


def key_of(resource: str) -> str | None:
    """ARN of the customer's key with which a bucket, table, queue or topic is encrypted; None without one."""
    from ministack.services import dynamodb, s3, sns, sqs

    service = resource.split(":")[2] if resource.startswith("arn:") else ""
    found: Any = None
    if service == "s3":
        document = s3._bucket_encryption.get(resource[13:].split("/", 1)[0]) or ""
        match = re.search(r"<(?:\w+:)?KMSMasterKeyID>([^<]+)<", document)
        found = match[1] if match else None
    elif service == "dynamodb":
        table = dynamodb._tables.get(resource.split(":", 5)[5].split("/")[1]) or {}
        found = (table.get("SSEDescription") or {}).get("KMSMasterKeyArn")
    elif service == "sns":
        found = ((sns._topics.get(resource) or {}).get("attributes") or {}).get("KmsMasterKeyId")
    elif service == "sqs":
        found = ((sqs._queue_by_arn(resource) or {}).get("attributes") or {}).get("KmsMasterKeyId")
    # a key of AWS's own (alias/aws/...) asks the caller for nothing
    return found if found and ":key/" in found else None


# --- what services do under a role ------------------------------------------------------------------------------------

_SAGEMAKER_ROLES = "sagemaker/latest/dg/sagemaker-roles.html"
_SYNC_SAGEMAKER = "step-functions/latest/dg/connect-sagemaker.html"
_SYNC_GLUE = "step-functions/latest/dg/connect-glue.html"
_MANAGED_RULE = "step-functions/latest/dg/service-integration-iam-templates.html"
_MAP_RUN = "step-functions/latest/dg/iam-policies-eg-dist-map.html"
_GLUE_METRICS = "glue/latest/dg/monitoring-awsglue-with-cloudwatch-metrics.html"
_FUNCTION_ROLE = "lambda/latest/dg/lambda-intro-execution-role.html"
_IMAGE = "AmazonECR/latest/userguide/repository-policies.html"
# occasion → (action, resource with fields of the occasion, condition context, page)
ROLE_CALLS: dict[str, tuple[tuple[str, str, dict[str, str], str], ...]] = {
    "image": (
        ("ecr:GetAuthorizationToken", "*", {}, _SAGEMAKER_ROLES),
        *(
            (f"ecr:{action}", "arn:aws:ecr:{image_region}:{image_account}:repository/{repository}", {}, _IMAGE)
            for action in ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage")
        ),
    ),
    "container output": (
        ("logs:DescribeLogStreams", "arn:aws:logs:{region}:{account}:log-group:{group}:*", {}, _SAGEMAKER_ROLES),
        ("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "{namespace}"}, _SAGEMAKER_ROLES),
    ),
    "sagemaker output": (("kms:Encrypt", "{key}", {}, "sagemaker/latest/APIReference/API_OutputDataConfig.html"),),
    "glue metrics": (("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Glue"}, _GLUE_METRICS),),
    # The output committer writes below _temporary and renames, which on S3 is a copy and a delete.
    "glue output": (("s3:DeleteObject", "{folder}/_temporary/0", {}, "glue/latest/dg/create-an-iam-role.html"),),
    "glue .sync": (("glue:GetJobRuns", "arn:aws:glue:{region}:{account}:job/{job}", {}, _SYNC_GLUE),),
    "sagemaker .sync": (("sagemaker:ListTags", "{job}", {}, _SYNC_SAGEMAKER),),
    "managed rule": tuple(
        (f"events:{action}", "arn:aws:events:{region}:{account}:rule/{rule}", {}, _MANAGED_RULE)
        for action in ("PutTargets", "PutRule", "DescribeRule")
    ),
    # the children of a run have longer ARNs than the page's policy names, so it is the parent that is asked about
    "map run": (
        ("states:StartExecution", "{machine}", {}, _MAP_RUN),
        ("states:DescribeExecution", "{execution}", {}, _MAP_RUN),
        ("states:StopExecution", "{execution}", {}, _MAP_RUN),
    ),
    "function log": tuple(
        (f"logs:{action}", "arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{stream}", {}, _FUNCTION_ROLE)
        for action in ("CreateLogStream", "PutLogEvents")
    ),
    "queue poller": tuple(
        (f"sqs:{action}", "{queue}", {}, "lambda/latest/dg/with-sqs.html")
        for action in ("ReceiveMessage", "GetQueueAttributes")
    ),
    "queue done": (("sqs:DeleteMessage", "{queue}", {}, "lambda/latest/dg/with-sqs.html"),),
    "rule's machine": (
        ("states:StartExecution", "{machine}", {}, "eventbridge/latest/userguide/eb-use-identity-based.html"),
    ),
}


def of_role(occasion: str, **facts: str) -> Iterator[Implied]:
    """What a service does under a role on this occasion."""
    for action, resource, context, docs in ROLE_CALLS[occasion]:
        filled = {key: value.format(**facts) for key, value in context.items()}
        yield Implied(action, resource.format(**facts), filled, docs)


# --- what services do as themselves -----------------------------------------------------------------------------------

_ALARMS = "AmazonCloudWatch/latest/monitoring/US_SetupSNS.html"
_SOURCE = "eventbridge/latest/userguide/eb-use-resource-based.html"
# occasion → (principal, actions, page); aws:SourceArn and aws:SourceAccount are the occasion's.
SERVICE_CALLS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "rule to queue": ("events.amazonaws.com", ("sqs:SendMessage",), _SOURCE),
    "rule to function": ("events.amazonaws.com", ("lambda:InvokeFunction",), _SOURCE),
    "alarm to topic": ("cloudwatch.amazonaws.com", ("sns:Publish",), _ALARMS),
    "assume": ("{service}", ("sts:AssumeRole",), "IAM/latest/UserGuide/confused-deputy.html"),
}
# What CloudWatch Logs does as itself with the key of a log group:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
# without the page's kms:Describe*, which carries no encryption context and so no condition can let in
LOG_KEY_ACTIONS = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey")
SESSIONS = {
    "SageMaker": "sagemaker.amazonaws.com",
    "StepFunctions": "states.amazonaws.com",
    "GlueJobRunnerSession": "glue.amazonaws.com",
    "Scheduler": "scheduler.amazonaws.com",
    "EventBridge": "events.amazonaws.com",
    "Lambda": "lambda.amazonaws.com",
}
"""Names of role sessions that services make → the principal that the trust policy must name."""


def of_log_group(group: str, key: str, region: str, account: str) -> Iterator[Implied]:
    """What CloudWatch Logs asks of a log group's key."""
    context = {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{region}:{account}:log-group:{group}"}
    for action in LOG_KEY_ACTIONS:
        yield Implied(action, key, context, "AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html")


def of_service(occasion: str, resource: str, source_arn: str, account: str) -> Iterator[Implied]:
    """What a service asks of `resource`, and of its key, as itself."""
    _, actions, docs = SERVICE_CALLS[occasion]
    # the default policy of a topic knows the owner by the key's older name
    source = {"aws:SourceAccount": account, "aws:SourceOwner": account}
    source |= {"aws:SourceArn": source_arn} if source_arn else {}
    for action in actions:
        yield Implied(action, resource, source, docs)
        key = key_of(resource) if action in _KMS else None
        for each in _KMS[action][1] if key else ():
            yield Implied(each, str(key), source, _KMS[action][0][1])
