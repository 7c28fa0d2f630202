"""Calls that no role of the product may make: asked of the evaluator here, and of a running cloud in tests/e2e.

One stack serves many projects, and its functions are not separated by project: what is forbidden is another stack's
(or stage's), another account's, and what a role has no business with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from proofs.iam_policies import Request
from proofs.stack_values import ACCOUNT, REGION

BUCKET = f"arn:aws:s3:::sluice-data-{ACCOUNT}-{REGION}"
OTHER_STAGE = f"arn:aws:s3:::sluice-prod-data-{ACCOUNT}-{REGION}"
FOREIGN = "arn:aws:s3:::somebody-elses-bucket"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/sluice-Table"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sluice-"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/sluice-DataKey"


def _sagemaker(rest: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{rest}"


def _machine(name: str) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


# (role, action, resource, why); a context where the action has conditions
_CALLS: tuple[tuple[str, str, str, str], ...] = (
    ("SageMakerRole", "s3:PutObject", f"{BUCKET}/code/0/sourcedir.tar.gz", "a job changes what the next jobs run"),
    ("SageMakerRole", "s3:PutObject", f"{BUCKET}/projects/shop/project.yaml", "a job changes a contract"),
    ("SageMakerRole", "s3:PutObject", f"{BUCKET}/accepted/shop/0/part-00000.parquet", "a job changes accepted rows"),
    ("SageMakerRole", "s3:PutObject", f"{BUCKET}/labels/shop/day1.csv", "a job makes up labels"),
    ("SageMakerRole", "s3:GetObject", f"{BUCKET}/raw/shop/day1.csv", "a job reads what was not validated"),
    ("SageMakerRole", "s3:GetObject", f"{BUCKET}/quarantine/shop/0/rows.jsonl", "a job reads refused rows"),
    ("SageMakerRole", "s3:DeleteObject", f"{BUCKET}/runs/shop/r0/run.json", "a job deletes a run's inputs"),
    ("SageMakerRole", "s3:GetObject", f"{FOREIGN}/data.csv", "a foreign bucket is read"),
    ("SageMakerRole", "s3:PutObject", f"{FOREIGN}/data.csv", "data leave for a foreign bucket"),
    ("SageMakerRole", "s3:PutObject", f"{OTHER_STAGE}/runs/shop/r0/run.json", "another stage's bucket is written"),
    ("SageMakerRole", "dynamodb:GetItem", TABLE, "a job reads the state"),
    ("SageMakerRole", "dynamodb:PutItem", TABLE, "a job changes the champion"),
    (
        "SageMakerRole",
        "lambda:InvokeFunction",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sluice-RegisterModelFunction",
        "a job registers itself",
    ),
    ("SageMakerRole", "states:StartExecution", _machine("sluice-ReleaseModel"), "a job releases itself"),
    ("SageMakerRole", "states:SendTaskSuccess", "*", "a job approves itself"),
    ("SageMakerRole", "sagemaker:InvokeEndpoint", _sagemaker("endpoint/sluice-shop"), "a job asks the endpoint"),
    ("SageMakerRole", "sagemaker:CreateModel", _sagemaker("model/sluice-shop"), "a job makes a model"),
    (
        "SageMakerRole",
        "sagemaker:UpdateModelPackage",
        _sagemaker("model-package/sluice-shop/1"),
        "a job approves itself",
    ),
    ("SageMakerRole", "ecr:BatchGetImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/anything", "another image"),
    ("GlueRole", "s3:PutObject", f"{BUCKET}/code/0/glue/clean_dataset.py", "the cleaning job changes its own script"),
    ("GlueRole", "s3:PutObject", f"{BUCKET}/accepted/shop/0/part-00000.parquet", "the cleaning job changes its input"),
    (
        "GlueRole",
        "s3:DeleteObject",
        f"{BUCKET}/accepted/shop/0/part-00000.parquet",
        "the cleaning job deletes its input",
    ),
    ("GlueRole", "s3:GetObject", f"{BUCKET}/raw/shop/day1.csv", "the cleaning job reads what was not validated"),
    (
        "GlueRole",
        "s3:DeleteObject",
        f"{BUCKET}/capture/sluice-shop/v/2026/01/01/00/a.jsonl",
        "captured requests are deleted",
    ),
    ("GlueRole", "s3:GetObject", f"{FOREIGN}/data.csv", "a foreign bucket is read"),
    ("GlueRole", "dynamodb:Query", TABLE, "the cleaning job reads the state"),
    (
        "BuildModelRole",
        "sagemaker:CreateProcessingJob",
        _sagemaker("processing-job/other-shop-evaluation"),
        "another stack's job",
    ),
    (
        "BuildModelRole",
        "sagemaker:CreateTrainingJob",
        _sagemaker("training-job/other-shop-base"),
        "another stack's job",
    ),
    ("BuildModelRole", "sagemaker:StopTrainingJob", _sagemaker("training-job/other-shop-base"), "another stack's job"),
    (
        "BuildModelRole",
        "sagemaker:CreateHyperParameterTuningJob",
        _sagemaker("hyper-parameter-tuning-job/other-0-t"),
        "another stack's job",
    ),
    ("BuildModelRole", "sagemaker:CreateEndpoint", _sagemaker("endpoint/sluice-shop"), "training releases"),
    ("BuildModelRole", "s3:GetObject", f"{BUCKET}/runs/shop/r0/run.json", "a machine reads data itself"),
    ("ReleaseModelRole", "sagemaker:CreateEndpoint", _sagemaker("endpoint/other-shop"), "another stack's endpoint"),
    ("ReleaseModelRole", "sagemaker:UpdateEndpoint", _sagemaker("endpoint/other-shop"), "another stack's endpoint"),
    (
        "ReleaseModelRole",
        "sagemaker:DeleteEndpoint",
        _sagemaker("endpoint/sluice-shop"),
        "a release takes the endpoint away",
    ),
    (
        "ReleaseModelRole",
        "lambda:InvokeFunction",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sluice-DeployCodeFunction",
        "a release changes code",
    ),
    ("RollBackRole", "sagemaker:UpdateEndpoint", _sagemaker("endpoint/other-shop"), "another stack's endpoint"),
    (
        "RollBackRole",
        "sagemaker:DeleteEndpoint",
        _sagemaker("endpoint/sluice-shop"),
        "a rollback takes the endpoint away",
    ),
    ("MlLifecycleRole", "states:StartExecution", _machine("sluice-RollBack"), "a run rolls back"),
    ("MlLifecycleRole", "states:StartExecution", _machine("other-BuildModel"), "another stack's machine"),
    (
        "MlLifecycleRole",
        "sagemaker:CreateTrainingJob",
        _sagemaker("training-job/sluice-shop"),
        "the line trains itself",
    ),
    (
        "PrepareDataRole",
        "glue:StartJobRun",
        f"arn:aws:glue:{REGION}:{ACCOUNT}:job/other-clean-dataset",
        "another stack's job",
    ),
    ("BatchPredictRole", "sagemaker:CreateTransformJob", _sagemaker("transform-job/other-shop"), "another stack's job"),
    (
        "SchedulerRole",
        "lambda:InvokeFunction",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sluice-RespondToAlarmFunction",
        "another function",
    ),
    ("PlanTrainingFunctionRole", "states:StartExecution", _machine("sluice-RollBack"), "planning rolls back"),
    ("PlanTrainingFunctionRole", "states:StartExecution", _machine("other-MlLifecycle"), "another stack's line"),
    (
        "PlanTrainingFunctionRole",
        "s3:PutObject",
        f"{BUCKET}/accepted/shop/0/part-00000.parquet",
        "planning changes data",
    ),
    ("PlanTrainingFunctionRole", "s3:GetObject", f"{BUCKET}/raw/shop/day1.csv", "planning reads data"),
    ("PlanReleaseFunctionRole", "s3:GetObject", f"{BUCKET}/raw/shop/day1.csv", "the release reads raw data"),
    ("PlanReleaseFunctionRole", "sagemaker:CreateModel", _sagemaker("model/other-shop"), "another stack's model"),
    ("PlanReleaseFunctionRole", "sagemaker:CreateEndpoint", _sagemaker("endpoint/sluice-shop"), "planning releases"),
    (
        "PlanReleaseFunctionRole",
        "cloudwatch:PutMetricAlarm",
        f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:other/shop/drift",
        "another stack's alarm",
    ),
    ("JudgeCanaryFunctionRole", "s3:GetObject", f"{BUCKET}/raw/shop/day1.csv", "the judge reads raw data"),
    (
        "JudgeCanaryFunctionRole",
        "cloudwatch:DeleteAlarms",
        f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:sluice/shop/drift",
        "the judge silences alarms",
    ),
    ("JudgeCandidateFunctionRole", "s3:GetObject", f"{BUCKET}/raw/shop/day1.csv", "the gates read raw data"),
    ("CompleteReleaseFunctionRole", "s3:GetObject", f"{BUCKET}/raw/shop/day1.csv", "the release reads raw data"),
    (
        "CompleteReleaseFunctionRole",
        "cloudwatch:PutMetricAlarm",
        f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:other/shop/drift",
        "another stack's alarm",
    ),
    (
        "CompleteReleaseFunctionRole",
        "scheduler:CreateSchedule",
        f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/other-shop-monitor",
        "another stack's schedule",
    ),
    (
        "VerifyEndpointFunctionRole",
        "sagemaker:InvokeEndpoint",
        _sagemaker("endpoint/other-shop"),
        "another stack's endpoint is asked",
    ),
    ("VerifyEndpointFunctionRole", "sagemaker:DeleteEndpoint", _sagemaker("endpoint/sluice-shop"), "a check deletes"),
    (
        "RegisterModelFunctionRole",
        "sagemaker:CreateModelPackage",
        _sagemaker("model-package/other-shop/*"),
        "another stack's registry",
    ),
    (
        "RegisterModelFunctionRole",
        "sagemaker:UpdateModelPackage",
        _sagemaker("model-package/sluice-shop/1"),
        "what registers, approves",
    ),
    (
        "RespondToAlarmFunctionRole",
        "states:StartExecution",
        _machine("sluice-MlLifecycle"),
        "an alarm starts the line unplanned",
    ),
    (
        "RespondToAlarmFunctionRole",
        "cloudwatch:DeleteAlarms",
        f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:sluice/shop/drift",
        "an answer silences its alarm",
    ),
    ("ValidateDatasetFunctionRole", "s3:PutObject", f"{BUCKET}/raw/shop/day1.csv", "validation changes its input"),
    ("ValidateDatasetFunctionRole", "s3:DeleteObject", f"{BUCKET}/raw/shop/day1.csv", "validation deletes its input"),
    ("ValidateDatasetFunctionRole", "s3:PutObject", f"{BUCKET}/code/0/sourcedir.tar.gz", "validation changes code"),
    (
        "ValidateDatasetFunctionRole",
        "events:PutEvents",
        f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default",
        "a made-up AWS event",
    ),
    (
        "ValidateDatasetFunctionRole",
        "sqs:ReceiveMessage",
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:other-queue",
        "another queue",
    ),
    (
        "RegisterProjectFunctionRole",
        "s3:PutObject",
        f"{BUCKET}/projects/shop/project.yaml",
        "registering changes the contract",
    ),
    (
        "RegisterProjectFunctionRole",
        "s3:PutObject",
        f"{BUCKET}/accepted/shop/0123456789abcdef/part-00000.parquet",
        "a comparison changes accepted rows",
    ),
    ("RegisterProjectFunctionRole", "sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:other-topic", "another topic"),
    ("MonitorModelFunctionRole", "s3:PutObject", f"{BUCKET}/runs/shop/r0/run.json", "the watch changes a run"),
    (
        "MonitorModelFunctionRole",
        "s3:DeleteObject",
        f"{BUCKET}/capture/sluice-shop/v/a.jsonl",
        "the watch deletes requests",
    ),
    ("DeployCodeFunctionRole", "s3:PutObject", f"{BUCKET}/runs/shop/r0/run.json", "deploying changes a run"),
    ("PlanBatchFunctionRole", "s3:GetObject", f"{BUCKET}/raw/shop/day1.csv", "batch reads training data"),
    (
        "FinishBatchFunctionRole",
        "s3:GetObject",
        f"{BUCKET}/batch/shop/day1.csv",
        "joining answers reads the file again",
    ),
    ("FinishBatchFunctionRole", "s3:PutObject", f"{BUCKET}/scoring/shop/b1-rows.jsonl", "joining answers changes rows"),
    (
        "ReportDeadLetterFunctionRole",
        "sqs:ReceiveMessage",
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:other-queue",
        "letters of another queue",
    ),
)
_PASSING: tuple[tuple[str, str, str, str], ...] = (
    ("BuildModelRole", "GlueRole", "sagemaker.amazonaws.com", "SageMaker gets Glue's role"),
    ("BuildModelRole", "MlLifecycleRole", "sagemaker.amazonaws.com", "SageMaker gets the line's role"),
    ("PlanReleaseFunctionRole", "GlueRole", "sagemaker.amazonaws.com", "SageMaker gets Glue's role"),
    (
        "PlanReleaseFunctionRole",
        "DeployCodeFunctionRole",
        "sagemaker.amazonaws.com",
        "a model gets the role that writes code",
    ),
    ("PlanReleaseFunctionRole", "SageMakerRole", "scheduler.amazonaws.com", "the scheduler gets SageMaker's role"),
    ("CompleteReleaseFunctionRole", "SageMakerRole", "scheduler.amazonaws.com", "the scheduler gets SageMaker's role"),
    ("CompleteReleaseFunctionRole", "SchedulerRole", "sagemaker.amazonaws.com", "SageMaker gets the scheduler's role"),
    ("CompleteRollbackFunctionRole", "SageMakerRole", "scheduler.amazonaws.com", "the scheduler gets SageMaker's role"),
    ("SageMakerRole", "SageMakerRole", "sagemaker.amazonaws.com", "a job passes its role on"),
)
# What nobody may do.
_EVERYBODY: tuple[tuple[str, str], ...] = (
    ("dynamodb:DeleteTable", TABLE),
    ("s3:DeleteBucket", BUCKET),
    ("s3:PutBucketPolicy", BUCKET),
    ("s3:DeleteObjectVersion", f"{BUCKET}/raw/shop/day1.csv"),
    ("kms:DisableKey", KEY),
    ("kms:ScheduleKeyDeletion", KEY),
    ("kms:PutKeyPolicy", KEY),
    ("kms:Decrypt", KEY),  # at the key itself, not through a service
    ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/intruder"),
    ("iam:PutRolePolicy", f"{ROLE}SageMakerRole"),
    ("sts:AssumeRole", f"{ROLE}DeployCodeFunctionRole"),
    ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/sluice/*"),
    ("logs:DeleteLogGroup", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/sluice"),
)
EVERYBODY_IS = (
    *("SageMakerRole", "GlueRole", "BuildModelRole", "ValidateDatasetFunctionRole", "PlanReleaseFunctionRole"),
    *("MonitorModelFunctionRole", "CompleteReleaseFunctionRole"),
)
# Services for somebody else: aws:SourceAccount, aws:SourceArn, or a service that the role is not for.
_STRANGER = {"aws:SourceAccount": "999999999999"}
_SERVICES: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("sagemaker.amazonaws.com", "sts:AssumeRole", f"{ROLE}SageMakerRole", _STRANGER),
    ("glue.amazonaws.com", "sts:AssumeRole", f"{ROLE}GlueRole", _STRANGER),
    ("scheduler.amazonaws.com", "sts:AssumeRole", f"{ROLE}SchedulerRole", _STRANGER),
    ("lambda.amazonaws.com", "sts:AssumeRole", f"{ROLE}SageMakerRole", {"aws:SourceAccount": ACCOUNT}),
    ("glue.amazonaws.com", "sts:AssumeRole", f"{ROLE}SageMakerRole", {"aws:SourceAccount": ACCOUNT}),
    ("ec2.amazonaws.com", "sts:AssumeRole", f"{ROLE}GlueRole", {"aws:SourceAccount": ACCOUNT}),
    (
        *("events.amazonaws.com", "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:sluice-IntakeQueue"),
        {"aws:SourceAccount": "999999999999", "aws:SourceArn": f"arn:aws:events:{REGION}:999999999999:rule/intruder"},
    ),
    ("s3.amazonaws.com", "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:sluice-IntakeQueue", _STRANGER),
    ("cloudwatch.amazonaws.com", "sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:sluice-AlertTopic", _STRANGER),
    (
        *("events.amazonaws.com", "lambda:InvokeFunction"),
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sluice-RegisterProjectFunction",
        {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/intruder"},
    ),
)


def of_roles() -> Iterator[tuple[Request, str]]:
    """(call of a role, why not): these are made for real, too."""
    for role, action, resource, why in _CALLS:
        yield Request(f"role:{role}", action, resource), why
    for role, passed, service, why in _PASSING:
        yield Request(f"role:{role}", "iam:PassRole", f"{ROLE}{passed}", {"iam:PassedToService": service}), why
    for role in EVERYBODY_IS:
        for action, resource in _EVERYBODY:
            yield Request(f"role:{role}", action, resource), f"{action} is nobody's business"
    metrics = {"cloudwatch:namespace": "AWS/SageMaker"}
    yield Request("role:MonitorModelFunctionRole", "cloudwatch:PutMetricData", "*", metrics), "made-up endpoint metrics"
    yield Request("role:GlueRole", "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Sluice"}), "made-up drift"


def forbidden() -> Iterator[tuple[Request, str]]:
    """Everything forbidden, what services may not do included."""
    yield from of_roles()
    for service, action, resource, context in _SERVICES:
        yield Request(f"service:{service}", action, resource, context), "for somebody else"


# --- the same as calls of boto3 ---------------------------------------------------------------------------------------

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
