"""Endpoints of the local cloud at the AWS API, with tiny models in real serving processes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cloud_help import needs
from sagemaker_help import CONTAINER

from localcloud import environments, faults, identity
from localcloud.faults import Fault

pytestmark = pytest.mark.cloud

IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
INFERENCE = """
import json, os, time

def model_fn(model_dir):
    return {name: os.environ.get(name.upper()) for name in ("answer", "slow")}

class Unfit(Exception):
    status = 400
    body = {"error": "this does not fit"}

def input_fn(body, content_type):
    if "unfit" in body:
        raise Unfit()
    if "broken" in body:
        raise RuntimeError("a bug of the model")
    return body

def predict_fn(data, model):
    time.sleep(float(model["slow"] or 0))
    return model["answer"]

def output_fn(prediction, accept):
    return json.dumps({"answer": prediction}), "application/json"
"""


class World:
    """A bucket, a role and shortcuts for one test module."""

    def __init__(self, cloud: Any) -> None:
        needs(environments.SKLEARN)
        self.cloud = cloud
        self.sagemaker, self.runtime = cloud.client("sagemaker"), cloud.client("sagemaker-runtime")
        self.s3, self.cloudwatch = cloud.client("s3"), cloud.client("cloudwatch")
        self.bucket = f"endpoints-{uuid4().hex[:8]}"
        self.s3.create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": self.s3.meta.region_name}
        )
        allowed = [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject"],
                "Resource": f"arn:aws:s3:::{self.bucket}/*",
            },
            {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": f"arn:aws:s3:::{self.bucket}"},
            {"Effect": "Allow", "Action": ["cloudwatch:DescribeAlarms"], "Resource": "*"},
            *CONTAINER,
        ]
        self.role = cloud.role(f"serving-{uuid4().hex[:8]}", "sagemaker.amazonaws.com", allowed)
        self.endpoints: list[str] = []

    def model(self, answer: str, code: str = INFERENCE, **environment: str) -> str:
        name, packed = f"m-{uuid4().hex[:8]}", io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            info = tarfile.TarInfo("code/inference.py")
            info.size = len(code.encode())
            tar.addfile(info, io.BytesIO(code.encode()))
        self.s3.put_object(Bucket=self.bucket, Key=f"models/{name}.tar.gz", Body=packed.getvalue())
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=self.role,
            PrimaryContainer={
                "Image": IMAGE,
                "ModelDataUrl": f"s3://{self.bucket}/models/{name}.tar.gz",
                "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "ANSWER": answer, **environment},
            },
        )
        return name

    def config(self, *variants: tuple[str, str, float], instances: int = 1, **more: Any) -> str:
        name = f"c-{uuid4().hex[:8]}"
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": variant,
                    "ModelName": model,
                    "InitialVariantWeight": weight,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": instances,
                }
                for variant, model, weight in variants
            ],
            **more,
        )
        return name

    def endpoint(self, config: str) -> str:
        name = f"e-{uuid4().hex[:8]}"
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        self.endpoints.append(name)
        return name

    def settled(self, endpoint: str, seconds: float = 30) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found = self.sagemaker.describe_endpoint(EndpointName=endpoint)
            return found if found["EndpointStatus"] in ("InService", "Failed") else None

        return until(look, seconds)

    def serving(self, *variants: tuple[str, str, float], **more: Any) -> str:
        endpoint = self.endpoint(self.config(*variants, **more))
        assert self.settled(endpoint)["EndpointStatus"] == "InService"
        return endpoint

    def ask(self, endpoint: str, body: str = "{}", **more: Any) -> dict[str, Any]:
        answer = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="application/json", **more)
        return {**answer, "Body": json.loads(answer["Body"].read())}

    def metric(self, endpoint: str, variant: str, name: str, statistic: str = "Sum", config: str = "") -> float:
        """Over all data points of the last hours, of one configuration when it is given; 0 without any."""
        now = datetime.now(UTC)
        extended = statistic.startswith("p")
        asked = {"ExtendedStatistics": [statistic]} if extended else {"Statistics": [statistic]}
        points = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=[
                {"Name": "EndpointName", "Value": endpoint},
                {"Name": "VariantName", "Value": variant},
                *([{"Name": "EndpointConfigName", "Value": config}] if config else []),
            ],
            StartTime=now - timedelta(hours=2),
            EndTime=now + timedelta(hours=1),
            Period=86_400,
            **asked,
        )["Datapoints"]
        return sum(p["ExtendedStatistics"][statistic] if extended else p[statistic] for p in points)


def until(look: Callable[[], Any], seconds: float = 15) -> Any:
    """The first true value of `look`; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"nothing came of {look} in {seconds} s"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def world(cloud: Any) -> Iterator[World]:
    made = World(cloud)
    yield made
    for endpoint in made.endpoints:
        with contextlib.suppress(ClientError):
            made.settled(endpoint)
            made.sagemaker.delete_endpoint(EndpointName=endpoint)


