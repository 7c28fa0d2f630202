"""The calls of boto3 that make a forbidden request of IAM, as a running cloud is asked in tests/e2e."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from proofs.forbidden_calls import ROLE
from proofs.iam_policies import Request
from proofs.stack_values import ACCOUNT, REGION

_POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})


def _name(arn: str) -> str:
    return arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def _bucket(arn: str) -> str:
    return arn.removeprefix("arn:aws:s3:::").split("/", 1)[0]


def _object(arn: str) -> dict[str, Any]:
    return {"Bucket": _bucket(arn), "Key": arn.split("/", 1)[1]}


_IMAGE = f"141502667606.dkr.ecr.{REGION}.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
_S3_INPUT = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://a-bucket/x"}}
_CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}


def _model(name: str, role: str) -> dict[str, Any]:
    return {"ModelName": name, "ExecutionRoleArn": role, "PrimaryContainer": {"Image": _IMAGE}}


def _training(name: str, role: str) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "AlgorithmSpecification": {"TrainingImage": _IMAGE, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://a-bucket/x"},
        "ResourceConfig": _CLUSTER,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


def _tuning(name: str, role: str) -> dict[str, Any]:
    definition = {key: value for key, value in _training("x", role).items() if key != "TrainingJobName"}
    limits = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {"Strategy": "Random", "ResourceLimits": limits},
        "TrainingJobDefinition": definition,
    }


def _processing(name: str, role: str) -> dict[str, Any]:
    return {
        "ProcessingJobName": name,
        "RoleArn": role,
        "AppSpecification": {"ImageUri": _IMAGE, "ContainerEntrypoint": ["true"]},
        "ProcessingResources": {"ClusterConfig": _CLUSTER},
    }


def _transform(arn: str) -> dict[str, Any]:
    return {
        "TransformJobName": _name(arn),
        "ModelName": "sluice-shop",
        "TransformInput": {"DataSource": _S3_INPUT},
        "TransformOutput": {"S3OutputPath": "s3://a-bucket/x"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }


def _schedule(name: str, role: str) -> dict[str, Any]:
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
    return {
        "Name": name,
        "ScheduleExpression": "rate(1 hour)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": function, "RoleArn": role},
    }


def _alarm(arn: str) -> dict[str, Any]:
    return {
        "AlarmName": arn.split(":alarm:")[1],
        "Namespace": "Sluice",
        "MetricName": "DriftScore",
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }


_OWN_ROLE = f"{ROLE}SageMakerRole"
_CONTAINERS = {
    "Containers": [{"Image": _IMAGE}],
    "SupportedContentTypes": ["a/b"],
    "SupportedResponseMIMETypes": ["a/b"],
}
_ITEM = {"pk": {"S": "x"}, "sk": {"S": "x"}}
_Builder = Callable[[str], dict[str, Any]]
# action → (boto3 service, method, parameters of a call on this resource)
BOTO: dict[str, tuple[str, str, _Builder]] = {
    "cloudformation:DeleteStack": ("cloudformation", "delete_stack", lambda _: {"StackName": "sluice"}),
    "cloudwatch:DeleteAlarms": ("cloudwatch", "delete_alarms", lambda arn: {"AlarmNames": [arn.split(":alarm:")[1]]}),
    "cloudwatch:PutMetricAlarm": ("cloudwatch", "put_metric_alarm", _alarm),
    "dynamodb:DeleteTable": ("dynamodb", "delete_table", lambda arn: {"TableName": _name(arn)}),
    "dynamodb:GetItem": ("dynamodb", "get_item", lambda arn: {"TableName": _name(arn), "Key": _ITEM}),
    "dynamodb:PutItem": ("dynamodb", "put_item", lambda arn: {"TableName": _name(arn), "Item": _ITEM}),
    "dynamodb:Query": (
        *("dynamodb", "query"),
        lambda arn: {
            "TableName": _name(arn),
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": "x"}},
        },
    ),
    "ecr:BatchGetImage": (
        *("ecr", "batch_get_image"),
        lambda arn: {"repositoryName": _name(arn), "imageIds": [{"imageTag": "latest"}]},
    ),
    "events:PutEvents": (
        *("events", "put_events"),
        lambda arn: {"Entries": [{"Source": "x", "DetailType": "x", "Detail": "{}", "EventBusName": _name(arn)}]},
    ),
    "glue:StartJobRun": ("glue", "start_job_run", lambda arn: {"JobName": _name(arn)}),
    "iam:CreateUser": ("iam", "create_user", lambda arn: {"UserName": _name(arn)}),
    "iam:PutRolePolicy": (
        *("iam", "put_role_policy"),
        lambda arn: {"RoleName": _name(arn), "PolicyName": "x", "PolicyDocument": _POLICY},
    ),
    "kms:Decrypt": ("kms", "decrypt", lambda arn: {"KeyId": arn, "CiphertextBlob": b"x" * 200}),
    "kms:DisableKey": ("kms", "disable_key", lambda arn: {"KeyId": arn}),
    "kms:PutKeyPolicy": (
        "kms",
        "put_key_policy",
        lambda arn: {"KeyId": arn, "PolicyName": "default", "Policy": _POLICY},
    ),
    "kms:ScheduleKeyDeletion": ("kms", "schedule_key_deletion", lambda arn: {"KeyId": arn}),
    "lambda:InvokeFunction": ("lambda", "invoke", lambda arn: {"FunctionName": arn}),
    "logs:DeleteLogGroup": ("logs", "delete_log_group", lambda arn: {"logGroupName": arn.split(":log-group:")[1]}),
    "s3:DeleteBucket": ("s3", "delete_bucket", lambda arn: {"Bucket": _bucket(arn)}),
    "s3:DeleteObject": ("s3", "delete_object", _object),
    "s3:DeleteObjectVersion": ("s3", "delete_object", lambda arn: {**_object(arn), "VersionId": "1"}),
    "s3:GetObject": ("s3", "get_object", _object),
    "s3:PutBucketPolicy": ("s3", "put_bucket_policy", lambda arn: {"Bucket": _bucket(arn), "Policy": _POLICY}),
    "s3:PutObject": ("s3", "put_object", lambda arn: {**_object(arn), "Body": b"x"}),
    "sagemaker:CreateEndpoint": (
        *("sagemaker", "create_endpoint"),
        lambda arn: {"EndpointName": _name(arn), "EndpointConfigName": "sluice-shop"},
    ),
    "sagemaker:CreateHyperParameterTuningJob": (
        *("sagemaker", "create_hyper_parameter_tuning_job"),
        lambda arn: _tuning(_name(arn), _OWN_ROLE),
    ),
    "sagemaker:CreateModel": ("sagemaker", "create_model", lambda arn: _model(_name(arn), _OWN_ROLE)),
    "sagemaker:CreateModelPackage": (
        *("sagemaker", "create_model_package"),
        lambda arn: {"ModelPackageGroupName": arn.split("/")[1], "InferenceSpecification": _CONTAINERS},
    ),
    "sagemaker:CreateProcessingJob": (
        *("sagemaker", "create_processing_job"),
        lambda arn: _processing(_name(arn), _OWN_ROLE),
    ),
    "sagemaker:CreateTrainingJob": ("sagemaker", "create_training_job", lambda arn: _training(_name(arn), _OWN_ROLE)),
    "sagemaker:CreateTransformJob": ("sagemaker", "create_transform_job", _transform),
    "sagemaker:DeleteEndpoint": ("sagemaker", "delete_endpoint", lambda arn: {"EndpointName": _name(arn)}),
    "sagemaker:InvokeEndpoint": (
        *("sagemaker-runtime", "invoke_endpoint"),
        lambda arn: {"EndpointName": _name(arn), "Body": b"{}", "ContentType": "application/json"},
    ),
    "sagemaker:StopTrainingJob": ("sagemaker", "stop_training_job", lambda arn: {"TrainingJobName": _name(arn)}),
    "sagemaker:UpdateEndpoint": (
        *("sagemaker", "update_endpoint"),
        lambda arn: {"EndpointName": _name(arn), "EndpointConfigName": "sluice-shop"},
    ),
    "sagemaker:UpdateModelPackage": (
        *("sagemaker", "update_model_package"),
        lambda arn: {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"},
    ),
    "scheduler:CreateSchedule": (
        "scheduler",
        "create_schedule",
        lambda arn: _schedule(_name(arn), f"{ROLE}SchedulerRole"),
    ),
    "sns:Publish": ("sns", "publish", lambda arn: {"TopicArn": arn, "Message": "x"}),
    "sqs:ReceiveMessage": (
        *("sqs", "receive_message"),
        lambda arn: {"QueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{_name(arn)}"},
    ),
    "states:SendTaskSuccess": ("stepfunctions", "send_task_success", lambda _: {"taskToken": "x", "output": "{}"}),
    "states:StartExecution": ("stepfunctions", "start_execution", lambda arn: {"stateMachineArn": arn}),
    "sts:AssumeRole": ("sts", "assume_role", lambda arn: {"RoleArn": arn, "RoleSessionName": "intruder"}),
}
# role that passes → the call with which it would
_PASSES: dict[str, tuple[str, str, Callable[[str, str], dict[str, Any]]]] = {
    "sagemaker.amazonaws.com": ("sagemaker", "create_model", _model),
    "scheduler.amazonaws.com": ("scheduler", "create_schedule", _schedule),
}


def boto_call(request: Request) -> tuple[str, str, dict[str, Any]]:
    """(boto3 service, method, parameters) that make this request of IAM."""
    if request.action == "iam:PassRole":
        service, method, build = _PASSES[str(request.context["iam:PassedToService"])]
        if request.principal == "role:BuildModelRole":
            method, build = "create_training_job", _training
        return service, method, build("sluice-shop-r000000000000-x", request.resource)
    if request.action == "cloudwatch:PutMetricData":
        data = {"Namespace": request.context["cloudwatch:namespace"], "MetricData": [{"MetricName": "x", "Value": 1.0}]}
        return "cloudwatch", "put_metric_data", data
    service, method, parameters = BOTO[request.action]
    return service, method, parameters(request.resource)
