"""New weights and configurations of an endpoint that serves."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from endpoint_help import Traffic, World, until

from localcloud import faults, identity
from localcloud.faults import Fault

pytestmark = pytest.mark.cloud


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
