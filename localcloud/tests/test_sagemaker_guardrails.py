"""Deployment guardrails of an endpoint: blue/green shifts that an alarm rolls back."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from endpoint_help import Traffic, World, until

pytestmark = pytest.mark.cloud


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
