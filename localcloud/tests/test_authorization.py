"""IAM on a running local cloud: SageMaker's actions and resources, passed roles, tags, bad requests, the log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud_help import Cloud

from localcloud.authorization import sagemaker_resource

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def user(cloud: Cloud) -> dict[str, str]:
    """Credentials (boto3's arguments) of a user who may do a little."""
    iam, account = cloud.client("iam"), cloud.settings.account
    iam.create_user(UserName="apprentice")
    prefix = f"arn:aws:sagemaker:eu-west-1:{account}"
    statements = [
        {"Effect": "Allow", "Action": "sagemaker:CreateModel", "Resource": f"{prefix}:model/mine-*"},
        {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": f"{prefix}:endpoint/mine"},
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": f"arn:aws:iam::{account}:role/passable",
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="apprentice", PolicyName="little", PolicyDocument=policy)
    key = iam.create_access_key(UserName="apprentice")["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def create_model(cloud: Cloud, user: dict[str, str], name: str, role: str = "passable", **more: Any) -> None:
    cloud.client("sagemaker", **user).create_model(
        ModelName=name,
        ExecutionRoleArn=f"arn:aws:iam::{cloud.settings.account}:role/{role}",
        PrimaryContainer={"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"},
        **more,
    )


def denied(error: ClientError, action: str) -> bool:
    return error.response["Error"]["Code"] == "AccessDeniedException" and action in error.response["Error"]["Message"]


def test_a_call_on_anothers_model_is_denied(cloud: Cloud, user: dict[str, str]) -> None:
    with pytest.raises(ClientError) as caught:
        create_model(cloud, user, "yours-1")
    assert denied(caught.value, "sagemaker:CreateModel")
    logged = [c for c in cloud.calls() if c["resource"].endswith(":model/yours-1")]
    assert logged[-1]["action"] == "sagemaker:CreateModel"
    assert not logged[-1]["allowed"]
    assert logged[-1]["principal"].endswith(":user/apprentice")
    assert "ModelName" in logged[-1]["members"]


def test_the_list_of_a_tuning_jobs_training_jobs_is_about_the_tuning_job() -> None:
    """AWS's service authorization reference names the tuning job as its resource, and none for other lists."""
    asked = {"HyperParameterTuningJobName": "Shop-r1-t"}
    about = sagemaker_resource("ListTrainingJobsForHyperParameterTuningJob", asked, "eu-west-1", "1")
    assert about == "arn:aws:sagemaker:eu-west-1:1:hyper-parameter-tuning-job/shop-r1-t"
    assert sagemaker_resource("ListTrainingJobs", {}, "eu-west-1", "1") == "*"


def test_a_role_must_be_passed_with_permission(cloud: Cloud, user: dict[str, str]) -> None:
    with pytest.raises(ClientError) as caught:
        create_model(cloud, user, "mine-1", role="administrator")
    assert denied(caught.value, "iam:PassRole")


def test_tags_need_their_own_permission(cloud: Cloud, user: dict[str, str]) -> None:
    with pytest.raises(ClientError) as caught:
        create_model(cloud, user, "mine-1", Tags=[{"Key": "project", "Value": "shop"}])
    assert denied(caught.value, "sagemaker:AddTags")


def test_an_endpoint_is_invoked_with_permission_only(cloud: Cloud, user: dict[str, str]) -> None:
    runtime = cloud.client("sagemaker-runtime", **user)
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName="yours", Body=b"{}")
    assert denied(caught.value, "sagemaker:InvokeEndpoint")
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName="mine", Body=b"{}")
    assert not denied(caught.value, "sagemaker:InvokeEndpoint")


def test_a_malformed_request_is_refused_with_the_members_path(cloud: Cloud) -> None:
    sagemaker = cloud.client("sagemaker")
    with pytest.raises(ClientError) as caught:
        sagemaker.describe_training_job(TrainingJobName="no spaces allowed")
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "'TrainingJobName'" in caught.value.response["Error"]["Message"]


def test_what_is_not_supported_is_refused_loudly(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="ListApps is not supported by the local cloud"):
        cloud.client("sagemaker").list_apps()


def test_other_services_are_checked_on_the_right_action(cloud: Cloud, user: dict[str, str]) -> None:
    account = cloud.settings.account
    where = {"LocationConstraint": cloud.settings.region}
    cloud.client("s3").create_bucket(Bucket="bucket-of-others", CreateBucketConfiguration=where)
    arn = f"arn:aws:events:eu-west-1:{account}"
    calls: list[tuple[str, str, dict[str, Any], str]] = [
        ("s3", "put_object", {"Bucket": "bucket-of-others", "Key": "k", "Body": b""}, "s3:PutObject"),
        ("s3", "get_object", {"Bucket": "bucket-of-others", "Key": "k"}, "s3:GetObject"),
        ("s3", "list_objects_v2", {"Bucket": "bucket-of-others"}, "s3:ListBucket"),
        ("dynamodb", "put_item", {"TableName": "t", "Item": {"pk": {"S": "x"}}}, "dynamodb:PutItem"),
        ("sqs", "send_message", {"QueueUrl": f"{cloud.endpoint}/{account}/q", "MessageBody": "x"}, "sqs:SendMessage"),
        ("sns", "publish", {"TopicArn": f"arn:aws:sns:eu-west-1:{account}:t", "Message": "x"}, "sns:Publish"),
        ("events", "put_events", {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}"}]}, "events:PutEvents"),
        ("lambda", "invoke", {"FunctionName": "f"}, "lambda:InvokeFunction"),
        (
            "stepfunctions",
            "start_execution",
            {"stateMachineArn": f"{arn.replace('events', 'states')}:stateMachine:m"},
            "states:StartExecution",
        ),
        ("logs", "create_log_group", {"logGroupName": "g"}, "logs:CreateLogGroup"),
        ("cloudwatch", "put_metric_data", {"Namespace": "n", "MetricData": []}, "cloudwatch:PutMetricData"),
        ("cloudwatch", "describe_alarms", {}, "cloudwatch:DescribeAlarms"),
        ("glue", "start_job_run", {"JobName": "j"}, "glue:StartJobRun"),
        ("scheduler", "get_schedule", {"Name": "s"}, "scheduler:GetSchedule"),
        ("iam", "get_role", {"RoleName": "r"}, "iam:GetRole"),
    ]
    wrong = []
    for service, method, arguments, action in calls:
        try:
            getattr(cloud.client(service, **user), method)(**arguments)
            wrong.append(f"{action} was allowed")
        except ClientError as error:
            if "Denied" not in str(error) and "AuthorizationError" not in str(error):
                wrong.append(f"{action}: {error}")
        last = [c for c in cloud.calls() if c["action"] == action]
        if not last or last[-1]["allowed"]:
            wrong.append(f"{action} is not in the log as denied")
    assert not wrong, "\n".join(wrong)


def test_a_wildcard_covers_a_key_with_a_line_break(cloud: Cloud, user: dict[str, str]) -> None:
    """On AWS it stands for any characters; a function was denied the object, and no verdict came on it."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lines/raw/?*.csv"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("iam").put_user_policy(UserName="apprentice", PolicyName="lines", PolicyDocument=policy)
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="lines", CreateBucketConfiguration={"LocationConstraint": cloud.settings.region})
    for key in ("raw/a\nb.csv", "raw/\r\n.csv", "other/a\n.csv"):
        s3.put_object(Bucket="lines", Key=key, Body=key.encode())
    of_user = cloud.client("s3", **user)
    for key in ("raw/a\nb.csv", "raw/\r\n.csv"):
        assert of_user.get_object(Bucket="lines", Key=key)["Body"].read() == key.encode()
    for key in ("other/a\n.csv", "raw/a\nb.csv\n"):
        with pytest.raises(ClientError, match="AccessDenied"):
            of_user.get_object(Bucket="lines", Key=key)