@pytest.fixture(scope="module")
def pair(world: World) -> str:
    """An endpoint with variants `a` (weight 90) and `b` (weight 10), for tests that leave it as it is."""
    return _pair(world)


@pytest.fixture
def own_pair(world: World) -> str:
    """An endpoint like `pair` for one test, which may change it and count its requests."""
    return _pair(world)


def _pair(world: World) -> str:
    return world.serving(("a", world.model("one"), 90), ("b", world.model("two"), 10))


class Traffic:
    """A client that sends all the time; what it got is in `answers`, what failed in `errors`."""

    def __init__(self, world: World, endpoint: str, clients: int = 2) -> None:
        self.answers: list[str] = []
        self.errors: list[Exception] = []
        self._stop = threading.Event()
        self._world, self._endpoint = world, endpoint
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def _run(self) -> None:
        runtime = boto3.client(
            "sagemaker-runtime",
            endpoint_url=self._world.cloud.endpoint,
            region_name=self._world.cloud.settings.region,
            aws_access_key_id=identity.ADMIN_ACCESS_KEY,
            aws_secret_access_key=identity.ADMIN_SECRET_KEY,
            config=Config(retries={"total_max_attempts": 1}),  # a lost request must not be hidden by a second try
        )
        while not self._stop.is_set():
            try:
                answer = runtime.invoke_endpoint(EndpointName=self._endpoint, Body="{}", ContentType="application/json")
                self.answers.append(json.loads(answer["Body"].read())["answer"])
            except Exception as error:
                self.errors.append(error)

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


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
    response = caught.value.response
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


def test_weights_move_without_a_lost_request(world: World, own_pair: str) -> None:
    with Traffic(world, own_pair) as traffic:
        until(lambda: len(traffic.answers) > 20)
        world.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=own_pair,
            DesiredWeightsAndCapacities=[
                {"VariantName": "a", "DesiredWeight": 0},
                {"VariantName": "b", "DesiredWeight": 1, "DesiredInstanceCount": 2},
            ],
        )
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
            world.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=own_pair, DesiredWeightsAndCapacities=[{"VariantName": "a", "DesiredWeight": 1}]
            )
        found = world.settled(own_pair)
        settled = len(traffic.answers)
        until(lambda: len(traffic.answers) > settled + 50)
    assert not traffic.errors
    assert set(traffic.answers[settled + 4 :]) == {"two"}
    assert [v["CurrentWeight"] for v in found["ProductionVariants"]] == [0, 1]
    assert found["ProductionVariants"][1]["CurrentInstanceCount"] == 2
    assert world.ask(own_pair, TargetVariant="a")["Body"]["answer"] == "one"
    with pytest.raises(ClientError, match="not present"):
        world.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=own_pair, DesiredWeightsAndCapacities=[{"VariantName": "z", "DesiredWeight": 1}]
        )


