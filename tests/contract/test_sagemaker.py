"""Models and registry. moto has no runtime errors and no endpoint update: those are in tests/unit/aws with Stubber."""

from __future__ import annotations

import boto3
import pytest

from sluice.bootstrap import World
from sluice.errors import InputError, NotFoundError
from sluice.ports import Variant

MODEL_URI = "s3://data/runs/shop/r1/training/job/output/model.tar.gz"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0"
VARIANT = Variant("v-r1", "sluice-shop-r1", 1.0, "ml.m5.large", 1)


def ensure_all(world: World) -> None:
    world.models.ensure_model("sluice-shop-r1", MODEL_URI, IMAGE, {"SAGEMAKER_PROGRAM": "inference.py"})
    world.models.ensure_endpoint_config("sluice-shop-r1-only", [VARIANT], "s3://data/capture/shop/", 100)


def test_models_and_configurations_are_made_once(world: World) -> None:
    ensure_all(world)
    ensure_all(world)
    assert world.models.endpoint("sluice-shop") is None


def test_the_state_of_an_endpoint(aws: World) -> None:
    ensure_all(aws)
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_endpoint(EndpointName="sluice-shop", EndpointConfigName="sluice-shop-r1-only")
    state = aws.models.endpoint("sluice-shop")
    assert state is not None
    assert (state.status, state.config) == ("InService", "sluice-shop-r1-only")
    assert [(variant.name, variant.instances) for variant in state.variants] == [("v-r1", 1)]


def test_what_is_made_is_captured_and_tagged(aws: World) -> None:
    ensure_all(aws)
    sagemaker = boto3.client("sagemaker")
    config = sagemaker.describe_endpoint_config(EndpointConfigName="sluice-shop-r1-only")
    capture = config["DataCaptureConfig"]
    assert capture["EnableCapture"]
    assert [option["CaptureMode"] for option in capture["CaptureOptions"]] == ["Input", "Output"]
    arn = sagemaker.describe_model(ModelName="sluice-shop-r1")["ModelArn"]
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert tags == {"sluice:stack": "sluice", "sluice:project": "shop"}


def test_a_run_is_registered_once(world: World) -> None:
    def register(run: str, approved: bool = False) -> str:
        facts = {"run_id": run, "metric": "roc_auc=0.91"}
        return world.registry.register("sluice-shop", MODEL_URI, IMAGE, facts, approved)

    first, second = register("r1"), register("r2", approved=True)
    assert first != second
    assert register("r1") == first
    package = world.registry.package(first)
    assert package == {
        "status": "PendingManualApproval",
        "artifact_uri": MODEL_URI,
        "facts": {"run_id": "r1", "metric": "roc_auc=0.91"},
    }
    assert world.registry.package(second)["status"] == "Approved"
    world.registry.decide(first, "Rejected", "recall is too low")
    assert world.registry.package(first)["status"] == "Rejected"


def test_a_package_needs_its_run_and_a_known_verdict(world: World) -> None:
    with pytest.raises(InputError, match="run_id"):
        world.registry.register("sluice-shop", MODEL_URI, IMAGE, {}, True)
    with pytest.raises(InputError, match="Maybe"):
        world.registry.decide("arn:aws:sagemaker:us-east-1:123456789012:model-package/g/1", "Maybe", "")


def test_an_absent_package_is_said_to_be_absent(world: World) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/sluice-none/7"
    with pytest.raises(NotFoundError):
        world.registry.package(arn)
    with pytest.raises(NotFoundError):
        world.registry.decide(arn, "Approved", "")
