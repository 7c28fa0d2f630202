"""Endpoints of the local cloud at the AWS API: what serves, what it answers, counts and captures."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from endpoint_help import IMAGE, INFERENCE, World, until

pytestmark = pytest.mark.cloud


def test_describes_what_serves(world: World, pair: str) -> None:
    found = world.sagemaker.describe_endpoint(EndpointName=pair)
    assert found["EndpointStatus"] == "InService"
    assert found["EndpointArn"].endswith(f"endpoint/{pair}")
    a, b = found["ProductionVariants"]
    assert (a["VariantName"], a["CurrentWeight"], a["DesiredWeight"]) == ("a", 90, 90)
    assert (b["CurrentInstanceCount"], b["DesiredInstanceCount"]) == (1, 1)
    assert a["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    listed = world.sagemaker.list_endpoints(NameContains=pair, StatusEquals="InService")["Endpoints"]
    assert [e["EndpointName"] for e in listed] == [pair]
    config = world.sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    assert [v["InitialVariantWeight"] for v in config["ProductionVariants"]] == [90, 10]


def test_splits_by_weight_and_counts_by_variant(world: World, own_pair: str) -> None:
    n = 600
    answers = [world.ask(own_pair, InferenceId="i-1") for _ in range(n)]
    got = Counter(answer["InvokedProductionVariant"] for answer in answers)
    assert abs(got["b"] - n * 0.1) <= 3 * (n * 0.1 * 0.9) ** 0.5
    assert {(a["InvokedProductionVariant"], a["Body"]["answer"]) for a in answers} == {("a", "one"), ("b", "two")}
    for variant in "ab":
        until(lambda v=variant: world.metric(own_pair, v, "Invocations") == got[v])
    assert world.metric(own_pair, "a", "Invocation5XXErrors") == 0
    assert world.metric(own_pair, "a", "ModelLatency", "SampleCount") == world.metric(own_pair, "a", "Invocations")
    assert 20 < world.metric(own_pair, "a", "ModelLatency", "p50") < world.metric(own_pair, "a", "ModelLatency", "p99")
    assert world.metric(own_pair, "a", "OverheadLatency", "Average") > 0


def test_target_variant(world: World, pair: str) -> None:
    assert {world.ask(pair, TargetVariant="b")["Body"]["answer"] for _ in range(10)} == {"two"}
    with pytest.raises(ClientError) as caught:
        world.ask(pair, TargetVariant="c")
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError, match="not found") as caught:
        world.ask("nowhere")
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_model_errors_carry_what_the_container_said_and_count_by_variant(world: World, pair: str) -> None:
    def count(metric: str) -> dict[str, float]:
        return {v: world.metric(pair, v, metric) for v in "ab"}

    before4, before5 = count("Invocation4XXErrors"), count("Invocation5XXErrors")
    with pytest.raises(ClientError) as caught:
        world.ask(pair, "unfit", TargetVariant="b")
    response: Any = caught.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 400
    assert json.loads(response["OriginalMessage"]) == {"error": "this does not fit"}
    assert f"log-group:/aws/sagemaker/Endpoints/{pair}:log-stream:b/" in response["LogStreamArn"]
    with pytest.raises(ClientError, match="a bug of the model"):
        world.ask(pair, "broken", TargetVariant="b")
    until(lambda: count("Invocation5XXErrors") == {"a": before5["a"], "b": before5["b"] + 1})
    assert count("Invocation4XXErrors") == {"a": before4["a"], "b": before4["b"] + 1}
    logs = world.cloud.client("logs")
    group = f"/aws/sagemaker/Endpoints/{pair}"
    until(lambda: logs.filter_log_events(logGroupName=group, filterPattern='"a bug of the model"')["events"])


def test_captures_in_sagemakers_format(world: World) -> None:
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{world.bucket}/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }
    endpoint = world.serving(("a", world.model("one"), 1), DataCaptureConfig=capture)
    described = world.sagemaker.describe_endpoint(EndpointName=endpoint)["DataCaptureConfig"]
    assert described["CaptureStatus"] == "Started"
    for number in range(5):
        world.ask(endpoint, json.dumps({"n": number}), InferenceId=f"id-{number}")

    def files() -> list[str]:
        listed = world.s3.list_objects_v2(Bucket=world.bucket, Prefix=f"capture/{endpoint}/a/")
        return [item["Key"] for item in listed.get("Contents", [])]

    until(files)
    world.ask(endpoint, json.dumps({"n": 5}), InferenceId="id-5", CustomAttributes="trace=1")
    world.sagemaker.delete_endpoint(EndpointName=endpoint)  # the rest is uploaded before it is gone
    until(lambda: not world.sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"])
    records = []
    for key in files():
        parts = key.removeprefix(f"capture/{endpoint}/a/").split("/")
        assert [len(part) for part in parts[:4]] == [4, 2, 2, 2]
        assert parts[4].endswith(".jsonl")
        body = world.s3.get_object(Bucket=world.bucket, Key=key)["Body"].read().decode()
        records += [json.loads(line) for line in body.splitlines()]
    by_id = {r["eventMetadata"]["inferenceId"]: r for r in records}
    assert set(by_id) == {f"id-{n}" for n in range(6)}
    assert len(records) == 6
    record = by_id["id-3"]
    assert record["captureData"]["endpointInput"] == {
        "observedContentType": "application/json",
        "mode": "INPUT",
        "data": '{"n": 3}',
        "encoding": "JSON",
    }
    assert json.loads(record["captureData"]["endpointOutput"]["data"]) == {"answer": "one"}
    assert record["eventVersion"] == "0"
    datetime.strptime(record["eventMetadata"]["inferenceTime"], "%Y-%m-%dT%H:%M:%SZ")
    assert by_id["id-5"]["eventMetadata"]["customAttributes"] == ["trace=1"]


def test_a_killed_instance_comes_back(world: World) -> None:
    code = INFERENCE.replace('return model["answer"]', "return os.getpid()")
    endpoint = world.serving(("a", world.model("x", code=code), 1))
    before = world.ask(endpoint)["Body"]["answer"]
    os.kill(before, signal.SIGKILL)

    def other() -> bool:
        try:
            return world.ask(endpoint)["Body"]["answer"] != before
        except ClientError:
            return False

    until(other)


def test_says_what_it_does_not_do(world: World, pair: str) -> None:
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 1}
    with pytest.raises(ClientError, match="ServerlessConfig is not supported"):
        world.sagemaker.create_endpoint_config(
            EndpointConfigName="s",
            ProductionVariants=[
                {"VariantName": "a", "ModelName": world.model("x"), "ServerlessConfig": serverless},
            ],
        )
    with pytest.raises(ClientError, match="Could not find model"):
        world.config(("a", "no-such-model", 1))
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        world.sagemaker.create_endpoint(EndpointName="x", EndpointConfigName="no-such-config")
    with pytest.raises(ClientError, match="Could not find endpoint"):
        world.sagemaker.describe_endpoint(EndpointName="no-such-endpoint")
    config = world.sagemaker.describe_endpoint(EndpointName=pair)["EndpointConfigName"]
    with pytest.raises(ClientError, match="Cannot create already existing endpoint"):
        world.sagemaker.create_endpoint(EndpointName=pair, EndpointConfigName=config)


def test_tells_every_change_of_state(world: World) -> None:
    sqs, events = world.cloud.client("sqs"), world.cloud.client("events")
    name = f"q-{uuid4().hex[:8]}"
    queue, arn = world.cloud.event_queue(name)
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Endpoint State Change"]}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": arn}])
    endpoint = world.serving(("a", world.model("one"), 1))
    world.sagemaker.delete_endpoint(EndpointName=endpoint)
    seen: list[str] = []

    def all_seen() -> bool:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            detail = json.loads(message["Body"])["detail"]
            if detail["EndpointName"] == endpoint:
                seen.append(detail["EndpointStatus"])
        return len(seen) >= 3

    until(all_seen)
    assert sorted(seen) == ["CREATING", "DELETING", "IN_SERVICE"]
    events.remove_targets(Rule=name, Ids=["q"])
    events.delete_rule(Name=name)


def test_invoking_needs_permission(world: World, pair: str) -> None:
    iam = world.cloud.client("iam")
    user = f"u-{uuid4().hex[:8]}"
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    runtime = world.cloud.client(
        "sagemaker-runtime", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        runtime.invoke_endpoint(EndpointName=pair, Body=b"{}", ContentType="application/json")
    allowed = {
        "Effect": "Allow",
        "Action": "sagemaker:InvokeEndpoint",
        "Resource": world.sagemaker.describe_endpoint(EndpointName=pair)["EndpointArn"],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document)
    assert runtime.invoke_endpoint(EndpointName=pair, Body=b"{}", ContentType="application/json")["Body"].read()