def test_the_lost_answer_of_a_weights_call_has_moved_them(world: World, own_pair: str) -> None:
    faults.lay(world.cloud.settings.state, "UpdateEndpointWeightsAndCapacities", Fault("lose", 1, own_pair))
    faults.lay(world.cloud.settings.state, "DescribeEndpoint", Fault("throttle", 2, own_pair))
    once = boto3.client(
        "sagemaker",
        endpoint_url=world.cloud.endpoint,
        region_name=world.cloud.settings.region,
        aws_access_key_id=identity.ADMIN_ACCESS_KEY,
        aws_secret_access_key=identity.ADMIN_SECRET_KEY,
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError, match="InternalFailure"):
        once.update_endpoint_weights_and_capacities(
            EndpointName=own_pair, DesiredWeightsAndCapacities=[{"VariantName": "a", "DesiredWeight": 5}]
        )
    for _ in range(2):
        with pytest.raises(ClientError, match="Rate exceeded"):
            once.describe_endpoint(EndpointName=own_pair)
    assert once.describe_endpoint(EndpointName=own_pair)["EndpointStatus"] in ("Updating", "InService")
    assert world.settled(own_pair)["ProductionVariants"][0]["CurrentWeight"] == 5


def test_a_new_configuration_takes_over_under_traffic(world: World) -> None:
    endpoint = world.serving(("a", world.model("old", slow="0.05"), 1))
    config = world.config(("b", world.model("new"), 1))
    with Traffic(world, endpoint) as traffic:
        until(lambda: len(traffic.answers) > 5)
        world.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        assert world.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Updating"
        found = world.settled(endpoint)
        settled = len(traffic.answers)
        until(lambda: len(traffic.answers) > settled + 50)
    assert not traffic.errors
    assert found["EndpointConfigName"] == config
    assert "FailureReason" not in found
    assert set(traffic.answers[:3]) == {"old"}
    assert set(traffic.answers[settled + 4 :]) == {"new"}


def test_a_model_that_crashes_on_load_keeps_the_old_configuration(world: World) -> None:
    old = world.config(("a", world.model("old"), 3), ("b", world.model("other"), 1))
    endpoint = world.endpoint(old)
    world.settled(endpoint)
    bad = world.config(("a", world.model("x", code="def model_fn(d): raise ValueError('damaged')"), 1))
    with Traffic(world, endpoint) as traffic:
        world.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=bad)
        found = world.settled(endpoint)
    assert not traffic.errors
    assert found["EndpointStatus"] == "InService"
    assert found["EndpointConfigName"] == old
    assert "ping health check" in found["FailureReason"]
    assert [v["CurrentWeight"] for v in found["ProductionVariants"]] == [3, 1]
    failed = world.endpoint(bad)
    assert world.settled(failed)["EndpointStatus"] == "Failed"
    with pytest.raises(ClientError, match="Cannot update failed endpoint"):
        world.sagemaker.update_endpoint(EndpointName=failed, EndpointConfigName=old)


def test_retains_weights_when_told_to(world: World) -> None:
    models = world.model("one"), world.model("two")
    endpoint = world.serving(("a", models[0], 1), ("b", models[1], 1))
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": "a", "DesiredWeight": 7}]
    )
    world.settled(endpoint)
    again = world.config(("a", models[0], 1), ("b", models[1], 1))

    def weights_after(**more: Any) -> list[float]:
        world.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=again, **more)
        return [v["CurrentWeight"] for v in world.settled(endpoint)["ProductionVariants"]]

    assert weights_after(RetainAllVariantProperties=True) == [7, 1]
    excluded = [{"VariantPropertyType": "DesiredWeight"}]
    assert weights_after(RetainAllVariantProperties=True, ExcludeRetainedVariantProperties=excluded) == [1, 1]
    assert weights_after() == [1, 1]


