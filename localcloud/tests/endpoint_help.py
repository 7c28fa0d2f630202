"""Endpoints with tiny models in real serving processes, and a client that sends all the time."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from cloud_help import needs
from sagemaker_help import CONTAINER

from localcloud import environments, identity

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
