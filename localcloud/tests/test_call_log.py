"""What is logged of calls: operation and parameters in boto3's terms, context, and no data."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud_help import Cloud

from localcloud import api_requests, identity

pytestmark = pytest.mark.cloud
DATA = "a name that nobody may read"


@pytest.fixture(scope="module")
def role(cloud: Cloud) -> dict[str, str]:
    """Credentials of a role's session that may use what its statements say; the bucket `logged` is there."""
    where = {"LocationConstraint": cloud.settings.region}
    cloud.client("s3").create_bucket(Bucket="logged", CreateBucketConfiguration=where)
    iam, account = cloud.client("iam"), cloud.settings.account
    allowed = ["s3:PutObject", "s3:GetObject", "sns:Publish", "dynamodb:PutItem", "cloudwatch:PutMetricData"]
    arn = cloud.role("logged", "lambda.amazonaws.com", [{"Effect": "Allow", "Action": allowed, "Resource": "*"}])
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.update_assume_role_policy(RoleName="logged", PolicyDocument=document)
    found = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


def requests(cloud: Cloud) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (cloud.settings.state / "requests.jsonl").read_text().splitlines()]


def test_requests_are_told_with_their_parameters_but_not_their_data(cloud: Cloud, role: dict[str, str]) -> None:
    topic = cloud.client("sns").create_topic(Name="logged")["TopicArn"]
    cloud.client("s3", **role).put_object(Bucket="logged", Key="a/b.csv", Body=DATA.encode(), ContentType="text/csv")
    attributes = {"kind": {"DataType": "String", "StringValue": "greeting"}}
    cloud.client("sns", **role).publish(TopicArn=topic, Message=DATA, MessageAttributes=attributes)
    with pytest.raises(ClientError):
        cloud.client("dynamodb", **role).put_item(TableName="none", Item={"pk": {"S": DATA}})
    cloud.client("cloudwatch", **role).put_metric_data(Namespace="Mine", MetricData=[{"MetricName": "m", "Value": 1.0}])
    made = {f"{each['service']}.{each['operation']}": each["parameters"] for each in requests(cloud)}
    assert made["s3.PutObject"]["Bucket"] == "logged"
    assert made["s3.PutObject"]["Key"] == "a/b.csv"
    assert made["s3.PutObject"]["ContentType"] == "text/csv"
    assert made["s3.PutObject"]["Body"].endswith(" bytes>")
    assert made["sns.Publish"]["TopicArn"] == topic
    assert made["sns.Publish"]["MessageAttributes"] == attributes
    assert made["dynamodb.PutItem"]["TableName"] == "none"
    for name in ("requests.jsonl", "calls.jsonl"):
        assert DATA not in (cloud.settings.state / name).read_text()
    checked = [each for each in cloud.calls() if each["action"] == "cloudwatch:PutMetricData" and each["role"]]
    assert checked[-1]["context"]["cloudwatch:namespace"] == "Mine"
    assert checked[-1]["operation"] == "cloudwatch.PutMetricData"


def test_only_the_first_examples_of_a_kind_are_kept(cloud: Cloud, role: dict[str, str]) -> None:
    for _ in range(6):
        with pytest.raises(ClientError):
            cloud.client("s3", **role).get_object(Bucket="logged", Key="none")
    # other tests of the session ask for other objects
    asked = [each["parameters"].get("Key") for each in requests(cloud) if each["operation"] == "GetObject"]
    assert asked.count("none") == 3


def test_an_absent_object_is_a_403_to_who_may_not_list(cloud: Cloud, role: dict[str, str]) -> None:
    with pytest.raises(ClientError) as caught:
        cloud.client("s3", **role).get_object(Bucket="logged", Key="none")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_role_is_taken_by_the_service_that_it_trusts_only(cloud: Cloud) -> None:
    cloud.role("trusts-glue", "glue.amazonaws.com", [])
    arn = f"arn:aws:iam::{cloud.settings.account}:role/trusts-glue"
    group = {"ModelName": "m-1", "ExecutionRoleArn": arn, "PrimaryContainer": {"Image": "image"}}
    with pytest.raises(ClientError, match=r"assume role|not supported"):
        cloud.client("sagemaker").create_model(**group)


@pytest.mark.parametrize(
    ("service", "method", "path", "body", "query", "operation", "parameters"),
    [
        (
            "s3",
            "GET",
            "/b/k/l",
            b"",
            {"versionId": ["v"]},
            "GetObject",
            {"Bucket": "b", "Key": "k/l", "VersionId": "v"},
        ),
        (
            "s3",
            "GET",
            "/b",
            b"",
            {"list-type": ["2"], "prefix": ["p"]},
            "ListObjectsV2",
            {"Bucket": "b", "Prefix": "p"},
        ),
        ("s3", "POST", "/b/k", b"", {"uploads": [""]}, "CreateMultipartUpload", {"Bucket": "b", "Key": "k"}),
        ("lambda", "POST", "/2015-03-31/functions/f/invocations", b"{}", {}, "Invoke", {"FunctionName": "f"}),
        ("scheduler", "GET", "/schedules/s", b"", {}, "GetSchedule", {"Name": "s"}),
        ("sns", "POST", "/", b"Action=Subscribe&TopicArn=t&Protocol=email", {}, "Subscribe", {"TopicArn": "t"}),
    ],
)
def test_requests_are_read_by_botocores_models(
    service: str, method: str, path: str, body: bytes, query: Any, operation: str, parameters: dict[str, Any]
) -> None:
    found = api_requests.read(service, method, path, {}, body, query)
    assert found is not None
    assert found.operation == operation
    assert found.parameters.items() >= parameters.items()


def test_credentials_of_a_session_are_the_same_everywhere() -> None:
    arn = "arn:aws:iam::000000000000:role/r"
    assert identity.session_credentials(arn, "Lambda") == identity.session_credentials(arn, "Lambda")
    assert identity.session_credentials(arn, "Lambda") != identity.session_credentials(arn, "Scheduler")