def test_retains_instances_of_variants_of_the_same_name(world: World) -> None:
    models = world.model("one"), world.model("two")
    old, both = world.config(("a", models[0], 1)), world.config(("a", models[0], 1), ("b", models[1], 1))
    endpoint = world.endpoint(both)
    world.settled(endpoint)
    wanted = [{"VariantName": "a", "DesiredInstanceCount": 2, "DesiredWeight": 0}]
    world.sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted)
    world.settled(endpoint)

    def after(config: str, **more: Any) -> list[tuple[str, float, int]]:
        world.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, **more)
        found = world.settled(endpoint)["ProductionVariants"]
        return [(v["VariantName"], v["CurrentWeight"], v["CurrentInstanceCount"]) for v in found]

    keep = {
        "RetainAllVariantProperties": True,
        "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
    }
    # as Restore Champion does it
    assert after(old, **keep) == [("a", 1, 2)]
    other = world.config(("c", models[1], 1))
    assert after(other, **keep) == [("c", 1, 1)]
    assert after(old) == [("a", 1, 1)]


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


def _alarm(world: World) -> str:
    """An alarm that stays in the state that it is set to, which is OK."""
    name = f"alarm-{uuid4().hex[:8]}"
    world.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Test",
        MetricName="Nothing",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    _set_alarm(world, name, "OK")
    return name


def _set_alarm(world: World, name: str, state: str) -> None:
    world.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="for the test")


def _rails(kind: str, wait: int, *alarms: str, **more: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **more.pop("routing", {})}
    if kind != "ALL_AT_ONCE" and not {"CanarySize", "LinearStepSize"} & set(routing):
        routing["CanarySize" if kind == "CANARY" else "LinearStepSize"] = {"Type": "CAPACITY_PERCENT", "Value": 50}
    rails: dict[str, Any] = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **more}}
    if alarms:
        rails["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": alarm} for alarm in alarms]}
    return rails


