"""Calls that no role of the product may make: asked of the evaluator here, and of a running cloud in tests/e2e.

One stack serves many projects, and its functions are not separated by project: what is forbidden is another stack's
(or stage's), another account's, and what a role has no business with.
"""

from __future__ import annotations

from collections.abc import Iterator

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
