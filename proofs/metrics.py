"""Alarms and dashboards look at metrics that somebody publishes, under the dimensions that they are published with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proofs.project import Finding, Project, TranslationError
from proofs.stack_values import STACK, StackValues, UnresolvedError
from sluice import names
from sluice.ports import Alarm
from sluice.release import endpoint_alarms
from sluice.watch import metric_names

CHECK = "metrics"


@dataclass(frozen=True)
class Published:
    """What a namespace has: metrics, the sets of dimensions that they come with, and where that is written."""

    metrics: frozenset[str]
    dimensions: tuple[frozenset[str], ...]
    source: str


def _published(metrics: str, dimensions: list[str], source: str) -> Published:
    return Published(frozenset(metrics.split()), tuple(frozenset(each.split()) for each in dimensions), source)


_OURS = {value for name, value in vars(metric_names).items() if name.isupper() and name != "NAMESPACE"}
PUBLISHED: dict[str, Published] = {
    "AWS/SQS": _published(
        "ApproximateAgeOfOldestMessage ApproximateNumberOfMessagesDelayed ApproximateNumberOfMessagesNotVisible "
        "ApproximateNumberOfMessagesVisible NumberOfEmptyReceives NumberOfMessagesDeleted NumberOfMessagesReceived "
        "NumberOfMessagesSent SentMessageSize",
        ["QueueName"],
        "SQS developer guide, 'Available CloudWatch metrics for Amazon SQS'",
    ),
    "AWS/States": _published(
        "ExecutionTime ExecutionThrottled ExecutionsAborted ExecutionsFailed ExecutionsStarted ExecutionsSucceeded "
        "ExecutionsTimedOut",
        ["StateMachineArn"],
        "Step Functions developer guide, 'Monitoring Step Functions metrics using Amazon CloudWatch'",
    ),
    "AWS/Lambda": _published(
        "Invocations Errors DeadLetterErrors DestinationDeliveryFailures Throttles Duration ConcurrentExecutions "
        "AsyncEventsReceived AsyncEventAge AsyncEventsDropped",
        ["FunctionName", "FunctionName Resource"],
        "Lambda developer guide, 'Types of metrics for Lambda functions'",
    ),
    "AWS/SageMaker": _published(
        "Invocations Invocation4XXErrors Invocation5XXErrors InvocationModelErrors InvocationsPerInstance ModelLatency "
        "OverheadLatency ModelSetupTime",
        ["EndpointName VariantName", "EndpointConfigName EndpointName VariantName"],
        "SageMaker developer guide, 'Metrics for monitoring Amazon SageMaker AI with Amazon CloudWatch'; of one fleet: "
        "'Auto-Rollback Configuration and Monitoring'",
    ),
    "AWS/Events": _published(
        "FailedInvocations DeadLetterInvocations InvocationsFailedToBeSentToDlq Invocations MatchedEvents "
        "ThrottledRules TriggeredRules",
        ["RuleName", "EventBusName RuleName"],
        "EventBridge user guide, 'Monitoring Amazon EventBridge'",
    ),
    metric_names.NAMESPACE: Published(frozenset(_OURS), (frozenset({"Project"}),), "sluice.watch.metric_names"),
}
# Dimension → type of the resource that it names, and the property or function that gives the name.
_NAMED = {
    "QueueName": "AWS::SQS::Queue",
    "StateMachineArn": "AWS::StepFunctions::StateMachine",
    "FunctionName": "AWS::Lambda::Function",
    "RuleName": "AWS::Events::Rule",
}
_STATISTICS = {"SampleCount", "Average", "Sum", "Minimum", "Maximum"}
_COMPARISONS = {
    *("GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"),
}
_MISSING = {"breaching", "notBreaching", "ignore", "missing"}
_SEARCH = re.compile(r"SEARCH\('\{([^}]*)\} MetricName=\"(\w+)\"', '(\w+)', \d+\)")


def findings(project: Project) -> list[Finding]:
    try:
        template = project.translated
        found = [*_alarms(template), *_dashboards(template)]
    except (TranslationError, UnresolvedError, KeyError, TypeError, ValueError, AttributeError) as error:
        return [Finding(CHECK, "template.yaml", repr(error))]
    for alarm in run_time_alarms():
        found += [(alarm.name, what) for what in check_alarm(alarm)]
    return [Finding(CHECK, where, what) for where, what in found]


def run_time_alarms() -> list[Alarm]:
    """The alarms that a release and the serving model get from our code."""
    run, endpoint = "r0123456789ab", "sluice-shop"
    found = endpoint_alarms.canary_alarms(
        STACK, "shop", run, endpoint_alarms.of_fleet(endpoint, "v", "config"), 250.0, 0.01
    )
    found += endpoint_alarms.canary_alarms(
        STACK, "shop", run, endpoint_alarms.of_variant(endpoint, names.variant(run)), 250.0, 0.01
    )
    return [*found, endpoint_alarms.champion_errors(STACK, "shop", endpoint, f"v-{run}", 0.01)]


def check_alarm(alarm: Alarm) -> Iterator[str]:
    for metric in (alarm.metric, alarm.share_of):
        if metric is not None:
            yield from _metric(alarm.namespace, metric, set(alarm.dimensions))
    yield from _statistic(alarm.statistic)
    if alarm.comparison not in _COMPARISONS:
        yield f"CloudWatch has no comparison {alarm.comparison!r}"


def _metric(namespace: str, metric: str, dimensions: set[str]) -> Iterator[str]:
    published = PUBLISHED.get(namespace)
    if published is None:
        yield f"nobody publishes into {namespace!r} (proofs/metrics.py)"
        return
    if metric not in published.metrics:
        yield f"{namespace} has no metric {metric!r}: {published.source}"
    if frozenset(dimensions) not in published.dimensions:
        known = " or ".join(" ".join(sorted(each)) for each in published.dimensions)
        yield f"{namespace} comes with {known}, not with {' '.join(sorted(dimensions)) or 'nothing'}"


def _statistic(statistic: str) -> Iterator[str]:
    if statistic not in _STATISTICS and not re.fullmatch(r"p(\d{1,2}(\.\d{1,10})?|100)", statistic):
        yield f"CloudWatch has no statistic {statistic!r}"


def _named(template: dict[str, Any], values: StackValues, dimension: str, value: str) -> Iterator[str]:
    """A dimension's value is what the service writes there for a resource of this stack."""
    kind = _NAMED.get(dimension)
    if kind is None:
        return
    ids = [name for name, item in template["Resources"].items() if item["Type"] == kind]
    known = {values.arn(name) if dimension.endswith("Arn") else values.name(name) for name in ids}
    if value not in known:
        yield f"{dimension} {value!r} names no {kind} of the stack"


