"""What moto does not play: SageMaker's errors, percentiles, closed task tokens, refused events. botocore's Stubber
checks each request against the service's model."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from sluice import bootstrap
from sluice.aws.clients import Clients
from sluice.bootstrap import World
from sluice.errors import InputError, NotFoundError, SluiceError
from sluice.ports import Answer, Settings
from testing.fakes import SETTINGS


class StubbedClients(Clients):
    def stub(self, service: str) -> Stubber:
        client = boto3.client(
            service, region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        self._made[service] = client
        stubber = Stubber(client)
        stubber.activate()
        return stubber


@pytest.fixture
def clients() -> StubbedClients:
    return StubbedClients()


@pytest.fixture
def world(clients: StubbedClients) -> Iterator[World]:
    yield bootstrap.assemble(SETTINGS, clients)
    for client in clients._made.values():
        assert client is not None


def test_an_answer_names_the_variant_that_gave_it(world: World, clients: StubbedClients) -> None:
    body: Any = StreamingBody(io.BytesIO(b"{}"), 2)
    expected = {
        "EndpointName": "e",
        "Body": b"[]",
        "ContentType": "application/json",
        "Accept": "application/json",
        "TargetVariant": "v",
    }
    clients.stub("sagemaker-runtime").add_response(
        "invoke_endpoint", {"Body": body, "InvokedProductionVariant": "v"}, expected
    )
    assert world.models.invoke("e", b"[]", variant="v") == Answer(200, b"{}", "v")


def test_a_container_that_fails_is_an_answer(world: World, clients: StubbedClients) -> None:
    clients.stub("sagemaker-runtime").add_client_error(
        "invoke_endpoint",
        "ModelError",
        "Received client error (400) from primary",
        424,
        modeled_fields={"OriginalStatusCode": 400, "OriginalMessage": '{"error": "pages"}'},
    )
    assert world.models.invoke("e", b"[]") == Answer(400, b'{"error": "pages"}', None)


def test_an_absent_endpoint_is_said_to_be_absent(world: World, clients: StubbedClients) -> None:
    clients.stub("sagemaker-runtime").add_client_error(
        "invoke_endpoint", "ValidationError", "Endpoint e of account 123456789012 not found.", 400
    )
    with pytest.raises(NotFoundError, match="e of account"):
        world.models.invoke("e", b"[]")


def test_a_latency_percentile_is_in_milliseconds_and_covers_whole_minutes(
    world: World, clients: StubbedClients
) -> None:
    expected = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ModelLatency",
        "Dimensions": [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "v"}],
        "StartTime": datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
        "EndTime": datetime(2026, 11, 22, 12, 3, tzinfo=UTC),
        "Period": 180,
        "ExtendedStatistics": ["p99"],
    }
    points = [{"ExtendedStatistics": {"p99": value}} for value in (1_500.0, 2_500.0)]
    clients.stub("cloudwatch").add_response("get_metric_statistics", {"Datapoints": points}, expected)
    start, end = datetime(2026, 11, 22, 12, 0, 59, tzinfo=UTC), datetime(2026, 11, 22, 12, 2, 1, tzinfo=UTC)
    assert world.metrics.variant_latency("e", "v", start, end, 99) == 2.5


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist"])
def test_an_answer_to_a_task_that_is_over_changes_nothing(world: World, clients: StubbedClients, code: str) -> None:
    states = clients.stub("stepfunctions")
    states.add_client_error("send_task_success", code)
    states.add_client_error("send_task_failure", code)
    world.executions.succeed("token", {"approved": True})
    world.executions.fail("token", "Rejected", "no")


def test_a_malformed_token_is_refused(world: World, clients: StubbedClients) -> None:
    clients.stub("stepfunctions").add_client_error("send_task_success", "InvalidToken")
    with pytest.raises(InputError, match="token"):
        world.executions.succeed("x", {})


def test_a_closed_execution_is_the_same_run(world: World, clients: StubbedClients) -> None:
    clients.stub("stepfunctions").add_client_error("start_execution", "ExecutionAlreadyExists")
    arn = world.executions.start("arn:aws:states:us-east-1:123456789012:stateMachine:m", "shop-r1", {})
    assert arn == "arn:aws:states:us-east-1:123456789012:execution:m:shop-r1"


def test_an_event_that_the_bus_refuses_is_an_error(world: World, clients: StubbedClients) -> None:
    refusal = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}]}
    clients.stub("events").add_response("put_events", refusal)
    with pytest.raises(SluiceError, match="slow down"):
        world.events.put("Run Finished", {})


TOPIC = "arn:aws:sns:us-east-1:123456789012:sluice"


def listed(clients: StubbedClients, world: World, *found: tuple[str, str]) -> Stubber:
    """An SNS whose topic has these (address, subscription ARN)."""
    sns = clients.stub("sns")
    items = [
        {"Protocol": "email", "Endpoint": address, "SubscriptionArn": arn, "TopicArn": TOPIC, "Owner": "1"}
        for address, arn in found
    ]
    sns.add_response("list_subscriptions_by_topic", {"Subscriptions": items}, {"TopicArn": world.settings.topic_arn})
    return sns


def subscription(world: World, **more: Any) -> dict[str, Any]:
    topic = world.settings.topic_arn
    return {"TopicArn": topic, "Protocol": "email", "Endpoint": "a@x.org", "ReturnSubscriptionArn": True, **more}


def test_an_address_that_has_not_confirmed_yet_gets_the_second_project_too(
    world: World, clients: StubbedClients
) -> None:
    sns = listed(clients, world, ("a@x.org", "PendingConfirmation"))
    arn = f"{TOPIC}:1"
    sns.add_response("subscribe", {"SubscriptionArn": arn}, subscription(world))
    attributes = {"Attributes": {"FilterPolicy": '{"project": ["shop"]}', "PendingConfirmation": "true"}}
    sns.add_response("get_subscription_attributes", attributes, {"SubscriptionArn": arn})
    policy = {"AttributeName": "FilterPolicy", "AttributeValue": '{"project": ["bank", "shop"]}'}
    sns.add_response("set_subscription_attributes", {}, {"SubscriptionArn": arn, **policy})
    world.alerts.subscribe("bank", ["a@x.org"])
    sns.assert_no_pending_responses()


def test_an_address_that_unsubscribed_is_asked_again(world: World, clients: StubbedClients) -> None:
    sns = listed(clients, world, ("a@x.org", "Deleted"))
    expected = subscription(world, Attributes={"FilterPolicy": '{"project": ["shop"]}'})
    sns.add_response("subscribe", {"SubscriptionArn": f"{TOPIC}:1"}, expected)
    world.alerts.subscribe("shop", ["a@x.org"])
    sns.assert_no_pending_responses()


def test_an_address_that_sns_refuses_is_named(world: World, clients: StubbedClients) -> None:
    listed(clients, world).add_client_error("subscribe", "InvalidParameter", "Invalid parameter: Email address")
    with pytest.raises(InputError, match=r"'a@x\.org': Invalid parameter"):
        world.alerts.subscribe("shop", ["a@x.org"])


def test_a_missing_setting_is_named_when_it_is_needed() -> None:
    world = bootstrap.assemble(bootstrap.settings({"SLUICE_STACK": "s", "SLUICE_BUCKET": ""}))
    assert world.settings == Settings(stack="s")
    for call, name in (
        (lambda: world.objects.uri("k"), "SLUICE_BUCKET"),
        (lambda: world.alerts.publish("k", "p", "s", "m"), "SLUICE_TOPIC_ARN"),
        (lambda: world.events.put("k", {}), "SLUICE_BUS"),
    ):
        with pytest.raises(SluiceError, match=name):
            call()


def test_nothing_is_made_before_it_is_used() -> None:
    clients = Clients()
    bootstrap.assemble(SETTINGS, clients)
    assert clients._made == {}