def test_guardrails_move_and_roll_back_on_an_alarm(world: World) -> None:
    old = world.config(("a", world.model("old"), 1))
    endpoint = world.endpoint(old)
    assert world.settled(endpoint)["EndpointStatus"] == "InService"
    alarm = _alarm(world)
    rails = _rails("CANARY", 20, alarm)
    config = world.config(("a", world.model("new"), 1))

    def start() -> None:
        world.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=rails)

    start()
    with Traffic(world, endpoint) as traffic:
        until(lambda: "new" in traffic.answers)
        until(lambda: world.metric(endpoint, "a", "Invocations", config=config))
        shifting = world.sagemaker.describe_endpoint(EndpointName=endpoint)
        _set_alarm(world, alarm, "ALARM")
        found = world.settled(endpoint)
    assert not traffic.errors
    assert shifting["EndpointConfigName"] == old
    pending = shifting["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == config
    (status,) = pending["ProductionVariants"][0]["VariantStatus"]
    assert status["Status"] == "Baking"
    assert "canary capacity of 1 instance(s)" in status["StatusMessage"]
    assert found["EndpointConfigName"] == old
    assert "PendingDeploymentSummary" not in found
    assert alarm in found["FailureReason"]
    assert world.ask(endpoint)["Body"]["answer"] == "old"
    until(lambda: world.metric(endpoint, "a", "Invocations") == len(traffic.answers) + 1)
    by_fleet = {c: world.metric(endpoint, "a", "Invocations", config=c) for c in (old, config)}
    assert by_fleet == {old: traffic.answers.count("old") + 1, config: traffic.answers.count("new")}
    start()  # the alarm rings still: nothing is shifted
    with Traffic(world, endpoint) as traffic:
        found = world.settled(endpoint)
    assert set(traffic.answers) == {"old"}
    assert found["EndpointConfigName"] == old
    _set_alarm(world, alarm, "OK")
    start()
    found = world.settled(endpoint)
    assert found["EndpointConfigName"] == config
    assert found["LastDeploymentConfig"] == rails
    assert "FailureReason" not in found
    assert world.ask(endpoint)["Body"]["answer"] == "new"
    world.cloudwatch.delete_alarms(AlarmNames=[alarm])


def test_a_linear_shift_tells_every_step(world: World) -> None:
    events, sqs = world.cloud.client("events"), world.cloud.client("sqs")
    endpoint = world.serving(("a", world.model("old"), 1), instances=2)
    name = f"q-{uuid4().hex[:8]}"
    queue, arn = world.cloud.event_queue(name)
    pattern = {"detail-type": ["SageMaker Endpoint Deployment State Change"], "detail": {"EndpointName": [endpoint]}}
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.sagemaker"], **pattern}))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": arn}])
    config = world.config(("a", world.model("new"), 1), instances=2)
    rails = _rails("LINEAR", 10, TerminationWaitInSeconds=5, routing={"LinearStepSize": _one_instance()})
    world.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=rails)
    found = world.settled(endpoint)
    assert found["EndpointConfigName"] == config
    told: list[dict[str, Any]] = []

    def all_told() -> bool:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            told.append(json.loads(message["Body"])["detail"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return len(told) >= 7

    until(all_told)
    assert {detail["EndpointStatus"] for detail in told} == {"UPDATING"}
    assert {detail["PendingDeploymentSummary"]["EndpointConfigName"] for detail in told} == {config}
    told.sort(key=lambda detail: _statuses(detail)[0]["StartTime"])
    steps = [
        (s["Status"], s["StatusMessage"].rpartition("with traffic enabled on ")[2]) for d in told for s in _statuses(d)
    ]
    assert steps == [
        ("Creating", "Launching 2 instance(s)."),
        ("ActivatingTraffic", "Activating traffic on canary capacity of 1 instance(s)."),
        ("Baking", "canary capacity of 1 instance(s)."),
        ("ActivatingTraffic", "Activating traffic on full capacity of 2 instance(s)."),
        ("Baking", "full capacity of 2 instance(s)."),
        ("Baking", "full capacity of 2 instance(s)."),
        ("Deleting", "Terminating 2 instance(s)."),
    ]
    told.clear()
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": "a", "DesiredInstanceCount": 1}]
    )
    world.settled(endpoint)
    until(lambda: all_told() or told)
    (scaled,) = told
    assert "PendingDeploymentSummary" not in scaled
    (status,) = scaled["ProductionVariants"][0]["VariantStatus"]
    assert (status["Status"], status["StatusMessage"]) == ("Updating", "Scaling in desired instance count to 1.")
    events.remove_targets(Rule=name, Ids=["q"])
    events.delete_rule(Name=name)


def _one_instance() -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": 1}


def _statuses(detail: dict[str, Any]) -> list[dict[str, Any]]:
    variants = [*detail["ProductionVariants"], *detail["PendingDeploymentSummary"]["ProductionVariants"]]
    return [status for variant in variants for status in variant.get("VariantStatus", [])]


@pytest.mark.parametrize(
    ("kind", "more", "words"),
    [
        ("CANARY", {"CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 51}}, "between 0% and 50%"),
        ("CANARY", {"CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}}, "between 0% and 50%"),
        ("CANARY", {"LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 10}}, "CanarySize is required"),
        ("LINEAR", {"LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 9}}, "between 10% and 50%"),
        ("LINEAR", {"LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 60}}, "between 10% and 50%"),
        ("ALL_AT_ONCE", {"WaitIntervalInSeconds": 3601}, "less than or equal to 3600"),
        ("ALL_AT_ONCE", {"alarms": 11}, "length less than or equal to 10"),
    ],
)
def test_guardrails_have_awss_limits(world: World, pair: str, kind: str, more: dict[str, Any], words: str) -> None:
    alarms = [f"alarm-{n}" for n in range(more.get("alarms", 0))]
    routing = {name: value for name, value in more.items() if name != "alarms"}
    config = world.sagemaker.describe_endpoint(EndpointName=pair)["EndpointConfigName"]
    with pytest.raises(ClientError, match=words):
        world.sagemaker.update_endpoint(
            EndpointName=pair, EndpointConfigName=config, DeploymentConfig=_rails(kind, 10, *alarms, routing=routing)
        )
    assert world.sagemaker.describe_endpoint(EndpointName=pair)["EndpointStatus"] == "InService"


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
