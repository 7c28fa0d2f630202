"""CloudWatch alarms of a release. They abort at once, whatever the statistics say, so they ring for plain trouble."""

from __future__ import annotations

from sluice import names
from sluice.ports import Alarm

BURST = 5
"""Server errors in a minute. One failure is the sequential test's business; an alarm that rings for it would undo α."""


def canary_errors_name(stack: str, project: str, run_id: str) -> str:
    return names.alarm(stack, project, run_id, "canary-errors")


def canary_latency_name(stack: str, project: str, run_id: str) -> str:
    return names.alarm(stack, project, run_id, "canary-latency")


def canary_name(stack: str, project: str, run_id: str) -> str:
    """The composite of the others: it alone ends a release, so that one trouble is one event."""
    return names.alarm(stack, project, run_id, "canary")


def canary_names(stack: str, project: str, run_id: str) -> list[str]:
    return [canary_errors_name(stack, project, run_id), canary_latency_name(stack, project, run_id)]


def canary_alarms(stack: str, project: str, run_id: str, endpoint: str, variant: str, max_p99_ms: float) -> list[Alarm]:
    """Missing data do not breach: a canary without traffic is the judge's business (too few requests)."""
    dimensions = {"EndpointName": endpoint, "VariantName": variant}
    return [
        Alarm(
            name=canary_errors_name(stack, project, run_id),
            description=f"The canary {run_id} of {project} answers with server errors; the release is rolled back.",
            namespace="AWS/SageMaker",
            metric="Invocation5XXErrors",
            dimensions=dimensions,
            statistic="Sum",
            comparison="GreaterThanOrEqualToThreshold",
            threshold=BURST,
        ),
        Alarm(
            name=canary_latency_name(stack, project, run_id),
            description=f"The canary {run_id} of {project} is slower than the contract allows; it is rolled back.",
            namespace="AWS/SageMaker",
            metric="ModelLatency",
            dimensions=dimensions,
            statistic="p99",
            comparison="GreaterThanThreshold",
            # microseconds
            threshold=max_p99_ms * 1000,
            # one slow request is the p99 of a quiet minute, so it must last
            evaluation_periods=3,
            datapoints=2,
        ),
    ]


def champion_errors(stack: str, project: str, endpoint: str, variant: str) -> Alarm:
    return Alarm(
        name=names.alarm(stack, project, "champion-errors"),
        description=f"The serving model of {project} answers with server errors; in probation it is rolled back.",
        namespace="AWS/SageMaker",
        metric="Invocation5XXErrors",
        dimensions={"EndpointName": endpoint, "VariantName": variant},
        statistic="Sum",
        comparison="GreaterThanOrEqualToThreshold",
        threshold=BURST,
    )
