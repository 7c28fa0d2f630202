"""Alarms and metrics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from sluice.bootstrap import World
from sluice.errors import InputError
from sluice.ports import Alarm, Metric

ALARM = Alarm(
    name="sluice/shop/r1/canary-errors",
    description="Errors of the canary",
    namespace="AWS/SageMaker",
    metric="Invocation5XXErrors",
    dimensions={"EndpointName": "sluice-shop", "VariantName": "v-r1"},
    statistic="Sum",
    comparison="GreaterThanThreshold",
    threshold=1,
)


def test_alarms_are_put_read_and_deleted(world: World) -> None:
    slow = Alarm(**{**ALARM.__dict__, "name": "sluice/shop/r1/canary-slow", "statistic": "p99"})
    for alarm in (ALARM, slow, ALARM):
        world.alarms.put(alarm)
    states = world.alarms.states([ALARM.name, slow.name, "absent"])
    assert set(states) == {ALARM.name, slow.name}
    world.alarms.delete([ALARM.name, "absent"])
    assert set(world.alarms.states([ALARM.name, slow.name])) == {slow.name}
    assert world.alarms.states([]) == {}
    world.alarms.delete([])


def test_more_alarms_than_one_call_takes(world: World) -> None:
    names = [f"sluice/shop/r{number:03}/drift" for number in range(130)]
    for name in names:
        world.alarms.put(Alarm(**{**ALARM.__dict__, "name": name}))
    assert len(world.alarms.states(names)) == 130
    world.alarms.delete(names)
    assert world.alarms.states(names) == {}


def test_metrics_are_put(world: World) -> None:
    world.metrics.put([Metric("drift", 0.25, dimensions={"Project": "shop"}), Metric("rows", 3, "Count")])
    world.metrics.put([])


def test_put_metrics_are_in_our_namespace(aws: World) -> None:
    aws.metrics.put([Metric("drift", 0.25, dimensions={"Project": "shop"})])
    [found] = boto3.client("cloudwatch").list_metrics(Namespace="Sluice")["Metrics"]
    assert (found["MetricName"], found["Dimensions"]) == ("drift", [{"Name": "Project", "Value": "shop"}])
    with pytest.raises(InputError, match="drift"):
        aws.metrics.put([Metric("drift", float("nan"))])


@pytest.mark.parametrize("second", [0, 1, 59])
def test_a_variants_sum_counts_the_minute_that_is_on_and_only_its_own(world: World, second: int) -> None:
    now = datetime.now(UTC).replace(second=second, microsecond=0)
    put(world, "v-r1", now, 2)
    put(world, "v-r1", now - timedelta(minutes=3), 5)
    put(world, "v-r1", now - timedelta(hours=3), 100)
    put(world, "v-r2", now, 1_000)

    def total(start: datetime, variant: str = "v-r1") -> float:
        return world.metrics.variant_sum("sluice-shop", variant, "Invocation5XXErrors", start, now)

    assert total(now) == 2
    assert total(now - timedelta(minutes=10)) == 7
    assert total(now - timedelta(days=2)) == 107
    assert total(now, "v-none") == 0


def test_no_latency_without_requests(world: World) -> None:
    now = datetime.now(UTC)
    assert world.metrics.variant_latency("sluice-shop", "v", now - timedelta(hours=1), now, 99) is None


def put(world: World, variant: str, at: datetime, value: float) -> None:
    """Lays a variant metric down as SageMaker would."""
    if hasattr(world.metrics, "add"):
        world.metrics.add("sluice-shop", variant, "Invocation5XXErrors", at, value)
        return
    dimensions = [{"Name": "EndpointName", "Value": "sluice-shop"}, {"Name": "VariantName", "Value": variant}]
    datum = {"MetricName": "Invocation5XXErrors", "Value": value, "Timestamp": at, "Dimensions": dimensions}
    boto3.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=[datum])
