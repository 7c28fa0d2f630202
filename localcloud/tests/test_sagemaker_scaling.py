"""Application Auto Scaling's targets for endpoint variants, and what they forbid to whoever changes the endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from endpoint_help import World, until

pytestmark = pytest.mark.cloud

DIMENSION = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}


@pytest.fixture(scope="module")
def world(cloud: Any) -> World:
    return World(cloud)


@pytest.fixture
def endpoint(world: World) -> Iterator[str]:
    """An endpoint with the variants `a` and `b`; `a` is registered."""
    name = world.serving(("a", world.model("one"), 1), ("b", world.model("two"), 1))
    register(world, name, "a", 1, 3)
    yield name
    found = world.sagemaker.list_endpoints(NameContains=name)["Endpoints"]
    if found and found[0]["EndpointStatus"] == "InService":
        world.sagemaker.delete_endpoint(EndpointName=name)


def target(endpoint: str, variant: str) -> dict[str, str]:
    return {**DIMENSION, "ResourceId": f"endpoint/{endpoint}/variant/{variant}"}


def register(world: World, endpoint: str, variant: str, least: int, most: int) -> str:
    scaling = world.cloud.client("application-autoscaling")
    answer = scaling.register_scalable_target(**target(endpoint, variant), MinCapacity=least, MaxCapacity=most)
    return str(answer["ScalableTargetARN"])


def registered(world: World, endpoint: str) -> dict[str, tuple[int, int]]:
    pages = world.cloud.client("application-autoscaling").get_paginator("describe_scalable_targets")
    found = [t for page in pages.paginate(ServiceNamespace="sagemaker") for t in page["ScalableTargets"]]
    prefix = f"endpoint/{endpoint}/variant/"
    return {
        t["ResourceId"].removeprefix(prefix): (t["MinCapacity"], t["MaxCapacity"])
        for t in found
        if t["ResourceId"].startswith(prefix)
    }


def test_targets_are_registered_described_and_deregistered(world: World, endpoint: str) -> None:
    scaling = world.cloud.client("application-autoscaling")
    assert registered(world, endpoint) == {"a": (1, 3)}
    arn = register(world, endpoint, "a", 1, 5)
    assert register(world, endpoint, "a", 0, 5) == arn
    register(world, endpoint, "b", 1, 2)
    assert registered(world, endpoint) == {"a": (0, 5), "b": (1, 2)}
    first = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", MaxResults=1)
    assert len(first["ScalableTargets"]) == 1
    assert first["NextToken"]
    assert scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    one = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[target(endpoint, "b")["ResourceId"]]
    )["ScalableTargets"]
    assert [t["MaxCapacity"] for t in one] == [2]
    assert one[0]["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    scaling.deregister_scalable_target(**target(endpoint, "b"))
    with pytest.raises(scaling.exceptions.ObjectNotFoundException):
        scaling.deregister_scalable_target(**target(endpoint, "b"))
    assert registered(world, endpoint) == {"a": (0, 5)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"MaxCapacity": 0}, "below minimum capacity"),
        ({"MinCapacity": 2}, "not supported by the local cloud"),
        ({"ResourceId": "endpoint/x"}, "is not endpoint/"),
        ({"ResourceId": "endpoint/nowhere/variant/a"}, "variant not found"),
        ({"ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}, "not supported by the local cloud"),
    ],
)
def test_what_cannot_be_registered(world: World, endpoint: str, changes: dict[str, Any], words: str) -> None:
    request = {**target(endpoint, "b"), "MinCapacity": 1, "MaxCapacity": 2, **changes}
    with pytest.raises(ClientError, match=words):
        world.cloud.client("application-autoscaling").register_scalable_target(**request)
    assert set(registered(world, endpoint)) == {"a"}


def test_a_policy_is_refused(world: World, endpoint: str) -> None:
    scaling = world.cloud.client("application-autoscaling")
    with pytest.raises(ClientError, match="PutScalingPolicy is not supported by the local cloud"):
        scaling.put_scaling_policy(PolicyName="p", **target(endpoint, "a"), PolicyType="TargetTrackingScaling")
    assert scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []


def test_an_update_that_takes_a_scaled_variant_away_is_refused(world: World, endpoint: str) -> None:
    models = world.model("one"), world.model("two")

    def update(*names: str, instance: str = "ml.m5.large") -> None:
        config = f"c-{uuid4().hex[:8]}"
        variants = [
            {"VariantName": name, "ModelName": model, "InstanceType": instance, "InitialInstanceCount": 1}
            for name, model in zip(names, models, strict=False)
        ]
        world.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=variants)
        world.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)

    for names, instance in ((["b"], "ml.m5.large"), (["a", "b"], "ml.m5.xlarge")):
        with pytest.raises(ClientError, match="must be deregistered as scalable targets"):
            update(*names, instance=instance)
    update("a")  # another model behind the same variant is allowed, and so is the end of a variant that is not scaled
    assert [v["VariantName"] for v in world.settled(endpoint)["ProductionVariants"]] == ["a"]
    world.cloud.client("application-autoscaling").deregister_scalable_target(**target(endpoint, "a"))
    update("b")
    assert [v["VariantName"] for v in world.settled(endpoint)["ProductionVariants"]] == ["b"]


def test_deleting_an_endpoint_deregisters_if_its_caller_may(world: World, endpoint: str) -> None:
    iam, user = world.cloud.client("iam"), f"u-{uuid4().hex[:8]}"
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    own = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def allow(*actions: str) -> None:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document)

    scaling = world.cloud.client("application-autoscaling", **own)
    allow("sagemaker:DeleteEndpoint")
    with pytest.raises(ClientError, match="AccessDenied"):
        scaling.describe_scalable_targets(ServiceNamespace="sagemaker")
    with pytest.raises(ClientError, match="does not have application-autoscaling:DeregisterScalableTarget"):
        world.cloud.client("sagemaker", **own).delete_endpoint(EndpointName=endpoint)
    assert world.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"
    allow("sagemaker:DeleteEndpoint", "application-autoscaling:*")
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    world.cloud.client("sagemaker", **own).delete_endpoint(EndpointName=endpoint)
    assert registered(world, endpoint) == {}
    until(lambda: not world.sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"])