def _alarms(template: dict[str, Any]) -> Iterator[tuple[str, str]]:
    values = StackValues(template)
    for name, item in template["Resources"].items():
        if item["Type"] != "AWS::CloudWatch::Alarm":
            continue
        given = values.resolve({key: each for key, each in item["Properties"].items() if key != "AlarmActions"})
        dimensions = {each["Name"]: each["Value"] for each in given.get("Dimensions", [])}
        problems = [*_metric(given.get("Namespace", ""), given.get("MetricName", ""), set(dimensions))]
        for dimension, value in dimensions.items():
            problems += _named(template, values, dimension, str(value))
        problems += _statistic(str(given.get("Statistic", given.get("ExtendedStatistic"))))
        period = given.get("Period")
        if not isinstance(period, int) or (period not in (10, 30) and (period <= 0 or period % 60)):
            problems.append(f"Period {period!r} is 10, 30 or whole minutes")
        if given.get("ComparisonOperator") not in _COMPARISONS:
            problems.append(f"CloudWatch has no comparison {given.get('ComparisonOperator')!r}")
        if given.get("TreatMissingData") not in _MISSING:
            problems.append("says how it treats missing data")
        if not item["Properties"].get("AlarmActions"):
            problems.append("notifies nobody")
        for field in ("Threshold", "EvaluationPeriods"):
            if not isinstance(given.get(field), int | float):
                problems.append(f"{field} is a number")
        yield from ((name, each) for each in problems)


def _dashboards(template: dict[str, Any]) -> Iterator[tuple[str, str]]:
    values = StackValues(template)
    for name, item in template["Resources"].items():
        if item["Type"] != "AWS::CloudWatch::Dashboard":
            continue
        body = json.loads(values.resolve(item["Properties"]["DashboardBody"]))
        for index, widget in enumerate(body["widgets"]):
            for what in _widget(template, values, widget):
                yield f"{name}.widgets[{index}]", what


def _widget(template: dict[str, Any], values: StackValues, widget: dict[str, Any]) -> Iterator[str]:
    if widget["type"] != "metric":
        return
    yield from _statistic(widget["properties"].get("stat", "Average"))
    before: list[Any] = []
    for line in widget["properties"]["metrics"]:
        if isinstance(line[0], dict):
            yield from _search(line[0])
            continue
        texts = [each for each in line if not isinstance(each, dict)]
        full = [before[place] if each == "." else each for place, each in enumerate(texts)]
        namespace, metric, *pairs = full
        dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
        yield from _metric(namespace, metric, set(dimensions))
        for dimension, value in dimensions.items():
            yield from _named(template, values, dimension, value)
        before = full


def _search(line: dict[str, Any]) -> Iterator[str]:
    match = _SEARCH.fullmatch(line.get("expression", ""))
    if match is None:
        yield f"{line.get('expression')!r} is no search that this check can read"
        return
    namespace, *dimensions = match[1].split(",")
    yield from _metric(namespace, match[2], set(dimensions))
    yield from _statistic(match[3])
